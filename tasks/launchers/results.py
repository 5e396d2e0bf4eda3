"""Reading a job's result from a spool, with the hashes of its files checked."""

from __future__ import annotations

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.ports import JobResult
from tansaku.models.domain.records import Outcome
from tansaku.tasks.jobs.spool import Spool, file_sha256, read_json


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
