import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from tansaku.calculators.structures.extended_xyz import read_extended_xyz
from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.ports import CalculationResult, RelaxationSteps
from tansaku.models.domain.records import Provenance
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.node.jobs.document import STEPS_FILE, STRUCTURE_FILE
from tansaku.tasks.node.jobs.steps import write_steps
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.structures import best_of_each, best_structures, gallery_of, has_steps, steps_file
from tests.support.records import read_campaign


@pytest.fixture
def campaign(recorded, tmp_path):
    """Three evaluations of one system, the second one relaxed once more; each with a structure."""
    artifacts = FileArtifactStore(tmp_path / "artifacts")
    write(tmp_path / "cell.xyz", bulk("Cu"), format="extxyz")
    sha256 = artifacts.put(tmp_path / "cell.xyz")
    data = Campaign.load(recorded("a1", "a2", "a3", polish=("a2",)), "small-table")
    evaluations = [
        evaluation.model_copy(
            update={"outcome": evaluation.outcome.model_copy(update={"artifacts": {STRUCTURE_FILE: sha256}, "value": value})}
        )
        for evaluation, value in zip(data.evaluations, (3.0, 1.0, 2.0, 0.5), strict=True)
    ]
    return read_campaign(data.record, data.spec, evaluations), artifacts


def test_the_best_are_distinct_candidates_after_their_final_relaxation(campaign):
    data, artifacts = campaign
    found = [(best.candidate, best.value, best.polished) for best in best_structures(data, artifacts, 2)]
    assert found == [("a2", 0.5, True), ("a3", 2.0, False)]


def test_all_are_those_of_search_and_final_relaxation(campaign):
    data, artifacts = campaign
    assert [best.value for best in best_structures(data, artifacts, None)] == [0.5, 1.0, 2.0, 3.0]


def test_the_gallery_has_the_best_of_each_system_or_all_values(recorded):
    data = Campaign.load(recorded("a1", "b1", "a2", "b2"), "small-table")
    values = {"a1": 2.0, "a2": 1.0, "b1": 3.0, "b2": 4.0}
    evaluations = []
    for item in data.evaluations:
        changes = {"artifacts": {STRUCTURE_FILE: "0"}, "value": values[item.proposal.candidate]}
        evaluations.append(item.model_copy(update={"outcome": item.outcome.model_copy(update=changes)}))
    kept = read_campaign(data.record, data.spec, evaluations)
    assert shown_by(best_of_each(kept, 6)) == (["b1", "a2"], None)  # their systems by name
    assert shown_by(best_of_each(kept, 1)) == (["b1"], 2)
    assert shown_by(best_of_each(kept, 1, 2)) == (["a2"], None)
    assert shown_by(gallery_of(kept, 6)) == (["a2", "a1", "b1", "b2"], None)


def shown_by(found) -> tuple[list[str], int | None]:
    return [item.proposal.candidate for item in found[0]], found[1]


def test_a_final_relaxation_without_a_structure_counts_as_none(campaign):
    data, artifacts = campaign
    *search, final = data.evaluations
    lost = final.model_copy(update={"outcome": final.outcome.model_copy(update={"artifacts": {}})})
    found = best_structures(read_campaign(data.record, data.spec, (*search, lost)), artifacts, 1)
    assert [(best.candidate, best.value) for best in found] == [("a2", 1.0)]


@pytest.fixture
def relaxed(recorded, tmp_path):
    """An evaluation with a structure and the steps of a relaxation that moved its atom, and the store of its files."""
    artifacts = FileArtifactStore(tmp_path / "artifacts")
    end = bulk("Cu")
    write(tmp_path / "cell.xyz", end, format="extxyz")
    steps = RelaxationSteps(
        numbers=np.array([0, 2, 4]),
        positions=np.array([[[0.2, 0.0, 0.0]], [[0.1, 0.0, 0.0]], [[0.0, 0.0, 0.0]]]),
        cells=np.array([end.cell.array] * 3),
        energies=np.array([np.nan, 2.0, 1.0]),
    )
    result = CalculationResult(
        end, 1.0, None, np.zeros((1, 3)), None, True, 4, 0.1, Provenance(code="emt", code_version="1"), kept_steps=steps
    )
    (named,) = write_steps(result, tmp_path).values()
    files = {STRUCTURE_FILE: artifacts.put(tmp_path / "cell.xyz"), STEPS_FILE: artifacts.put(tmp_path / named)}
    (evaluation,) = Campaign.load(recorded("a1"), "small-table").evaluations
    return evaluation.model_copy(update={"outcome": evaluation.outcome.model_copy(update={"artifacts": files})}), artifacts


def test_the_steps_of_a_relaxation_lead_from_its_start_to_its_end(relaxed):
    evaluation, artifacts = relaxed
    assert has_steps(evaluation)
    found = list(read_extended_xyz(steps_file(evaluation, artifacts).content))
    assert [atoms.info["step"] for atoms in found] == [0, 2, 4, "end"]
    assert [round(float(atoms.positions[0, 0]), 6) for atoms in found] == [0.2, 0.1, 0.0, 0.0]
    assert [atoms.info.get("energy", atoms.calc and atoms.calc.results["energy"]) for atoms in found[:3]] == [None, 2.0, 1.0]


def test_steps_that_were_not_kept_or_cannot_be_read_are_named(relaxed, tmp_path):
    evaluation, artifacts = relaxed
    files = evaluation.outcome.artifacts
    (tmp_path / "other").write_bytes(b"PK\x03\x04 no archive")
    for changed, error in (
        ({STRUCTURE_FILE: files[STRUCTURE_FILE]}, NotFoundError),
        (files | {STEPS_FILE: artifacts.put(tmp_path / "other")}, StoreError),
    ):
        other = evaluation.model_copy(update={"outcome": evaluation.outcome.model_copy(update={"artifacts": changed})})
        with pytest.raises(error, match="steps"):
            steps_file(other, artifacts)


def test_a_relaxation_of_two_steps_needs_no_file(tmp_path):
    steps = RelaxationSteps(np.arange(2), np.zeros((2, 1, 3)), np.zeros((2, 3, 3)), np.zeros(2))
    result = CalculationResult(
        bulk("Cu"), 1.0, None, np.zeros((1, 3)), None, True, 1, 0.1, Provenance(code="emt", code_version="1"), kept_steps=steps
    )
    assert write_steps(result, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
