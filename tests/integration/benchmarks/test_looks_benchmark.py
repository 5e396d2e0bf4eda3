"""What the benchmark of cheap looks says follows from the runs that it lists."""

import json

import pytest

from benchmarks.looks.__main__ import ROOT, SAMPLES, document_of, summary
from tansaku.models.domain.specs.calculators.contract import workflow_of


@pytest.fixture(scope="module")
def committed():
    return json.loads((ROOT / "benchmarks" / "looks" / "result.json").read_text())


def test_the_committed_summary_is_that_of_the_committed_runs(committed):
    assert committed["summary"].keys() == SAMPLES.keys()
    for name, sample in SAMPLES.items():
        assert json.loads(json.dumps(summary(sample, committed["runs"][name]))) == committed["summary"][name]


def test_a_look_replaces_keys_of_the_campaign_s_calculator_and_keeps_the_others():
    sample = SAMPLES["barriers of Li"]
    job = document_of(sample.loaded(), "Li-V3-P5-F", sample.looks["A"])
    workflow = workflow_of(job.calculator)
    assert (workflow.midpoint_steps, workflow.image_distance, workflow.max_hop, workflow.fmax) == (3, 4.0, 5.0, 0.02)
