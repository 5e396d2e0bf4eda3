"""Reads from a spool how a job ended, and its result after checking the hashes of its files."""

from __future__ import annotations

from pydantic import Field, ValidationError

from tansaku.models.domain.errors import DamagedFileError, DamagedResultError, NotFoundError
from tansaku.models.domain.ports import JobResult, JobStatus
from tansaku.models.domain.records import Outcome, Record
from tansaku.models.domain.states import JobState
from tansaku.models.domain.wording import first_problem
from tansaku.tasks.node.jobs.spool import Spool
from tansaku.tasks.node.jobs.spool_files import file_sha256, read_json


class _Result(Record):
    """Content of ``result.json``."""

    schema_version: int
    token: str
    outcome: Outcome
    files: dict[str, str] = Field(default_factory=dict)


def settled_status(spool: Spool, name: str) -> JobStatus | None:
    """Returns how a job ended, None while it is open. A result takes precedence over a verdict."""
    folder = spool.folder(name)
    if not folder.is_dir():
        return JobStatus(JobState.LOST, "unknown_job", f"{spool.root} has no job {name}")
    if (folder / "result.json").exists():
        return JobStatus(JobState.FINISHED)
    try:
        lost = read_json(folder / "lost.json")
    except DamagedFileError as error:
        return JobStatus(JobState.LOST, "damaged_file", error.message)
    if lost is None:
        return None
    return JobStatus(JobState.LOST, str(lost.get("reason", "damaged_file")), str(lost.get("message", "")))


def spooled_result(spool: Spool, name: str) -> JobResult:
    """Returns the result of a job in a spool. A damaged result is moved away.

    Raises:
        NotFoundError: It left none.
        DamagedResultError: It cannot be used.
        TransientError: It cannot be read.
    """
    folder = spool.folder(name)
    try:
        data = read_json(folder / "result.json")
        if data is None:
            raise NotFoundError(f"job {name} has no result")
        result = _Result.model_validate(data)
        for file, sha256 in result.files.items():
            if not (folder / file).is_file() or file_sha256(folder / file) != sha256:
                raise DamagedFileError(f"its file {file} does not match its recorded hash")
    except (DamagedFileError, ValidationError) as error:
        spool.set_aside(folder / "result.json", name)
        kept = spool.root / "damaged"
        problem = first_problem(error) if isinstance(error, ValidationError) else str(error)
        raise DamagedResultError(f"job {name}: the result is damaged and was moved to {kept}: {problem}") from error
    return JobResult(token=result.token, outcome=result.outcome, folder=folder)
