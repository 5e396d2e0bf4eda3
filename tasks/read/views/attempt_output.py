"""Output of an evaluation's attempts, for the dashboard and for commands: the last lines as plain text, without secrets."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime

from tansaku.models.domain.identifiers import printable
from tansaku.models.domain.records import Attempt, Evaluation, Record
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.launchers.launches import LaunchFolder, launch_of_attempt
from tansaku.tasks.node.jobs.spool_files import read_json

LARGEST = 32 * 1024
"""Bytes shown of a file, its last ones."""

_FILES = ("out.txt", "err.txt")
_MOST_WORKERS = 4
_MOST_LINES = 2000
_LONGEST_LINE = 2000
_MOST_READ = 1024 * 1024  # bytes of a last line
_TERMINAL_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_SECRET = "[removed]"  # noqa: S105
_CREDENTIALS = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s@]*@", re.IGNORECASE)
_NAMED = re.compile(
    r"(\b[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|auth_string|connection_url|mongo_uri)[\w-]*[\"']?\s*[:=]\s*)"
    r"(\"[^\"]*\"|'[^']*'|\S+)",
    re.IGNORECASE,
)
_HEADER = re.compile(r"(authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic)?\s*)\S+", re.IGNORECASE)


class OutputFile(Record):
    """The end of a file.

    Attributes:
        name: Of the file.
        text: Its last lines, without terminal codes and secrets.
        size: Of the whole file [bytes].
        cut: Whether its beginning is left out.
    """

    name: str
    text: str
    size: int
    cut: bool


class AttemptOutput(Record):
    """Output of an attempt.

    Attributes:
        attempt: Number of the attempt.
        job: Name of its job.
        started_at: When it began.
        reason: Why it was given up; empty: it was not.
        ended: How its job ended, as the compute node recorded it; empty: not recorded.
        folder: Where its files lie, on the machine that runs the jobs; None: not known here.
        files: Ends of its files.
        note: Whose output that is, or why there is none.
    """

    attempt: int
    job: str
    started_at: AwareDatetime
    reason: str
    ended: str
    folder: str | None
    files: tuple[OutputFile, ...]
    note: str


def attempt_outputs(site: SiteSpec, jobs: Path | None, evaluation: Evaluation) -> tuple[AttemptOutput, ...]:
    """Output of all attempts at an evaluation, the newest first.

    Args:
        jobs: Folder of the jobs of its campaign; None: this process does not know it.
        evaluation: One that has attempts, or none yet.
    """
    shared = site.launcher.shared_folder
    ends = [attempt.started_at for attempt in evaluation.attempts[1:]]
    last = evaluation.finished_at or datetime.now(UTC)
    pairs = zip(evaluation.attempts, [*ends, last], strict=bool(evaluation.attempts))
    found = []
    for attempt, end in reversed(list(pairs)):
        there = shared is not None and jobs is not None and Path(shared).is_dir()
        launch = launch_of_attempt(Path(shared), attempt.job_name, attempt.token) if shared is not None and there else None
        found.append(_output(site, jobs, attempt, end, launch))
    return tuple(found)


def plain_text(text: str) -> str:
    """Text of a program without terminal codes and secrets; other control characters but newlines and tabs are written out."""
    text = _TERMINAL_CODES.sub("", text).replace("\r\n", "\n")
    return without_secrets(printable(text, keep="\n\t"))


def without_secrets(text: str) -> str:
    """The text, in which what looks like a password, token or address with credentials is replaced."""
    text = _HEADER.sub(rf"\g<1>{_SECRET}", text)
    return _NAMED.sub(rf"\g<1>{_SECRET}", _CREDENTIALS.sub(rf"\g<1>{_SECRET}@", text))


def end_of_file(path: Path, most: int = LARGEST) -> OutputFile | None:
    """The last whole lines of a file; None unless it is a regular file: jobs could link to files of others.

    Args:
        most: Bytes to read at most, unless the last line alone is longer.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        content, cut = _whole_lines(descriptor, found.st_size, most)
    finally:
        os.close(descriptor)
    lines = plain_text(content.decode(errors="replace")).splitlines()
    shown = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …" for line in lines[-_MOST_LINES:]]
    return OutputFile(name=path.name, text="\n".join(shown), size=found.st_size, cut=cut or len(shown) < len(lines))


def _whole_lines(descriptor: int, size: int, most: int) -> tuple[bytes, bool]:
    """The last lines of a file, and whether its beginning is left out.

    A line without its beginning could be the end of a secret that is not recognised any more, so it is left out, too.
    """
    content = os.pread(descriptor, most, max(0, size - most))
    if len(content) == size:
        return content, False
    if whole := content.partition(b"\n")[2]:
        return whole, True
    content = os.pread(descriptor, _MOST_READ, max(0, size - _MOST_READ))
    before, newline, last = content.rstrip(b"\n").rpartition(b"\n")
    if newline or len(content) == size:
        return last, bool(before)
    return b"(a line of more than a megabyte)", True


def _output(site: SiteSpec, jobs: Path | None, attempt: Attempt, end: datetime, launch: LaunchFolder | None) -> AttemptOutput:
    failure, shared = attempt.failure, site.launcher.shared_folder
    ended, folder = "", jobs
    files: tuple[OutputFile, ...] = ()
    if jobs is None:
        note = "This server has no site file: look for the output on the machine that runs the jobs."
    elif shared is None:
        files, note = _of_workers(jobs / "logs", attempt, end)
    else:
        folder, ended, files, note = _of_launch(Path(shared), launch)
    return AttemptOutput(
        attempt=attempt.number,
        job=attempt.job_name,
        started_at=attempt.started_at,
        reason="" if failure is None else plain_text(f"{failure.reason}: {failure.message}"),
        ended=plain_text(ended),
        folder=None if folder is None else str(folder),
        files=files,
        note=note,
    )


def _of_launch(shared: Path, launch: LaunchFolder | None) -> tuple[Path, str, tuple[OutputFile, ...], str]:
    """Folder, end, files and note of a job on a cluster."""
    if not shared.is_dir():
        note = f"The cluster's folder {shared} is not on this machine; the output lies in it, on the cluster."
        return shared, "", (), note
    if launch is None:
        return shared, "", (), "The job has not started, or its folder was removed after its result was collected."
    found = read_json(launch.path / "exit.json") or {}
    files = tuple(file for name in _FILES if (file := end_of_file(launch.path / name)) is not None)
    ended = f"{found.get('reason', '')} {found.get('message', '')}".strip()
    return launch.path, ended, files, "" if files else "The job has written nothing."


def _of_workers(folder: Path, attempt: Attempt, end: datetime) -> tuple[tuple[OutputFile, ...], str]:
    """Output of the worker processes that ran during an attempt; jobs of this machine have no files of their own."""
    if not folder.is_dir():
        note = f"The folder {folder} is not on this machine, or no worker has run here; the output lies where the jobs ran."
        return (), note
    files = []
    for path in sorted(folder.glob("*.log"), reverse=True):
        begun = path.name.partition("-")[0]
        if not begun.isdecimal() or datetime.fromtimestamp(int(begun) / 1e9, UTC) > end:
            continue
        found = end_of_file(path)
        if found is not None and datetime.fromtimestamp(path.lstat().st_mtime, UTC) >= attempt.started_at:
            files.append(found)
        if len(files) == _MOST_WORKERS:
            break
    if not files:
        return (), "The workers of this machine wrote nothing during this attempt."
    return tuple(files), "Workers of this machine compute one candidate after the other: others of that time are in it too."


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
