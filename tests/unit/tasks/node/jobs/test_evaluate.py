from __future__ import annotations

import numpy as np
import pytest
from ase.io import read
from pydantic import ValidationError

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tests.support.campaign_files import boundary_space, table_space

BOUNDARY = {
    "campaign": "test",
    "space": boundary_space(
        "Al", 4.05, [1, 1, 1], translation={"normal": [0.1], "in_plane": [0.0, 0.4], "along_axis": [0.0]}, removed_planes=[0]
    ),
    "calculator": {"type": "lammps", "potential": "NiAlH_jea.eam.alloy", "relaxation": {"fmax": 0.002}},
}
TWIN, SHIFTED = "s003-111-r0-x000-y000-z010", "s003-111-r0-x040-y000-z010"


def document(tmp_path, candidate: str = TWIN, **changes: object) -> JobDocument:
    return JobDocument.model_validate({**BOUNDARY, "candidate": candidate, "base_path": str(tmp_path), **changes})


def test_a_boundary_s_energy_comes_in_the_objective_s_unit(require, tmp_path):
    require("lammps")
    milli = evaluate(document(tmp_path), tmp_path)
    assert milli.failure is None
    assert 50 < milli.value < 90
    whole = evaluate(document(tmp_path, objective={"unit": "J/m2"}), tmp_path)
    assert whole.value * 1000 == pytest.approx(milli.value, rel=1e-12)
    assert milli.quantities["grain_boundary_energy"].value == whole.value
    assert milli.quantities["grain_boundary_energy"].unit == "J/m^2"


def test_an_outcome_says_what_was_done_where_and_when(require, tmp_path):
    require("lammps")
    outcome = evaluate(document(tmp_path, SHIFTED), tmp_path)
    assert outcome.provenance.model == "NiAlH_jea.eam.alloy"
    assert len(outcome.provenance.model_sha256) == 64
    assert outcome.provenance.host
    assert outcome.provenance.tansaku_version
    assert outcome.started_at.utcoffset().total_seconds() == 0
    assert outcome.started_at <= outcome.finished_at
    assert outcome.wall_time > 0
    properties = outcome.properties
    assert properties["boundaries_differ"] is False
    assert np.mean(properties["boundary_energies"]) * 1000 == pytest.approx(outcome.value)
    assert properties["final_translation"] == pytest.approx([0.4, 0.0, 0.1], abs=1e-6)
    assert properties["steps"] > 0
    assert JobDocument.model_validate_json(document(tmp_path).model_dump_json()) == document(tmp_path)


def test_the_structure_that_is_left_carries_energies_and_metadata(require, tmp_path):
    require("lammps")
    outcome = evaluate(document(tmp_path), tmp_path)
    atoms = read(tmp_path / outcome.artifacts["structure.extxyz"])
    assert atoms.get_potential_energies().sum() == pytest.approx(outcome.quantities["energy"].value, abs=1e-5)
    assert len(atoms) == outcome.properties["n_atoms"]
    assert atoms.info["sigma"] == 3
    assert atoms.info["potential"] == "NiAlH_jea.eam.alloy"
    assert atoms.info["grain_boundary_energy"] * 1000 == pytest.approx(outcome.value, abs=1e-4)
    assert set(np.unique(atoms.arrays["boundary"])) == {0, 1}


def test_an_override_takes_the_place_of_the_calculator_s_relaxation(require, tmp_path):
    require("lammps")
    held = evaluate(document(tmp_path, SHIFTED), tmp_path)
    polish = {"cell": "normal", "translation": "free", "fmax": 0.002}
    polished = evaluate(document(tmp_path, SHIFTED, relaxation=polish), tmp_path)
    assert polished.value < held.value - 1
    assert polished.properties["final_translation"] != pytest.approx([0.4, 0.0, 0.1], abs=1e-3)
    assert polished.quantities["expansion"].value != 0.0


def test_a_failed_relaxation_is_a_failure_of_the_science_without_a_number(require, tmp_path):
    require("lammps")
    short = {"fmax": 1e-6, "max_steps": 2}
    outcome = evaluate(document(tmp_path, SHIFTED, relaxation=short), tmp_path)
    assert outcome.value is None
    assert outcome.failure.kind is FailureKind.SCIENCE
    assert outcome.failure.reason == "not_converged"
    assert outcome.wall_time > 0
    assert outcome.artifacts == {}
    assert outcome.provenance.model == "NiAlH_jea.eam.alloy"


