"""Campaigns that tests look at in a browser."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.act.commands.actor import Actor
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.records import proposal_of

# The coherent twin (1 1 1) is relaxed in three steps; with its grains translated it needs more than ten, so that fails.
# No evaluation ends within the time limit.
SPEC = """\
schema_version: 1
name: twin
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Cu, lattice_parameter: 3.6}
  axis: [1, 1, 0]
  boundaries: {planes: [[1, 1, 1], [1, 1, 3]]}
  translation: {normal: [0.0], in_plane: [0.0, 1.0], along_axis: [0.0]}
  spacing: 8.0
calculator: {type: emt, relaxation: {fmax: 0.05, max_steps: 10}}
proposer: {type: grid}
budget: {evaluations: 3}
execution: {in_flight: 1, retries: 0, polish: 0, timeout: 0.001}
"""

TABLE = "id,value,cost,x\na,1.0,2.0,0.0\nb,2.0,2.0,0.5\n"
ROWS = """\
schema_version: 1
name: NAME
space:
  type: table
  candidates: rows.csv
  columns: {id: id, value: value, cost: cost}
  features: {place: {columns: [x]}}
objective: {unit: eV}
proposer: {type: grid}
budget: {evaluations: 2}
"""
MEASURED = ROWS.replace("NAME", "measured").replace("value: value, cost: cost", "cost: cost")
MEASURED = MEASURED.replace("objective:", "calculator: {type: manual}\nobjective:")
MARKUP = "<img src=/asked-by-markup onerror=\"document.title='run'\"><script>document.title='run'</script>"
"""Would ask the server for a page that there is not, and run a script, if a page took it for HTML."""


def refuse(stored: Resources, name: str) -> None:
    """Stores a request that a service refused."""
    campaign = stored.store.campaign(name)
    refused = ServiceRequest(
        id=f"refused-{campaign.created_at.timestamp()}",
        campaign=name,
        campaign_created_at=campaign.created_at,
        user="ada",
        origin="test",
        created_at=campaign.created_at,
        state=RequestState.REFUSED,
        service="tansaku",
        reason="its site file names a queue that there is not",
    )
    stored.requests.add_request(refused)


def store_measured(stored: Resources, folder: Path) -> None:
    """A campaign of measurements with markup in its candidates, comments and failures, which nobody drives."""
    table = io.StringIO()
    csv.writer(table).writerows([("id", "cost", "x"), (MARKUP, 2.0, 0.0), ("b", 2.0, 0.5)])
    (folder / "markup.csv").write_text(table.getvalue())
    (folder / "measured.yaml").write_text(f"# {MARKUP}\n{MEASURED.replace('rows.csv', 'markup.csv')}")
    prepare_campaign(stored, Actor(MARKUP, "test"), load_campaign(folder / "measured.yaml"))
    lease = stored.store.acquire_lease("measured", this_driver(), 60.0)
    proposal = proposal_of(candidate=MARKUP, system="all", surface="all", source="manual", predicted_cost=2.0, model=MARKUP)
    evaluation = stored.store.insert_proposal(lease, proposal)
    stored.store.begin_attempt(lease, evaluation.id, 1, "token", "job")
    failure = Failure(kind=FailureKind.SCIENCE, reason="wrong", message=MARKUP)
    stored.store.accept_outcome(lease, evaluation.id, "token", Outcome(failure=failure))
    stored.store.release_lease(lease)
