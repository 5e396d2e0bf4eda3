"""Entry on a compute node, started by SLURM: ``python -m tansaku.tasks.backends.launchers.node LAUNCH_FOLDER``.

A FireWorks Rocket checks the Firework out (or reads it from a file, where nodes do not reach the database) and runs our
Firetask, which has a worker process compute the job. Around that: a heartbeat, the verdict on jobs without a result, and the
record of the end. The result is in the shared folder before FireWorks is updated, so a database outage loses nothing.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import IO

from fireworks.core.fworker import FWorker
from fireworks.core.rocket import Rocket
from pydantic import SecretStr

from tansaku.models.domain.errors import ConfigurationError, StoreError, TansakuError, TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.commands import offer_commands
from tansaku.tasks.backends.launchers.firetask import compute_with
from tansaku.tasks.backends.launchers.fireworks_documents import carried
from tansaku.tasks.backends.launchers.launches import LaunchFolder, LaunchOrder, Member, open_spool
from tansaku.tasks.backends.launchers.launchpad import CheckedLaunchPad, asking, open_launchpad, sweep_remains
from tansaku.tasks.backends.launchers.offline import fly_offline
from tansaku.tasks.backends.stores.connection import read_secret
from tansaku.tasks.ground.settings import worker_environment
from tansaku.tasks.ground.site.processes import process_identity
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


_RETRY = 2.0
_WALLTIME_SLACK = 5.0


class Node:
    """One run of a launch.

    Args:
        folder: The launch.
        order: What it says.
    """

    def __init__(self, folder: LaunchFolder, order: LaunchOrder) -> None:
        self._folder = folder
        self._order = order
        self._stop = threading.Event()
        self._over = threading.Event()
        self._begun = time.monotonic()
        self._computer = NodeComputer(folder, order, self._stop)
        self._computed: dict[str, list[float]] = {}
        self._launchpad: CheckedLaunchPad | None = None

    def run(self) -> int:
        """Runs the launch's jobs; returns the exit code."""
        signal.signal(signal.SIGTERM, self._terminated)
        self._beat()
        heart = threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True)
        heart.start()
        compute_with(self._compute)
        failures = 0
        try:
            for member in self._order.members:
                failures += not self._do(member)
        finally:
            self._computer.close()
            self._over.set()
            heart.join()
        ending = self._ending() if self._stop.is_set() else {"reason": "done" if not failures else "failed", "message": ""}
        seconds = round(time.monotonic() - self._begun, 3)
        self._folder.write("exit", {**ending, "seconds": seconds, "computed": list(self._computed.values())})
        return 1 if failures else 0

    def _compute(self, campaign: str, request: JsonDict, request_sha256: str) -> JsonDict:
        reply = self._computer.compute(campaign, request, request_sha256)
        name = str(request["name"])
        result = read_json(self._computer.spool.folder(name) / "result.json") or {"outcome": {"wall_time": 0.0}}
        self._computed[name] = [float(request["cost"]), float(result["outcome"]["wall_time"])]
        return reply

    def _do(self, member: Member) -> bool:
        """Runs one job; returns whether there is a result, or none is needed from this node."""
        try:
            if not self._computer.owns(member.name) or self._computer.spool.is_over(member.name):
                sys.stderr.write(f"{member.name}: finished, removed, or assigned to another launch\n")
                return True
            if self._stop.is_set():
                raise StoppedError("the scheduler ended this job before it started")
            self._fly(member)
        except StoppedError:
            ending = self._ending()
            self._computer.lose(member.name, ending["reason"], ending["message"])
        except (TansakuError, OSError) as error:
            # TransientError means that there is no result; all that is known about it is already in the job's folder.
            sys.stderr.write(f"{member.name}: {error}\n")
            reason = "refused" if isinstance(error, ConfigurationError) else "node_error"
            self._computer.lose(member.name, reason, str(error)[:2000])
        return member.name in self._computed

    def _fly(self, member: Member) -> None:
        """Runs the member's Rocket, in a folder of its own."""
        place = self._folder.path / member.name
        os.chdir(place)
        if self._order.mode == "offline":
            fly_offline(place)
            return
        launchpad = self._reached(member)
        if launchpad is None:
            self._fly_alone(member)
            return
        try:
            flown = self._flown(launchpad, member)
        except (TransientError, StoreError) as error:
            # A result may have been collected, and its Firework removed, before FireWorks was updated.
            if isinstance(error, StoreError) and member.name not in self._computed:
                raise
            sys.stderr.write(f"{member.name}: {error}\n")
        else:
            if not flown:
                raise TransientError(f"job {member.name}: its Firework is missing")
        if member.name in self._computed:
            return
        self._settle(member)
        if not self._computer.spool.is_over(member.name):
            self._fly_alone(member)

    def _flown(self, launchpad: CheckedLaunchPad, member: Member) -> bool:
        """Runs the Rocket; returns whether its Firework was there."""
        try:
            with asking(f"running job {member.name}"):
                return bool(Rocket(launchpad, FWorker(name=self._order.site), member.fw_id).run())
        finally:
            # Also after a failure: it may come from half of the Firework being removed meanwhile, the other half written again.
            sweep_remains(launchpad, member.fw_id)

    def _reached(self, member: Member) -> CheckedLaunchPad | None:
        """The LaunchPad with the checked Firework; None when the database does not answer for long."""
        uri = SecretStr("") if self._order.uri_file is None else read_secret(Path(self._order.uri_file))
        launchpad = self._launchpad = self._launchpad or open_launchpad(uri, self._order.database)
        while True:
            try:
                with asking(f"looking for job {member.name}"):
                    launchpad.get_fw_dict_by_id(member.fw_id)
            except TransientError as error:
                sys.stderr.write(f"{member.name}: {error}\n")
                if time.monotonic() - self._begun > self._order.patience or self._stop.wait(_RETRY):
                    return None
            else:
                return launchpad

    def _fly_alone(self, member: Member) -> None:
        """Computes from the request in the shared folder: the database comes second, so it may be away."""
        folder = self._computer.spool.folder(member.name)
        file = folder / "request.json"
        request = read_json(file)
        if request is None:
            raise TransientError(f"job {member.name} was removed meanwhile")
        self._compute(self._order.campaign, carried(request), file_sha256(file))

    def _settle(self, member: Member) -> None:
        """Raises StoppedError if the scheduler ended the job while the Rocket suppressed the signal."""
        if self._stop.is_set() and not self._computer.spool.is_over(member.name):
            raise StoppedError("the scheduler ended this job")

    def _ending(self) -> JsonDict:
        passed = time.monotonic() - self._begun
        limit = self._order.walltime
        reason = "walltime" if passed > limit - _WALLTIME_SLACK else "terminated"
        why = "its time limit" if reason == "walltime" else "cancelled by hand, preempted, or its node was shut down"
        return {"reason": reason, "message": f"SLURM ended it after {passed:.0f} s of {limit:.0f} s: {why}"}

    def _terminated(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _beat(self) -> None:
        self._folder.write("heartbeat", {"at": time.time(), "seconds": time.monotonic() - self._begun})

    def _keep_beating(self) -> None:
        while not self._over.wait(self._order.heartbeat):
            try:
                self._beat()
            except TransientError as error:
                sys.stderr.write(f"no heartbeat: {error}\n")


def main(arguments: list[str]) -> int:
    """Entry of a compute node.

    Args:
        arguments: The launch folder.

    Returns:
        Exit code: 0 when every job has a result.
    """
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write("usage: python -m tansaku.tasks.backends.launchers.node LAUNCH_FOLDER\n")
        return 2
    folder = LaunchFolder(Path(arguments[0]))
    try:
        order = folder.order()
        if not folder.begin({**process_identity(), "host": socket.gethostname(), "at": time.time()}):
            sys.stderr.write("another run of this launch has started; this run ends\n")
            return 0
        offer_commands(order.commands)
        return Node(folder, order).run()
    except TansakuError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
