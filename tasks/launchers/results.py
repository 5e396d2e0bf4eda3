"""What a spool says of a job: how it ended, and its result with the hashes of its files checked."""

from __future__ import annotations

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.ports import JobResult, JobStatus
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.states import JobState
from tansaku.tasks.jobs.spool import Spool, file_sha256, read_json


def settled_status(spool: Spool, name: str) -> JobStatus | None:
    """How a job ended, None while it is open. A result beats a verdict."""
    folder = spool.folder(name)
    if not folder.is_dir():
        return JobStatus(JobState.LOST, "unknown_job", f"{spool.root} has no job {name}")
    if (folder / "result.json").exists():
        return JobStatus(JobState.FINISHED)
    lost = read_json(folder / "lost.json")
    return None if lost is None else JobStatus(JobState.LOST, lost["reason"], lost["message"])


def spooled_result(spool: Spool, name: str) -> JobResult:
    """Result that a job left in a spool.

    Raises:
        NotFoundError: It left none, or one of its files is damaged.
        TransientError: It cannot be read.
    """
    folder = spool.folder(name)
    result = read_json(folder / "result.json")
    if result is None:
        raise NotFoundError(f"job {name} has no result")
    for file, sha256 in result["files"].items():
        if not (folder / file).is_file() or file_sha256(folder / file) != sha256:
            raise NotFoundError(f"job {name}: its file {file} is damaged, so is the result")
    return JobResult(token=result["token"], outcome=Outcome.model_validate(result["outcome"]), folder=folder)
