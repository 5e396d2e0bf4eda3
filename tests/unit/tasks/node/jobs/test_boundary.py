"""A boundary's job whose grains did not stay what they were."""

import io

import numpy as np
import pytest
from ase.io import write
from scipy.spatial.transform import Rotation

from tansaku.models.domain.states import FailureKind
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate

TURNS = "s041-338-r5-x030-y010-z040"


def document(tmp_path, element, edge, calculator, **changes):
    """The job of a translation of S41(338) at which grains of 16 Å turn by themselves in aluminium."""
    space = {
        "type": "grain_boundary",
        "crystal": {"structure": "fcc", "element": element, "lattice_parameter": edge},
        "boundaries": {"planes": [[3, 3, 8]]},
        "translation": {"normal": [0.4], "in_plane": [0.3], "along_axis": [0.1]},
        "removed_planes": [5],
        "spacing": changes.pop("spacing", 16.0),
    }
    told = {"campaign": "test", "candidate": TURNS, "space": space, "calculator": calculator, "base_path": str(tmp_path)}
    return JobDocument.model_validate(told | changes)


def test_a_grain_that_turned_fails_the_evaluation_and_a_thicker_one_does_not(require, tmp_path):
    require("lammps")
    relaxation = {"cell": "normal", "translation": "free", "fmax": 0.001}
    calculator = {"type": "lammps", "potential": "NiAlH_jea.eam.alloy", "relaxation": relaxation}
    thin = evaluate(document(tmp_path, "Al", 4.05, calculator), tmp_path)
    assert thin.value is None
    assert (thin.failure.kind, thin.failure.reason) == (FailureKind.SCIENCE, "rotated_grain")
    assert "turned by 1.2" in thin.failure.message
    assert thin.provenance.code == "lammps"
    assert thin.wall_time > 0
    thick = evaluate(document(tmp_path, "Al", 4.05, calculator, spacing=24.0), tmp_path)
    assert thick.failure is None
    # 144.3 is what the thin cell would have said.
    assert 160 < thick.value < 166
    grains = thick.properties["grains"]
    assert grains["checked"] is True
    assert max(grains["rotation"]) < 0.2
    assert max(grains["strain_energy"]) < 1e-4
    assert grains["atoms"] == [pytest.approx(111, abs=5)] * 2


@pytest.mark.parametrize(("degrees", "reason"), [(2.0, "rotated_grain"), (0.7, None)])
def test_a_start_that_is_turned_already_is_looked_at_too(tmp_path, degrees, reason):
    """As a polish begins: with a structure that an earlier job left, here so rough that it is not moved."""
    calculator = {"type": "emt", "relaxation": {"fmax": 1e6}}
    told = document(tmp_path, "Cu", 3.59, calculator)
    atoms = open_space(told.space, tmp_path).structure(TURNS)
    mine = atoms.arrays["grain"] == 1
    middle = atoms.positions[mine].mean(axis=0)
    turn = Rotation.from_rotvec([0.0, np.radians(degrees), 0.0]).as_matrix()
    atoms.positions[mine] = middle + (atoms.positions[mine] - middle) @ turn.T
    text = io.StringIO()
    write(text, atoms, format="extxyz")
    outcome = evaluate(told.model_copy(update={"start": text.getvalue()}), tmp_path)
    if reason is None:
        assert outcome.properties["grains"]["rotation"] == pytest.approx([0.0, degrees], abs=0.1)
        assert outcome.value is not None
        return
    assert outcome.value is None
    assert outcome.failure.reason == reason
    assert "grain 1 turned by" in outcome.failure.message


def test_a_cell_too_thin_to_be_looked_at_says_so(tmp_path):
    calculator = {"type": "emt", "relaxation": {"fmax": 1e6}}
    told = document(tmp_path, "Cu", 3.59, calculator)
    space = told.space.model_copy(
        update={
            "boundaries": told.space.boundaries.model_copy(update={"planes": ((1, 1, 1),)}),
            "removed_planes": (0,),
            "spacing": 8.0,
        }
    )
    told = told.model_copy(update={"space": space, "candidate": str(open_space(space, tmp_path).pool().ids[0])})
    outcome = evaluate(told, tmp_path)
    assert outcome.failure is None
    assert outcome.properties["grains"]["checked"] is False
    assert "too thin" in outcome.properties["grains"]["reason"]
