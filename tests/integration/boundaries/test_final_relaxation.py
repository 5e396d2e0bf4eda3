"""The final relaxation finishes what a rough search left on the way."""

import pytest

from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.node.configuration.source import polish_relaxation
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE, JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate

START = "s027-552-r3-x633-y072-z030"
CAMPAIGN = {
    "schema_version": 1,
    "name": "rough",
    "space": {
        "type": "grain_boundary",
        "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
        "axis": [1, 1, 0],
        "boundaries": {"planes": [[5, 5, 2]]},
        "cell": {"boundaries": 1},
        "translation": {
            "normal": [0.3],
            "in_plane": {"step": 0.3},
            "along_axis": {"step": 0.3},
            "positions": "general",
        },
    },
    "calculator": {
        "type": "lammps",
        "potential": "NiAlH_jea.eam.alloy",
        "relaxation": {"cell": "fixed", "translation": "free", "fmax": 0.01},
    },
    "budget": {"evaluations": 1},
}


@pytest.fixture
def relaxed(tmp_path, require):
    """``relaxed(execution)``: energies of the search and after the final relaxation, and the steps of the latter."""
    require("lammps")

    def relax(execution):
        spec = campaign_from_data(CAMPAIGN | {"execution": execution}, tmp_path, "a test").spec
        common = {"campaign": "test", "candidate": START, "base_path": str(tmp_path)}
        job = JobDocument(space=spec.space, calculator=spec.calculator, objective=spec.objective, **common)
        searched = evaluate(job, tmp_path)
        start = (tmp_path / STRUCTURE_FILE).read_text(encoding="utf-8")
        final = evaluate(job.model_copy(update={"relaxation": polish_relaxation(spec), "start": start}), tmp_path)
        return searched.value, final.value, final.properties["steps"]

    return relax


def test_a_search_that_stops_on_the_way_ends_in_its_minimum(relaxed):
    searched, final, steps = relaxed({})
    assert searched == pytest.approx(222.2, abs=0.2)
    assert final == pytest.approx(217.3, abs=0.2)
    assert steps < 200


def test_as_rough_as_the_search_it_stops_there_too(relaxed):
    searched, final, _ = relaxed({"polish_fmax": 0.01})
    assert final == pytest.approx(searched, abs=0.5)
