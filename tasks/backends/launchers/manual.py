"""The launcher of campaigns whose values people or robots report: a job waits for its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.states import JobState


class ManualLauncher:
    """A ``Launcher`` without a backend. A job is only a name, so nothing can be lost."""

    def start(self) -> None:
        """Does nothing: no process is needed."""

    def submit(self, job: JobRequest) -> JsonDict:
        """Returns the handle; the proposal now waits for its value."""
        return {"waits": job.name}

    def find(self, name: str) -> JsonDict | None:
        """Handle of a job that may have been submitted before: asking for the same measurement twice changes nothing."""
        return {"waits": name}

    def poll(self, handles: Sequence[JsonDict]) -> list[JobStatus]:
        """Every job waits; its value comes as a command of the campaign."""
        return [JobStatus(JobState.QUEUED) for _ in handles]

    def wait(self, handles: Sequence[JsonDict], timeout: float) -> None:
        """Returns at once: no job ends while a driver waits."""

    def fetch(self, handle: JsonDict) -> JobResult:
        """Raises NotFoundError: no job leaves a result."""
        raise NotFoundError(f"job {handle.get('waits')!r}: its value is reported, not computed")

    def cancel(self, handle: JsonDict) -> None:
        """Does nothing: no process runs."""

    def discard(self, handle: JsonDict) -> None:
        """Does nothing: no file is kept."""

    def runtime(self) -> Mapping[str, Any]:
        """Empty: there are no processes."""
        return {}

    def stop(self) -> None:
        """Does nothing: no process was started."""
