"""Campaigns that tests look at in a browser."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.projects import LONGEST_TAG, Quota
from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.models.domain.roles import ProjectRole
from tansaku.models.domain.states import FailureKind
from tansaku.models.domain.trainings import TrainingRequest, TrainingState, TrainingStep
from tansaku.tasks.act.commands.audit import by_command
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.projects import ProjectChanges
from tansaku.tasks.backends.resources import DatabaseResources, Resources
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.records import dataset_record, proposal_of

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
EXPERIMENT = """\
schema_version: 1
name: experiment
space:
  type: parameters
  parameters:
    heat: {type: number, low: 20, high: 80, step: 0.5, unit: degC}
    solvent: {type: category, values: [water, ethanol]}
  pool: 32
calculator: {type: manual}
objective: {property: hardness, unit: GPa, direction: maximize}
proposer: {type: gp, initial_points: 3}
budget: {evaluations: 12}
execution: {in_flight: 1}
"""
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


def store_training(stored: DatabaseResources) -> None:
    """A data set, and a training on it that failed, so that no service takes it."""
    record = dataset_record(name="copper", sha256="a" * 64)
    stored.registry.add_dataset(record)
    step = TrainingStep(step=3, training=0.01, validation=0.02, unit="eV/atom")
    request = TrainingRequest(
        id="training-1",
        model="alloy",
        spec={"dataset": record.sha256, "surrogate": {"type": "kernel_ridge"}},
        user="ada",
        origin="test",
        created_at=utc_now(),
        state=TrainingState.FAILED,
        steps=(step,),
        reason=MARKUP,
    )
    stored.requests.add_training(request)


def store_project(stored: DatabaseResources, campaign: str) -> None:
    """A project with everything that its page shows, and a campaign in it."""
    changes = ProjectChanges(stored.accounts, by_command(), utc_now)
    changes.create("tilt", private=True, owner=None)
    changes.set_member("tilt", stored.accounts.users()[0].name, ProjectRole.OWNER)
    notes = f"# {MARKUP}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[page](https://example.org)\n\n```\n{MARKUP}\n```\n"
    changes.set_notes("tilt", notes)
    changes.set_tags("tilt", ["copper", MARKUP[:LONGEST_TAG]])
    changes.set_quota("tilt", Quota(evaluations=100, core_hours=10))
    changes.move(stored.store.campaign(campaign), "tilt")
