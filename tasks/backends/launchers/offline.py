"""Compute nodes that do not reach MongoDB: FireWorks' files of offline mode, written and read again with the same checks.

FireWorks' own Rocket does not run offline with current versions of monty (it calls ``zopen`` without a mode; fireworks 2.1.3,
monty 2026.10), so the node runs the Firetask itself and leaves the files that ``recover_offline`` reads, here or in
``lpad recover_offline``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fireworks.core.firework import Firework, FWAction

from tansaku.models.domain.errors import TansakuError
from tansaku.tasks.backends.launchers.fireworks_documents import CarriedJob, check_firework, check_offline
from tansaku.tasks.backends.launchers.launchpad import CheckedLaunchPad, asking, sweep_remains
from tansaku.tasks.node.jobs.spool_files import read_json, write_json

_FIREWORK, _STATE, _PING = "FW.json", "FW_offline.json", "FW_ping.json"


def go_offline(launchpad: CheckedLaunchPad, place: Path, job: CarriedJob, launch_id: int) -> None:
    """Writes the files that replace the LaunchPad on the node; idempotent."""
    with asking(f"preparing job {job.request.name} for a node without access to the database"):
        firework = launchpad.get_fw_by_id(job.fw_id)
        if launchpad.offline_runs.find_one({"launch_id": launch_id}, {"_id": 1}) is None:
            launchpad.add_offline_run(launch_id, job.fw_id, job.request.name)
    firework.to_file(str(place / _FIREWORK))
    if read_json(place / _STATE) is None:
        write_json(place / _STATE, {"launch_id": launch_id})


def fly_offline(place: Path) -> None:
    """Runs the Firework of a folder on a compute node.

    Raises:
        ConfigurationError: The file is not what tansaku writes.
        TransientError: There is no result.
    """
    document = read_json(place / _FIREWORK) or {}
    check_firework(document)
    known = {**(read_json(place / _STATE) or {}), "started_on": _now()}
    write_json(place / _STATE, known)
    write_json(place / _PING, {"ping_time": _now()})
    try:
        action = Firework.from_dict(document).tasks[0].run_task({})
    except TansakuError as error:
        _finish(place, known, FWAction(stored_data={"_message": error.message}, exit=True), "FIZZLED")
        raise
    _finish(place, known, action, "COMPLETED")


def take_in(launchpad: CheckedLaunchPad, folder: Path) -> None:
    """Records in the LaunchPad how offline jobs ended. Results are read from the shared folder instead.

    Args:
        launchpad: Where the runs are listed.
        folder: The shared folder; what lies elsewhere is not read.
    """
    with asking("reading jobs of nodes without access to the database"):
        running = {"completed": False, "deprecated": False}
        for run in list(launchpad.offline_runs.find(running, {"launch_id": 1, "fw_id": 1})):
            launch = launchpad.launches.find_one({"launch_id": run["launch_id"]}, {"launch_dir": 1})
            if launch is not None and folder in Path(launch["launch_dir"]).parents and _left(Path(launch["launch_dir"])):
                launchpad.recover_offline(run["launch_id"], ignore_errors=True)
                sweep_remains(launchpad, run["fw_id"])


def _left(place: Path) -> bool:
    """Returns whether a node has left a file that is safe to decode."""
    for name in (_PING, _STATE):
        data = read_json(place / name)
        if data is None:
            return False
        check_offline(data, str(place / name))
    return True


def _finish(place: Path, known: dict[str, object], action: FWAction, state: str) -> None:
    write_json(place / _PING, {"ping_time": _now()})
    write_json(place / _STATE, {**known, "fwaction": action.to_dict(), "state": state, "completed_on": _now()})


def _now() -> str:
    return datetime.now(UTC).isoformat()
