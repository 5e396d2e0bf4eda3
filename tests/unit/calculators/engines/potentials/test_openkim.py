"""Models of OpenKIM by their names: the files that LAMMPS reads, the crystals that they give, and what is refused."""

import hashlib
from pathlib import Path

import pytest
from ase.build import bulk

from tansaku.calculators.calculator_registry import known_elements, open_calculator, resolve_calculator
from tansaku.calculators.engines.openkim import installed_models, is_model, model_files
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec

ALUMINIUM = "EAM_Dynamo_MishinFarkasMehl_1999_Al__MO_651801486679_005"
ALLOY = "EAM_Dynamo_MendelevAstaRahman_2009_AlMg__MO_658278549784_005"
MEAM = "MEAM_LAMMPS_KimKimLee_2009_AlMg__MO_058537087384_000"
ABSENT = "EAM_Dynamo_Nobody_2026_Al__MO_000000000000_000"


@pytest.fixture
def installed(require, monkeypatch, tmp_path):
    require("openkim")
    require("lammps")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("model", "style", "elements", "edge", "energy"),
    [
        (ALUMINIUM, "eam/alloy", {"Al"}, 4.05, -3.36),  # Mishin et al. 1999, doi:10.1103/PhysRevB.59.3393, table I
        (ALLOY, "eam/fs", {"Al", "Mg"}, 4.0453, -3.4107),  # 4.04527 Å stands in the file
        (MEAM, "meam", {"Al", "Mg"}, 4.0447, -3.36),  # re = 2.86 Å and Ec of its own file
    ],
)
def test_a_model_gives_the_crystal_that_its_authors_state(model, style, elements, edge, energy):
    spec = resolve_calculator(LammpsSpec(potential=model), Path())
    assert (spec.style, spec.potential) == (style, model)
    assert known_elements(spec, Path()) == elements
    calculator = open_calculator(spec, Path())
    assert calculator.provenance.model == model
    energies = [calculator.evaluate(bulk("Al", a=side * edge)).energy for side in (0.998, 1.0, 1.002)]
    assert min(energies) == energies[1] == pytest.approx(energy, abs=2e-3)


@pytest.mark.usefixtures("installed")
def test_the_files_are_those_that_openkim_published():
    found = model_files(ALUMINIUM).potential
    digest = hashlib.sha1(found.read_bytes(), usedforsecurity=False).hexdigest()
    assert digest == "fd0ef42ac3c46795a88edf53b07a4d4b331b64a7"  # kimprovenance.edn of the model


@pytest.mark.usefixtures("installed")
def test_a_damaged_copy_is_written_again():
    found = model_files(ALUMINIUM).potential
    content = found.read_bytes()
    found.write_bytes(b"damaged")
    assert model_files(ALUMINIUM).potential.read_bytes() == content


@pytest.mark.usefixtures("installed")
def test_installed_models_are_those_that_lammps_can_read():
    names = installed_models()
    assert {ALUMINIUM, ALLOY, MEAM} <= set(names)
    assert not any(name.startswith("SW_") for name in names)


def test_a_model_that_is_not_installed_says_how_to_install_it():
    with pytest.raises(MissingComponentError, match="is not installed") as raised:
        resolve_calculator(LammpsSpec(potential=ABSENT), Path())
    assert "apt install openkim-models" in str(raised.value)


def test_a_simulator_model_is_refused():
    with pytest.raises(ConfigurationError, match=r"is a simulator model of OpenKIM; expected a portable one \(MO\)"):
        resolve_calculator(LammpsSpec(potential="Sim_LAMMPS_ReaxFF_Nobody_2026_CHO__SM_000000000000_000"), Path())


@pytest.mark.usefixtures("installed")
def test_models_of_other_drivers_and_further_keys_are_refused():
    with pytest.raises(ConfigurationError, match=r"of SW with \d files; expected EAM_Dynamo with 1 or MEAM_LAMMPS"):
        resolve_calculator(LammpsSpec(potential="SW_StillingerWeber_1985_Si__MO_405512056662_005"), Path())
    with pytest.raises(ConfigurationError, match=r"a model of OpenKIM says both; expected neither"):
        resolve_calculator(LammpsSpec(potential=MEAM, library="library.meam", elements=("Al", "Mg")), Path())


@pytest.mark.usefixtures("installed")
def test_a_home_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match=r"cannot be kept in .*/file/\.cache/.*: Not a directory"):
        model_files(ALUMINIUM)


def test_a_library_that_is_none_is_refused(monkeypatch, tmp_path):
    folder = tmp_path / ABSENT
    folder.mkdir()
    (folder / "libkim-api-portable-model.so").write_text("no library")
    monkeypatch.setenv("KIM_API_PORTABLE_MODELS_DIR", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"the model cannot be loaded: .*libkim-api-portable-model\.so"):
        model_files(ABSENT)


def test_names_of_models():
    assert is_model(ALUMINIUM)
    assert not is_model("Al99.eam.alloy")
    assert not is_model(f"../{ALUMINIUM}")
