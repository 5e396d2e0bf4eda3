"""Runs checks of specs from the dashboard in processes with limits of memory, time and output, and without secrets."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tansaku.models.domain.errors import TansakuError, TransientError
from tansaku.models.domain.identifiers import printable
from tansaku.models.domain.specs.web import SandboxSpec
from tansaku.tasks.act.checks.preloaded import Started, Starter
from tansaku.tasks.act.checks.request import CheckAnswer, CheckError, CheckProgress, CheckRequest, ErrorKind
from tansaku.tasks.ground.settings import commands_environment, thread_environment

LARGEST_ANSWER = 8 << 20
COMMAND = ("-m", "tansaku.tasks.act.commands.sandbox_child")
_LARGEST_LINE = 1000
_SHOWN_LOG = 4000
_MEGABYTE = 1 << 20
_LOOK = 0.1
_MOST_WAITING = 8
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watch:
    """Callbacks of the caller that waits for a check.

    Attributes:
        on_progress: Called with the progress of a rehearsal.
        wanted: Whether somebody still waits; else the process is ended.
    """

    on_progress: Callable[[CheckProgress], None] = lambda _: None
    wanted: Callable[[], bool] = lambda: True


ALONE = Watch()
"""Waits to the end."""


class BusyError(TransientError):
    """Too many checks are waiting; the caller may try again."""


class SandboxError(TansakuError, RuntimeError):
    """A check took too long, needed too much memory, or crashed."""


class UnwantedError(SandboxError):
    """Nobody waits for a check any more, or somebody has cancelled it; its process has ended."""


class Fresh:
    """Starts a new program for each check."""

    def prepare(self) -> None:
        """Nothing makes its start quicker."""

    def start(self, limits: tuple[str, str], folder: Path, streams: tuple[int, int, int]) -> Started:
        """Starts the program."""
        return subprocess.Popen(  # noqa: S603 - the arguments are our own
            # -P: files in the current folder do not shadow modules.
            [sys.executable, "-P", *COMMAND, *limits],
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            cwd=folder,
            env=thread_environment(1) | commands_environment() | {"TMPDIR": str(folder)},
            start_new_session=True,
        )


class Sandbox:
    """Starts a process for each check.

    Args:
        spec: Its limits.
        starter: Starts the processes.
    """

    def __init__(self, spec: SandboxSpec, starter: Starter | None = None) -> None:
        self._spec = spec
        self._starter = starter or Fresh()
        self._checks = threading.BoundedSemaphore(spec.at_once)
        self._rehearsals = threading.BoundedSemaphore(1)
        self._places = threading.BoundedSemaphore(spec.at_once + _MOST_WAITING)

    def prepare(self) -> None:
        """Makes the next check quick: a page that will ask for some was opened."""
        self._starter.prepare()

    @property
    def longest(self) -> float:
        """Time that a rehearsal or a search may take [s]."""
        return self._spec.rehearsal_seconds

    def ask(self, request: CheckRequest, watch: Watch = ALONE) -> CheckAnswer:
        """Carries out a request in a process, after waiting for its turn.

        Returns:
            The answer; its error names what is wrong with the spec.

        Raises:
            BusyError: Too many are waiting.
            UnwantedError: Nobody waits any more.
            SandboxError: The process took too long, needed too much memory, answered too much, or crashed.
        """
        long = request.task in ("rehearse", "compare") or (request.page is not None and request.page.long)
        seconds = self._spec.rehearsal_seconds if long else self._spec.seconds
        running = self._rehearsals if long else self._checks
        if not self._places.acquire(blocking=False):
            raise BusyError("too many checks at once", hint="try again in a few seconds")
        try:
            until = time.monotonic() + seconds
            while not running.acquire(timeout=_LOOK):
                if not watch.wanted():
                    raise UnwantedError("another check takes its place")
                if time.monotonic() > until:
                    raise BusyError("too many checks at once", hint="try again in a minute")
            try:
                return _Run(request, self._spec.memory * _MEGABYTE, seconds, self._starter).answer(watch)
            finally:
                running.release()
        finally:
            self._places.release()


class _Run:
    """One process."""

    def __init__(self, request: CheckRequest, memory: int, seconds: float, starter: Starter) -> None:
        self._request = request
        self._starter = starter
        self._memory = memory
        self._seconds = seconds

    def answer(self, watch: Watch) -> CheckAnswer:
        """Waits for the answer, and ends the process with all that it started."""
        with tempfile.TemporaryDirectory(prefix="tsk-check-") as name:
            folder = Path(name)
            (folder / "request").write_text(self._request.model_dump_json(), encoding="utf-8")
            with (
                (folder / "request").open("rb") as asked,
                (folder / "answer").open("wb") as output,
                (folder / "log").open("wb") as log,
            ):
                limits = (str(self._memory), str(max(1, round(self._seconds))))
                process = self._starter.start(limits, folder, (asked.fileno(), output.fileno(), log.fileno()))
            try:
                ended = self._wait(process, folder / "answer", watch)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                status = process.wait()
            return self._read(folder, status if ended else None)

    def _wait(self, process: Started, output: Path, watch: Watch) -> bool:
        """Returns whether the process ended by itself in time."""
        until = time.monotonic() + self._seconds
        while time.monotonic() < until:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK)
                return True
            if output.stat().st_size > LARGEST_ANSWER:
                return True
            if not watch.wanted():
                raise UnwantedError("another check takes its place")
            if (progress := _last_progress(output)) is not None:
                watch.on_progress(progress)
        return False

    def _read(self, folder: Path, status: int | None) -> CheckAnswer:
        if status is None or status == -signal.SIGXCPU:
            less = f"a smaller {'file' if self._request.file else 'space'} is checked faster"
            hint = less if self._request.page is None else self._request.page.remedy
            raise SandboxError(f"the check took longer than {self._seconds:g} s", hint=hint)
        with (folder / "answer").open("rb") as stream:
            text = stream.read(LARGEST_ANSWER + 1)
        if len(text) > LARGEST_ANSWER:
            raise SandboxError(f"the answer of the check is larger than {LARGEST_ANSWER >> 20} MiB")
        if status == 0:
            with suppress(ValidationError):
                return self._shown(CheckAnswer.model_validate_json(text.rstrip(b"\n").rpartition(b"\n")[2]))
        self._note_log(folder, status)
        if status in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV):
            return _error("memory", f"the check ended by signal {-status}: it probably needs more memory than it may use")
        raise SandboxError("the check ended with an error, which the server's log describes")

    def _shown(self, answer: CheckAnswer) -> CheckAnswer:
        """Removes folders of this machine from the messages of an answer."""
        if answer.error is None:
            return answer
        message, hint = self._without_folders(answer.error.message), self._without_folders(answer.error.hint or "")
        return answer.model_copy(update={"error": answer.error.model_copy(update={"message": message, "hint": hint or None})})

    def _without_folders(self, text: str) -> str:
        for folder in filter(None, (self._request.base_path, self._request.folder, sys.prefix)):
            text = text.replace(f"{folder}/", "")
        return text.replace(self._request.base_path, "the library")

    def _note_log(self, folder: Path, status: int) -> None:
        with (folder / "log").open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _SHOWN_LOG))
            text = stream.read(_SHOWN_LOG).decode("utf-8", "replace")
        _LOG.error("a check ended with %s: %s", status, printable(text, keep="\n"))


def _error(kind: ErrorKind, message: str) -> CheckAnswer:
    return CheckAnswer(error=CheckError(kind=kind, message=message))


def _last_progress(output: Path) -> CheckProgress | None:
    """Progress from the last complete line, if that line holds it."""
    with output.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _LARGEST_LINE))
        lines = stream.read(_LARGEST_LINE).split(b"\n")
    with suppress(ValidationError, IndexError):
        return CheckProgress.model_validate_json(lines[-2])
    return None
