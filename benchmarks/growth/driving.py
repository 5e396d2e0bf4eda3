"""``python -m benchmarks.growth.driving NAME``: drives a filled campaign to its end; jobs return at once. Prints JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.growth.filling import outcome_of
from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import CampaignRecord, JsonDict
from tansaku.models.domain.states import JobState
from tansaku.tasks.configuration import load_site
from tansaku.tasks.loop import drive
from tansaku.tasks.observer import SilentObserver
from tansaku.tasks.resources import open_resources
from tansaku.tasks.settings import Settings
from tansaku.tasks.steps.summaries import EvaluationSummary


@dataclass
class InstantLauncher:
    """A ``Launcher`` whose jobs have ended when they are submitted.

    Attributes:
        folder: An empty one.
    """

    folder: Path
    _requests: dict[str, JobRequest] = field(default_factory=dict)
    _count: int = 0

    def start(self) -> None:
        """Nothing has to be started."""

    def stop(self) -> None:
        """Nothing has to be ended."""

    def runtime(self) -> Mapping[str, Any]:
        """Nothing has to be reaped."""
        return {}

    def submit(self, job: JobRequest) -> JsonDict:
        """Takes a job."""
        self._requests.setdefault(job.name, job)
        return {"name": job.name}

    def find(self, name: str) -> JsonDict | None:
        """Handle of a job that was taken."""
        return {"name": name} if name in self._requests else None

    def poll(self, handles: Sequence[JsonDict]) -> list[JobStatus]:
        """Jobs of this process are done, all others are unknown."""
        return [
            JobStatus(JobState.FINISHED) if handle["name"] in self._requests else JobStatus(JobState.LOST, "unknown_job")
            for handle in handles
        ]

    def wait(self, handles: Sequence[JsonDict], timeout: float) -> None:
        """Nothing has to be waited for."""

    def fetch(self, handle: JsonDict) -> JobResult:
        """An invented result without files."""
        self._count += 1
        outcome = outcome_of(self._count).model_copy(update={"artifacts": {}})
        return JobResult(self._requests[handle["name"]].token, outcome, self.folder)

    def cancel(self, handle: JsonDict) -> None:
        """Forgets a job."""
        self._requests.pop(handle["name"], None)

    def discard(self, handle: JsonDict) -> None:
        """Forgets a job."""
        self._requests.pop(handle["name"], None)


class Stopwatch(SilentObserver):
    """Notes the processor time at which the campaign was loaded."""

    loaded = 0.0

    def on_start(self, record: CampaignRecord, evaluations: Sequence[EvaluationSummary]) -> None:  # noqa: ARG002 - of the interface
        """The campaign was loaded."""
        self.loaded = time.process_time()


def main(name: str) -> None:
    """Drives the campaign and prints what it took."""
    settings = Settings.from_environment()
    watch = Stopwatch()
    with open_resources(settings, load_site(None)) as resources, tempfile.TemporaryDirectory() as folder:
        before = resources.store.campaign(name).last_number
        result = drive(replace(resources, open_launcher=lambda _: InstantLauncher(Path(folder))), name, watch)
    driven = result.last_number - before
    spent = 1000 * (time.process_time() - watch.loaded) / max(driven, 1)
    print(json.dumps({"reason": result.reason, "driven": driven, "load_s": watch.loaded, "ms_per_evaluation": spent}))


if __name__ == "__main__":
    main(sys.argv[1])
