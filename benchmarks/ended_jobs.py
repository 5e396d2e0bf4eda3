"""A launcher whose jobs have ended when they are submitted: their results are made when they are fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tansaku.models.domain.ports import JobRequest, JobStatus
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.states import JobState


@dataclass
class EndedJobs:
    """All of a ``Launcher`` but ``fetch``.

    Attributes:
        requests: Jobs that were taken and not forgotten, by name.
    """

    requests: dict[str, JobRequest] = field(default_factory=dict, init=False)

    def start(self) -> None:
        """Does nothing."""

    def stop(self) -> None:
        """Does nothing."""

    def runtime(self) -> Mapping[str, Any]:
        """Returns nothing: no process has to be reaped."""
        return {}

    def submit(self, job: JobRequest) -> JsonDict:
        """Takes a job."""
        self.requests.setdefault(job.name, job)
        return {"name": job.name}

    def find(self, name: str) -> JsonDict | None:
        """Handle of a job that was taken."""
        return {"name": name} if name in self.requests else None

    def poll(self, handles: Sequence[JsonDict]) -> list[JobStatus]:
        """Jobs of this process are done, all others are unknown."""
        return [
            JobStatus(JobState.FINISHED) if handle["name"] in self.requests else JobStatus(JobState.LOST, "unknown_job")
            for handle in handles
        ]

    def wait(self, handles: Sequence[JsonDict], timeout: float) -> None:
        """Returns at once: every job has ended."""

    def cancel(self, handle: JsonDict) -> None:
        """Forgets a job."""
        self.requests.pop(handle["name"], None)

    def discard(self, handle: JsonDict) -> None:
        """Forgets a job."""
        self.requests.pop(handle["name"], None)
