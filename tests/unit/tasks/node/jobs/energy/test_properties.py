"""Properties that follow from energies, against ASE by itself: formation energy, hull distance, volume, bulk modulus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.eos import EquationOfState
from ase.units import GPa

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.checks.check import preview_loaded
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data, spec_hash
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate

GOLD = Atoms("AuCu3", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]], cell=[3.75] * 3, pbc=True)
ENERGIES = {"Cu": -0.007, "Au": 0.002, "CuAu": -0.05}

NICKEL_OXIDE = {
    "type": "composition",
    "parent": {"cif": "nio.cif"},
    "sites": {"A": {"replaces": "Ni2+", "ions": ["Ni2+", "Cu2+", "Pd2+"]}, "O": {"replaces": "O2-"}},
}


@pytest.fixture
def folder(tmp_path, require) -> Path:
    """Crystals in files, and a table of phases."""
    require("pymatgen")
    for name, atoms in {
        "fcc": bulk("Cu", "fcc", a=3.59),
        "bcc": bulk("Cu", "bcc", a=2.86),
        "hcp": bulk("Cu", "hcp", a=2.54),
        "gold": GOLD,
    }.items():
        atoms.write(tmp_path / f"{name}.vasp", format="vasp")
    bulk("NiO", "rocksalt", a=4.18).write(tmp_path / "nio.cif")
    lines = [f"{formula},{energy}" for formula, energy in ENERGIES.items()]
    (tmp_path / "phases.csv").write_text("\n".join(["formula,energy_per_atom", *lines, "Cu,0.5"]) + "\n")
    return tmp_path


def computed(
    folder: Path, candidate: str, name: str, unit: str, space: dict | None = None, calculator: dict | None = None
) -> Outcome:
    document = {
        "campaign": "test",
        "candidate": candidate,
        "space": space or {"type": "structures", "folder": ".", "phases": {"file": "phases.csv"}},
        "calculator": calculator or {"type": "emt"},
        "objective": {"property": name, "unit": unit},
        "base_path": str(folder),
    }
    (folder / "out").mkdir(exist_ok=True)
    return evaluate(JobDocument.model_validate(document), folder / "out")


@pytest.mark.parametrize("name", ["fcc", "bcc", "hcp"])
def test_energy_and_volume_are_those_of_ase(folder, name):
    edges = {"fcc": 3.59, "bcc": 2.86, "hcp": 2.54}
    atoms = bulk("Cu", name, a=edges[name])
    atoms.calc = EMT()
    energy = computed(folder, name, "energy_per_atom", "eV/atom")
    assert energy.value == pytest.approx(atoms.get_potential_energy() / len(atoms), abs=1e-9)
    volume = computed(folder, name, "volume", "Angstrom3/atom")
    assert volume.value == pytest.approx(atoms.get_volume() / len(atoms), abs=1e-9)
    assert volume.quantities["energy_per_atom"].value == energy.value


def test_formation_energy_and_hull_distance_are_those_of_ase_and_by_hand(folder):
    atoms = GOLD.copy()
    atoms.calc = EMT()
    own = atoms.get_potential_energy() / 4
    formation = computed(folder, "gold", "formation_energy", "meV/atom")
    assert formation.value == pytest.approx(1000 * (own - (3 * -0.007 + 0.002) / 4), abs=1e-6)
    above = computed(folder, "gold", "energy_above_hull", "eV/atom")
    # AuCu3 is half CuAu and half Cu, by atoms.
    assert above.value == pytest.approx(own - (0.5 * -0.05 + 0.5 * -0.007), abs=1e-9)


def test_the_bulk_modulus_is_that_of_ase_by_another_grid_of_volumes(folder):
    volumes, energies = [], []
    for edge in np.linspace(3.54, 3.64, 11):
        atoms = bulk("Cu", "fcc", a=edge)
        atoms.calc = EMT()
        volumes.append(atoms.get_volume())
        energies.append(atoms.get_potential_energy())
    expected = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()[2] / GPa
    assert computed(folder, "fcc", "bulk_modulus", "GPa").value == pytest.approx(expected, rel=0.005)


def test_the_gap_of_a_salt(folder, require):
    require("gpaw")
    bulk("LiF", "rocksalt", a=4.03).write(folder / "salt.vasp", format="vasp")
    coarse = {"type": "gpaw", "xc": "LDA", "cutoff": 150, "kpoint_density": 0.8, "smearing": {"width": 0.1}}
    outcome = computed(folder, "salt", "band_gap", "meV", calculator=coarse)
    assert 5000 < outcome.value < 12000
    assert outcome.quantities["band_gap"].value == pytest.approx(outcome.value / 1000)


def test_a_crystal_far_from_its_volume_has_no_bulk_modulus(folder):
    bulk("Cu", "fcc", a=3.9).write(folder / "wide.vasp", format="vasp")
    assert computed(folder, "wide", "bulk_modulus", "GPa").failure.reason in ("no_minimum", "no_fit")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("formula,energy\nCu,1\n", "no column 'energy_per_atom'"),
        ("formula,energy_per_atom\nCu,one\n", "line 2: energy_per_atom is 'one', not a finite number"),
        ("formula,energy_per_atom\nCu,nan\n", "line 2: .* not a finite number"),
        ("formula,energy_per_atom\nQq,1\n", "line 2: 'Qq' is not a chemical formula"),
        ("formula,energy_per_atom\n", "has no phases"),
    ],
)
def test_a_wrong_table_of_phases_is_refused_by_line(folder, text, message):
    (folder / "phases.csv").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        computed(folder, "gold", "energy_above_hull", "eV/atom")


def campaign(folder: Path, **changes: object) -> object:
    data = {
        "schema_version": 1,
        "name": "small",
        "space": NICKEL_OXIDE,
        "calculator": {"type": "emt"},
        "objective": {"property": "energy_above_hull", "unit": "eV/atom", "goal": {"type": "best_overall"}},
        "execution": {"polish": 0},
    }
    return campaign_from_data(data | changes, folder, "test")


def test_a_composition_without_a_workflow_is_computed_for_its_hull_distance(folder):
    energies = {"NiO": -1.0, "Cu": 0.0, "Pd": 0.0, "O": 0.0}
    space = NICKEL_OXIDE | {"relaxed": False, "phases": {"energies": energies}}
    loaded = campaign(folder, space=space)
    assert preview_loaded(loaded).candidates == 3
    outcome = computed(folder, "Ni2", "energy_above_hull", "eV/atom", space)
    assert outcome.value == pytest.approx(outcome.quantities["energy_per_atom"].value + 1.0)
    assert loaded.spec.space.value_key("energy_above_hull") == "value"
    assert loaded.spec.space.value_key(None) == "E_b"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"space\.phases: missing; energy_above_hull compares"),
        ({"objective": {"unit": "eV"}}, r"calculator\.workflow: missing"),
        (
            {"objective": {"property": "band_gap", "unit": "eV"}},
            r"calculator\.type: .* no band_gap; expected gpaw",
        ),
        ({"objective": {"property": "volume", "unit": "eV"}}, "'eV' is no unit of volume"),
        ({"objective": {"property": "volume", "unit": "Angstrom3/atom"}, "execution": {"polish": 2}}, "no final relaxation"),
        (
            {
                "objective": {"property": "volume", "unit": "Angstrom3/atom"},
                "space": NICKEL_OXIDE | {"mobile": "A"},
                "calculator": {"type": "chgnet", "workflow": {"type": "migration_barrier"}},
            },
            "migration_barrier gives migration_barrier, not volume",
        ),
    ],
)
def test_what_the_job_does_not_give_is_refused(folder, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        campaign(folder, **changes)


def test_phases_without_an_element_are_refused_before_anything_is_computed(folder):
    space = NICKEL_OXIDE | {"phases": {"energies": {"NiO": -1.0, "Cu": 0.0}}}
    with pytest.raises(ConfigurationError, match=r"space\.phases: no mixture of them has the composition CuO"):
        preview_loaded(campaign(folder, space=space))


def test_a_moved_folder_is_the_same_campaign_and_a_renamed_file_is_another(folder):
    def hashed() -> str:
        space = {"type": "structures", "folder": "all", "phases": {"file": "phases.csv"}}
        return spec_hash(campaign(folder, space=space, objective={"property": "volume", "unit": "Angstrom3/atom"}).spec)

    (folder / "all").mkdir()
    (folder / "fcc.vasp").rename(folder / "all/fcc.vasp")
    before = hashed()
    (folder / "all").rename(folder / "other")
    (folder / "other").rename(folder / "all")
    assert hashed() == before
    (folder / "all/fcc.vasp").rename(folder / "all/renamed.vasp")
    assert hashed() != before
    assert CampaignSpec.model_validate(campaign(folder, objective={"property": "volume", "unit": "Angstrom3/atom"}).spec)
