"""Restores the stored campaigns of a commit, continues each, and says what it proposed.

The further proposals are compared with those that the commit itself made from the same dump. Values of further evaluations are
handed to the campaign as they were recorded there: their last digits depend on the processor, and proposals depend on them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import Evaluation, Outcome
from tansaku.models.domain.states import JobState
from tansaku.tasks.act.commands.steer import request, request_edit
from tansaku.tasks.act.measurements import ask_tell
from tansaku.tasks.act.measurements.report_file import report_at
from tansaku.tasks.act.measurements.waiting import waiting_proposals
from tansaku.tasks.backends.resources import DatabaseResources, Resources, open_resources
from tansaku.tasks.backends.stores.archive import restore
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.backends.stores.connection import connect
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.node.configuration.campaign_files import load_site
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tests.photographs.api import API
from tests.photographs.asking import DESCRIPTION, browser_of
from tests.photographs.homes import own_home
from tests.photographs.making import CAMPAIGNS, DUMP, FILES, filled_in

FURTHER = 5
PROPOSALS = "proposals.json"
ADA = Actor("ada", "test")
_OUTCOME = {"value", "failure", "quantities", "properties", "predicted_by", "deviation"}
_MEASURED = {"proposer_seconds"}


@contextmanager
def restored(folder: Path) -> Iterator[DatabaseResources]:
    """Opens a database of its own with the dump of a folder; relative paths of the campaigns start where their files are."""
    with own_home() as home:
        settings, site = Settings(home=home), load_site(None)
        database = connect(settings, site)
        restore(database, folder / DUMP)
        database["campaigns"].update_many({}, {"$set": {"base_path": str(FILES)}})
        database.client.close()
        with open_resources(settings, site) as resources:
            yield resources


@dataclass
class Recorder:
    """A launcher that computes a job when it is fetched.

    Attributes:
        folder: For the files of jobs.
        known: Outcomes that campaigns get instead of the computed ones, by :func:`job_key`.
        outcomes: Computed outcomes by the same.
    """

    folder: Path
    known: Mapping[str, Any] = field(default_factory=dict)
    outcomes: dict[str, Any] = field(default_factory=dict)
    _jobs: dict[str, JobRequest] = field(default_factory=dict)

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def runtime(self) -> dict[str, Any]:
        return {}

    def submit(self, job: JobRequest) -> dict[str, Any]:
        self._jobs[job.name] = job
        return {"name": job.name}

    def find(self, name: str) -> dict[str, Any] | None:
        return {"name": name} if name in self._jobs else None

    def poll(self, handles: list[dict[str, Any]]) -> list[JobStatus]:
        return [JobStatus(JobState.FINISHED) for _ in handles]

    def wait(self, handles: list[dict[str, Any]], timeout: float) -> None: ...

    def fetch(self, handle: dict[str, Any]) -> JobResult:
        job = self._jobs[handle["name"]]
        folder = self.folder / job.name
        folder.mkdir(parents=True)
        document = JobDocument.model_validate(job.document)
        outcome, key = evaluate(document, folder), job_key(document.candidate, final=document.relaxation is not None)
        self.outcomes[key] = outcome.model_dump(mode="json", include=_OUTCOME)
        given = Outcome.model_validate(self.known.get(key, self.outcomes[key]))
        found = {name: getattr(given, name) for name in _OUTCOME} | {"wall_time": 1.0, "cores": 1}
        return JobResult(job.token, outcome.model_copy(update=found), folder)

    def cancel(self, handle: dict[str, Any]) -> None: ...

    def discard(self, handle: dict[str, Any]) -> None: ...


def job_key(candidate: str, *, final: bool) -> str:
    """A candidate, and whether it is its final relaxation."""
    return f"{candidate}, final" if final else candidate


def resumed(resources: Resources, name: str, folder: Path, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Continues a campaign for five further proposals and the final relaxations after them.

    Args:
        resources: Of the restored database.
        name: The campaign.
        folder: For files.
        known: Recorded outcomes.

    Returns:
        ``proposals`` and computed ``outcomes``, as plain data.
    """
    store = resources.store
    before = store.evaluations(name)
    last = max(evaluation.proposal.number for evaluation in before)
    recorder = Recorder(folder / name, known or {})
    resources = dataclasses.replace(resources, open_launcher=lambda _: recorder)
    if stored_spec(store.campaign(name)).manual:
        _measure(resources, name, folder, last)
    else:
        searched = sum(evaluation.proposal.purpose == "search" for evaluation in before)
        request_edit(store, ADA, name, {"budget.evaluations": searched + FURTHER, "budget.stop": None})
        request(store, ADA, name, "resume")
        with CampaignLoop(resources, name) as loop:
            loop.advance()
    further = [evaluation for evaluation in store.evaluations(name) if evaluation.proposal.number > last]
    return {"proposals": [_plain(evaluation) for evaluation in further], "outcomes": recorder.outcomes}


def _measure(resources: Resources, name: str, folder: Path, last: int) -> None:
    """Asks and reports in turn until there are enough proposals."""
    store = resources.store
    told = folder / f"{name}.csv"
    while max(evaluation.proposal.number for evaluation in store.evaluations(name)) < last + FURTHER:
        ask_tell.ask(resources, ADA, name, 3)
        asked = waiting_proposals(store, name)
        told.write_text(filled_in(asked.to_csv()))
        ask_tell.tell(resources, ADA, name, report_at(told))


def _plain(evaluation: Evaluation) -> dict[str, Any]:
    return evaluation.proposal.model_dump(mode="json", exclude=_MEASURED)


def write_expected(folder: Path) -> None:
    """Writes into a folder with a dump what a later commit is compared with.

    These are the further proposals of each campaign with the outcomes of their evaluations, and the description of the API.
    """
    with restored(folder) as resources:
        found = {name: resumed(resources, name, resources.settings.home) for name in CAMPAIGNS}
        described = browser_of(resources).get(DESCRIPTION).json()
    for file, content in ((PROPOSALS, found), (API, described)):
        (folder / file).write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")
