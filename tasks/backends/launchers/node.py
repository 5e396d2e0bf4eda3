"""Entry on a compute node, started by SLURM: ``python -m tansaku.tasks.backends.launchers.node LAUNCH_FOLDER``.

A FireWorks Rocket checks the Firework out (or reads it from a file, where nodes do not reach the database) and runs our
Firetask, which has a worker process compute the job. Around that: a heartbeat, the verdict on jobs without a result, and the
record of the end. The result is in the shared folder before FireWorks is updated, so a database outage loses nothing.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from fireworks.core.fworker import FWorker
from fireworks.core.rocket import Rocket
from pydantic import SecretStr

from tansaku.models.domain.errors import ConfigurationError, StoreError, TansakuError, TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.commands import offer_commands
from tansaku.tasks.backends.launchers.computing import NodeComputer, StoppedError
from tansaku.tasks.backends.launchers.firetask import compute_with
from tansaku.tasks.backends.launchers.fireworks_documents import carried
from tansaku.tasks.backends.launchers.launches import LaunchFolder, LaunchOrder, Member
from tansaku.tasks.backends.launchers.launchpad import CheckedLaunchPad, asking, open_launchpad, sweep_remains
from tansaku.tasks.backends.launchers.offline import fly_offline
from tansaku.tasks.backends.stores.connection import read_secret
from tansaku.tasks.ground.site.processes import process_identity
from tansaku.tasks.node.jobs.spool_files import file_sha256, read_json

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
