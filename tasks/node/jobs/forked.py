"""Workers and other short programs forked from one process that has their imports (:mod:`tansaku.tasks.node.jobs.forker`).

An import takes longer than many an evaluation, and each worker would repeat it. Where a fork cannot be what the program itself
would be, nothing is forked, and the caller starts the program.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.job_description import jobs
from tansaku.tasks.node.jobs.program import program

_MODULE = "tansaku.tasks.node.jobs.forker"
_PATIENCE = 60.0
"""Longest wait for its imports [s]."""

_ROOM = 2048
"""Longest command line that a fork can show."""

_GRACE = 0.5
"""Time that it has to end by itself [s]."""

_LARGEST_ANSWER = 256


class Forked:
    """A forked process, with what a launcher uses of ``subprocess.Popen``; its exit status is not known.

    Args:
        pid: Its id.
        handle: Becomes readable when it has ended, whoever its parent is by then.
    """

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self._handle = handle

    def __del__(self) -> None:
        """Forgets the process, which may outlive its driver."""
        os.close(self._handle)

    def poll(self) -> int | None:
        """None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0.0)
        return None

    def wait(self, timeout: float) -> int:
        """Waits for its end; returns 0, for its parent alone knows how it ended. Raises TimeoutExpired."""
        if not select.select([self._handle], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(_MODULE, timeout)
        return 0

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Sends it a signal, if it is there."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)


class Forker:
    """The process that forks; one at a time, for one environment.

    Attributes:
        usable: Whether forks are possible, as far as is known.
    """

    def __init__(self) -> None:
        self.usable = True
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._environment: dict[str, str] = {}

    def open(self, environment: Mapping[str, str]) -> None:
        """Starts the process, if there is none for this environment, and does not wait for it.

        Nothing is started for programs of several threads: numerical libraries start those when they are imported.
        """
        with self._lock:
            if not self.usable or self._serves(environment):
                return
            self._close()
            if any(value != "1" for name, value in environment.items() if name.endswith("_NUM_THREADS")):
                return
            self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    program(_MODULE, " " * _ROOM),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=dict(environment),
                    start_new_session=True,
                )
            self._environment = dict(environment)

    def preload(self, modules: Iterable[str]) -> None:
        """Has those of our modules imported for all later forks, if the process is there; does not wait for it."""
        ours = [path.partition(":")[0] for path in modules if path.startswith("tansaku.")]
        with self._lock, suppress(OSError):
            if self._line is not None:
                self._line.send(json.dumps({"preload": ours}).encode())

    def preload_jobs(self, campaign: CampaignSpec) -> None:
        """Has the modules imported that evaluations of a campaign need; what a plug-in brings is left to those that use it."""
        workflow = workflow_of(campaign.calculator)
        job = jobs().get(campaign.space.description.jobs.get(workflow.type if workflow is not None else None, ""))
        engine = "" if campaign.calculator is None else campaign.calculator.facts.engine
        self.preload([engine, campaign.space.opener, "" if job is None else job.opener])

    def fork(
        self, module: str, arguments: Iterable[str], environment: Mapping[str, str], streams: tuple[int, int, int]
    ) -> Forked | None:
        """Forks what ``python -m MODULE ARGUMENTS`` would start, in a session of its own.

        Args:
            module: One of our modules.
            arguments: Of the program.
            environment: All its variables.
            streams: Its standard streams.

        Returns:
            None where there is no process for such an environment, or it cannot fork.
        """
        with self._lock:
            if not self._serves(environment):
                return None
            try:
                return self._asked({"module": module, "arguments": [*arguments], "environment": dict(environment)}, streams)
            except OSError:
                self._close()
                return None

    def command(
        self, command: Sequence[str], environment: Mapping[str, str], output: BinaryIO, campaign: CampaignSpec | None
    ) -> Forked | None:
        """Forks what a command line of one of our modules starts, which prints to a file; None where that is not possible.

        Args:
            campaign: Whose jobs it will do; None: not known.
        """
        if [*command[:3]] != program("")[:3]:
            return None
        self.open(environment)
        if campaign is not None:
            self.preload_jobs(campaign)
        with Path(os.devnull).open() as nothing:
            return self.fork(command[3], command[4:], environment, (nothing.fileno(), output.fileno(), output.fileno()))

    def answer(self, module: str, question: str, environment: Mapping[str, str], patience: float) -> str | None:
        """Asks a fork that reads a question and prints its answer; None where nothing can be forked, empty without an answer.

        Raises:
            TimeoutExpired: It took longer than ``patience`` seconds, and was killed.
        """
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as answer, Path(os.devnull).open("w") as nothing:
            asked.write(question.encode())
            asked.seek(0)
            forked = self.fork(module, [], environment, (asked.fileno(), answer.fileno(), nothing.fileno()))
            if forked is None:
                return None
            try:
                forked.wait(patience)
            except subprocess.TimeoutExpired:
                forked.terminate(signal.SIGKILL)
                raise
            answer.seek(0)
            return answer.read().decode()

    def close(self) -> None:
        """Ends the process; its forks continue."""
        with self._lock:
            self._close()

    def _serves(self, environment: Mapping[str, str]) -> bool:
        """Whether the process is there, and a fork of it may get an environment: other variables act when libraries load."""
        if self._process is None or self._process.poll() is not None:
            return False
        return _relevant(environment) == _relevant(self._environment)

    def _asked(self, request: dict[str, object], streams: tuple[int, int, int]) -> Forked | None:
        assert self._line is not None
        self._line.settimeout(_PATIENCE)
        socket.send_fds(self._line, [json.dumps(request | {"folder": str(Path.cwd())}).encode()], streams)
        answer, handles, _, _ = socket.recv_fds(self._line, _LARGEST_ANSWER, 1)
        if answer and handles:
            return Forked(int(answer), handles[0])
        # It has threads, or has ended: so would the next one.
        self.usable = False
        self._close()
        return None

    def _close(self) -> None:
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:  # it is still importing
                self._process.kill()
                self._process.wait()
        self._line = self._process = None


FORKER = Forker()
"""That of this process."""


def _relevant(environment: Mapping[str, str]) -> dict[str, str]:
    """All variables but our own, which a program reads when it begins."""
    return {name: value for name, value in environment.items() if not name.startswith("TANSAKU_")}
