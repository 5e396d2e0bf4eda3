"""Runs the jobs of a launch on a compute node: one worker process for all jobs, ended when a job exceeds its timeout."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from tansaku.models.domain.errors import ConfigurationError, TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.launchers.fireworks_documents import carried
from tansaku.tasks.backends.launchers.launches import LaunchFolder, LaunchOrder, open_spool
from tansaku.tasks.ground.settings import worker_environment
from tansaku.tasks.node.jobs.spool import Spool
from tansaku.tasks.node.jobs.spool_files import file_sha256, read_json

_LOOK = 0.2  # longest time between two looks at a worker that computes [s]

_UNWANTED = "unwanted"

_START = 300.0  # longest time a worker may take to begin with a job: imports from a busy file system [s]


class StoppedError(TransientError):
    """The scheduler ends this job."""


class NodeComputer:
    """Runs jobs through ``python -m tansaku.tasks.node.jobs.worker SPOOL -``, the same entry as the local launcher's workers.

    Args:
        launch: The launch.
        order: Instructions for this compute node.
        stop: Set when the scheduler ends the job.
    """

    def __init__(self, launch: LaunchFolder, order: LaunchOrder, stop: threading.Event) -> None:
        self._launch = launch
        self._order = order
        self._spool = open_spool(Path(order.folder), order.campaign)
        self._stop = stop
        self._worker: subprocess.Popen[str] | None = None

    @property
    def spool(self) -> Spool:
        """Spool of the jobs."""
        return self._spool

    def compute(self, campaign: str, request: JsonDict, request_sha256: str) -> JsonDict:
        """Runs one job unless it has ended or another process runs it.

        Args:
            campaign: Whose job it is.
            request: Content of its Firework.
            request_sha256: Hash of the whole request.

        Returns:
            Data for the LaunchPad: the attempt's token and the hash of the result.

        Raises:
            ConfigurationError: The request in the job's folder is another one.
            TransientError: There is no result.
        """
        name = str(request["name"])
        folder = self._spool.folder(name)
        file = folder / "request.json"
        same = file.is_file() and file_sha256(file) == request_sha256 and carried(read_json(file) or {}) == carried(request)
        if campaign != self._order.campaign or not same:
            message = f"job {name}: the request in its Firework differs from that in its folder"
            self.lose(name, "refused", message)
            raise ConfigurationError(message)
        if not self._spool.is_over(name):
            self._run(name, float(request["timeout"]))
        result = folder / "result.json"
        if not result.is_file():
            lost = read_json(folder / "lost.json") or {"message": "forgotten meanwhile"}
            raise TransientError(f"job {name} has no result: {lost['message']}")
        return {"token": request["token"], "result_sha256": file_sha256(result)}

    def owns(self, name: str) -> bool:
        """Returns whether a job belongs to this launch."""
        return self._launch.does(self._spool, name)

    def lose(self, name: str, reason: str, message: str) -> None:
        """Records that a job will have no result, if it still belongs to this launch."""
        if self.owns(name):
            self._spool.lose(name, reason, message)

    def close(self) -> None:
        """Ends the worker."""
        if self._worker is not None:
            if self._worker.poll() is None:
                self._end()
            self._worker = None

    def _run(self, name: str, timeout: float) -> None:
        if self._stop.is_set():
            raise StoppedError("the scheduler ended this job")
        worker = self._started()
        if worker.stdin is None or worker.stdout is None:
            raise TransientError("the worker has no pipes")
        worker.stdin.write(f"{name}\n")
        worker.stdin.flush()
        limit, what = _START, "it did not start"
        while True:
            answer = self._answer(name, worker.stdout, limit)
            if answer == _UNWANTED:
                self._end()
                return
            if answer is None:
                self._end()
                self.lose(name, "timeout", f"{what} within {limit:g} s")
                return
            if answer != "begun":
                break
            limit, what = timeout, "not finished"
        if not answer:
            self._worker = None
            code = worker.wait()
            # SLURM signals every process of a job: the worker may hear of the end before we do.
            if code == -signal.SIGTERM and self._stop.wait(_LOOK):
                raise StoppedError("the scheduler ended this job")
            said = signal.Signals(-code).name if code < 0 else f"exit status {code}"
            self.lose(name, "worker_died", f"the process that computed it ended by {said}")

    def _answer(self, name: str, answers: IO[str], limit: float) -> str | None:
        """Returns the worker's next answer, empty if it has ended, None after the timeout."""
        until, look = time.monotonic() + limit, time.monotonic() + self._order.heartbeat
        while not select.select([answers], [], [], _LOOK)[0]:
            now = time.monotonic()
            if self._stop.is_set():
                self._end()
                raise StoppedError("the scheduler ended this job")
            if now > look:
                if self._unwanted(name):
                    return _UNWANTED
                look = now + self._order.heartbeat
            if now > until:
                return None
        return answers.readline().strip()

    def _unwanted(self, name: str) -> bool:
        """Returns whether the job was cancelled or removed; the scheduler's job may have other jobs, so it is not ended."""
        folder = self._spool.folder(name)
        try:
            return not folder.is_dir() or (read_json(folder / "lost.json") or {}).get("reason") == "cancelled"
        except TransientError as error:
            sys.stderr.write(f"{name}: cannot tell whether it was cancelled: {error}\n")
            return False

    def _started(self) -> subprocess.Popen[str]:
        if self._worker is None or self._worker.poll() is not None:
            self._worker = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "tansaku.tasks.node.jobs.worker", str(self._spool.root), "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=worker_environment(self._order.parallel, limits=self._order.evaluation_limits),
                start_new_session=True,
            )
        return self._worker

    def _end(self) -> None:
        """Ends the worker, with all that it has started: TERM, then KILL."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        # To its guard alone, not to its group: the guards would end without having cleared up.
        worker.terminate()
        try:
            worker.wait(self._order.kill_grace)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
