"""Logs of a candidate's jobs: output and errors of the scheduler's job, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tansaku.models.domain.records import Evaluation, Record
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.launchers.launches import launch_of_attempt
from tansaku.tasks.node.jobs.spool_files import read_json

_FILES = ("out.txt", "err.txt")
_LARGEST = 64 * 1024


class AttemptLog(Record):
    """Log of an attempt.

    Attributes:
        reason: Why it was abandoned, empty if it was not.
        folder: Folder of its job, None if this site has none.
        ended: How its job ended, as recorded by the compute node.
        files: Ends of the job's output files, by name.
    """

    evaluation: str
    attempt: int
    job: str
    reason: str
    folder: str | None
    ended: str
    files: dict[str, str]


def attempt_logs(site: SiteSpec, evaluations: Sequence[Evaluation]) -> Iterator[AttemptLog]:
    """Logs of all attempts at some evaluations, oldest first.

    Args:
        site: The machine.
        evaluations: Of one campaign.
    """
    shared = site.launcher.shared_folder
    for evaluation in evaluations:
        for attempt in evaluation.attempts:
            failure = attempt.failure
            launch = None if shared is None else launch_of_attempt(Path(shared), attempt.job_name, attempt.token)
            folder = None if launch is None else launch.path
            ended = read_json(folder / "exit.json") if folder is not None else None
            yield AttemptLog(
                evaluation=evaluation.id,
                attempt=attempt.number,
                job=attempt.job_name,
                reason=f"{failure.reason}: {failure.message}" if failure is not None else "",
                folder=str(folder) if folder is not None else None,
                ended=f"{ended['reason']} {ended['message']}".strip() if ended is not None else "",
                files={name: _tail(folder / name) for name in _FILES if (folder / name).is_file()} if folder else {},
            )


def _tail(path: Path) -> str:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _LARGEST))
        return stream.read().decode(errors="replace")
