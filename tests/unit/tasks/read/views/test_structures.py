import pytest
from ase.build import bulk
from ase.io import write

from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.structures import best_structures
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


def test_a_final_relaxation_without_a_structure_counts_as_none(campaign):
    data, artifacts = campaign
    *search, final = data.evaluations
    lost = final.model_copy(update={"outcome": final.outcome.model_copy(update={"artifacts": {}})})
    found = best_structures(read_campaign(data.record, data.spec, (*search, lost)), artifacts, 1)
    assert [(best.candidate, best.value) for best in found] == [("a2", 1.0)]
