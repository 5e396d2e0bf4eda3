"""A grain boundary by density-functional theory, as a worker computes it: minutes of one core."""

from pathlib import Path

import pytest

from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.evaluate import evaluate
from tests.support.records import job_of

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "al-twin-dft.yaml"
TWIN = "s003-111-r0-x000-y000-z000"


@pytest.mark.slow
def test_the_coherent_twin_of_aluminium_has_the_energy_that_the_literature_gives(require, tmp_path):
    """DFT values of the coherent twin lie between 40 and 80 mJ/m^2."""
    require("gpaw")
    outcome = evaluate(job_of(load_campaign(EXAMPLE).spec, TWIN, EXAMPLE.parent), tmp_path)
    assert outcome.failure is None
    assert 40 < outcome.value < 80
    assert outcome.properties["n_atoms"] == 12
    assert outcome.properties["converged"]
    assert outcome.properties["calculation"]["kpoints"] == [4, 7, 2]
    assert outcome.provenance.settings["cutoff"] == 250