def test_results_are_the_same_whatever_was_computed_before(require, tmp_path):
    require("lammps")
    first = evaluate(document(tmp_path), tmp_path)
    evaluate(document(tmp_path, SHIFTED), tmp_path)
    again = evaluate(document(tmp_path), tmp_path)
    assert again.value == first.value
    assert again.properties == first.properties


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"objective": {"unit": "eV"}}, r"objective\.unit"),
        ({"objective": {"property": "hardness"}}, r"objective\.property"),
        ({"calculator": None}, "calculator"),
        ({"calculator": {"type": "lammps", "potential": "none.eam.fs"}}, r"calculator\.potential"),
    ],
)
def test_what_cannot_be_computed_is_an_error_that_names_the_key(require, tmp_path, changes, key):
    require("lammps")
    with pytest.raises(ConfigurationError, match=key):
        evaluate(document(tmp_path, **changes), tmp_path)


def test_a_candidate_outside_the_space_is_an_error(require, tmp_path):
    require("lammps")
    with pytest.raises(NotFoundError):
        evaluate(document(tmp_path, "s003-111-r0-x999-y000-z010"), tmp_path)


def test_a_table_s_value_is_looked_up(tmp_path):
    (tmp_path / "t.csv").write_text("id,x,value\na,1,0.5\nb,2,\n")
    space = table_space("t.csv", {"id": "id", "value": "value"}, {"x": {"columns": ["x"]}})
    found, failed = (evaluate(document(tmp_path, name, space=space, calculator=None), tmp_path) for name in "ab")
    assert (found.value, found.failure) == (0.5, None)
    assert (failed.value, failed.failure.reason) == (None, "recorded_failure")
    assert found.provenance.host


def test_a_result_without_a_value_that_the_goal_compares_is_a_failure_of_the_science(tmp_path):
    (tmp_path / "t.csv").write_text("id,x,value,h\na,1,0.5,7\nb,2,0.6,\n")
    space = table_space(
        "t.csv",
        {"id": "id", "value": "value", "quantities": {"hull": {"column": "h", "unit": "meV"}}},
        {"x": {"columns": ["x"]}},
    )
    objective = {"unit": "eV", "goal": {"type": "pareto", "also": [{"property": "hull", "unit": "eV"}]}}
    changes = {"space": space, "calculator": None, "objective": objective}
    found, failed = (evaluate(document(tmp_path, name, **changes), tmp_path) for name in "ab")
    assert found.quantities["hull"].model_dump() == {"value": 7.0, "unit": "meV"}
    assert (failed.value, failed.failure.reason, failed.failure.kind) == (None, "incomplete", FailureKind.SCIENCE)
    assert "hull" in failed.failure.message


def test_a_document_is_checked_before_anything_is_done_with_it(tmp_path):
    with pytest.raises(ValidationError):
        document(tmp_path, surprise=1)
    with pytest.raises(ValidationError):
        document(tmp_path, calculator={"type": "os.system", "potential": "x"})


def test_a_polish_goes_on_from_the_structure_of_an_earlier_job(require, tmp_path):
    require("lammps")
    held = evaluate(document(tmp_path, SHIFTED), tmp_path)
    left = (tmp_path / held.artifacts["structure.extxyz"]).read_text(encoding="utf-8")
    polish = {"cell": "normal", "translation": "free", "fmax": 0.002}
    (tmp_path / "again").mkdir()
    polished = evaluate(document(tmp_path, SHIFTED, relaxation=polish, start=left), tmp_path / "again")
    assert polished.value < held.value
    built = evaluate(document(tmp_path, SHIFTED, relaxation=polish), tmp_path)
    assert polished.properties["steps"] < built.properties["steps"]
    # Both roads lead to the same minimum, measured from the same cell.
    assert polished.value == pytest.approx(built.value, abs=0.1)
    assert polished.quantities["expansion"].value == pytest.approx(built.quantities["expansion"].value, abs=0.01)
    assert polished.properties["final_translation"] == pytest.approx(built.properties["final_translation"], abs=0.05)
    with pytest.raises(ConfigurationError, match=SHIFTED):
        evaluate(document(tmp_path, TWIN, start=left), tmp_path)
