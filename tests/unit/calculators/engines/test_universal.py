"""What the universal potentials add to the contract of a calculator."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from tansaku.calculators.engines.chgnet import open_chgnet
from tansaku.calculators.engines.sevennet import open_sevennet
from tansaku.calculators.engines.universal import checked_weights, installed
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.sevennet import SevennetSpec


def test_a_package_that_is_missing_is_named_with_what_to_install():
    with pytest.raises(MissingComponentError, match="nowhere") as caught:
        installed("nowhere", "chgnet")
    assert caught.value.hint == "pip install 'tansaku[chgnet]'"
    assert "\n" not in caught.value.message


def test_weights_that_are_missing_or_others_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.pth"):
        checked_weights(tmp_path / "none.pth", "0" * 64, "numpy")
    (tmp_path / "other.pth").write_bytes(b"weights")
    with pytest.raises(ConfigurationError, match="another model"):
        checked_weights(tmp_path / "other.pth", "0" * 64, "numpy")


def test_provenance_names_package_model_weights_precision_and_device(require):
    require("chgnet")
    require("sevenn")
    for told, code in ((open_chgnet(ChgnetSpec()).provenance, "chgnet"), (open_sevennet(SevennetSpec()).provenance, "sevenn")):
        assert told.code == code
        assert told.code_version
        assert len(told.model_sha256) == 64
        assert told.settings["dtype"] == "float32"
        assert told.settings["device"] == "cpu"
    hashes = {open_chgnet(ChgnetSpec(model=name)).provenance.model_sha256 for name in ("0.3.0", "r2scan")}
    assert len(hashes) == 2
    double = open_chgnet(ChgnetSpec(dtype="float64")).provenance
    assert double != open_chgnet(ChgnetSpec()).provenance


def test_opening_loads_neither_torch_nor_the_package(require):
    require("chgnet")
    require("sevenn")
    code = (
        "import sys\n"
        "from tansaku.calculators.engines.chgnet import open_chgnet\n"
        "from tansaku.calculators.engines.sevennet import open_sevennet\n"
        "from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec\n"
        "from tansaku.models.domain.specs.calculators.sevennet import SevennetSpec\n"
        "open_chgnet(ChgnetSpec()); open_sevennet(SevennetSpec())\n"
        "print(sorted({'torch', 'chgnet', 'sevenn'} & set(sys.modules)))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[4]
    )
    assert told.stdout.strip() == "[]"


def test_one_pass_back_gives_what_the_package_s_own_calculator_gives(require):
    require("chgnet")
    from chgnet.model.dynamics import CHGNetCalculator

    atoms = bulk("NaCl", "rocksalt", a=5.7)
    atoms.positions[0] += (0.1, 0.05, -0.02)
    ours = open_chgnet(ChgnetSpec()).evaluate(atoms)
    theirs = atoms.copy()
    theirs.calc = CHGNetCalculator(use_device="cpu")
    assert ours.energy == pytest.approx(float(theirs.get_potential_energy()), abs=2e-5)
    np.testing.assert_allclose(ours.forces, theirs.get_forces(), atol=2e-5)
    np.testing.assert_allclose(ours.stress, theirs.get_stress(), atol=2e-6)


def test_precision_and_weights_change_the_numbers(require):
    require("chgnet")
    atoms = bulk("NaCl", "rocksalt", a=5.7)
    single, double, other = (
        open_chgnet(ChgnetSpec(**spec)).evaluate(atoms).energy for spec in ({}, {"dtype": "float64"}, {"model": "r2scan"})
    )
    assert single != double
    assert single == pytest.approx(double, abs=1e-4)
    assert abs(other - single) > 0.1


def test_a_model_of_several_functionals_gives_the_one_of_its_name(require):
    """The package's own calculator, asked for it."""
    require("sevenn")
    from sevenn.calculator import SevenNetCalculator

    atoms = bulk("NaCl", "rocksalt", a=5.7)
    found = open_sevennet(SevennetSpec(model="7net-mf-0-r2scan")).evaluate(atoms).energy
    for functional, same in (("R2SCAN", True), ("PBE", False)):
        theirs = atoms.copy()
        theirs.calc = SevenNetCalculator("7net-mf-0", modal=functional, device="cpu")
        assert (abs(float(theirs.get_potential_energy()) - found) < 1e-4) == same


def test_models_of_one_kind_share_their_weights_in_memory(require):
    require("chgnet")
    from tansaku.calculators.engines.chgnet import _network

    atoms = bulk("NaCl", "rocksalt", a=5.7)
    before = _network.cache_info().misses
    for _ in range(3):
        open_chgnet(ChgnetSpec()).evaluate(atoms)
    assert _network.cache_info().misses <= before + 1
