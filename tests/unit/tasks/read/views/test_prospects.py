"""Candidates as overviews read them, and the names of their systems."""

from __future__ import annotations

from tansaku.deploy.campaign_templates import campaign_templates
from tansaku.models.domain.records import Outcome
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.views.proposals import system_lines
from tansaku.tasks.read.views.prospects import RecentPools
from tests.support.records import campaign_record, evaluation_of, proposal_of, read_campaign


def test_a_boundary_has_the_name_that_people_know_beside_the_spaces(tmp_path):
    (tmp_path / "cu.yaml").write_text(campaign_templates()["cu-emt"].read_text())
    spec = load_campaign(tmp_path / "cu.yaml").spec
    labels = RecentPools().prospects(spec.space, str(tmp_path)).labels
    assert labels
    assert all(name.startswith("s0") and label.startswith("Σ") for name, label in labels.items())
    name = "s003-111"
    proposal = proposal_of(1, candidate="s003-111-r0-x000-y000-z000", system=name, surface="s003-111-r0")
    record = campaign_record(spec, name="cu", base_path=str(tmp_path))
    (line,) = system_lines(read_campaign(record, spec, [evaluation_of(proposal, Outcome(value=500.0))]))
    assert (line.system, line.label, line.best) == (name, labels[name], 500.0)
