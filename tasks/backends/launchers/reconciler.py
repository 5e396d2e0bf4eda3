"""Compares the shared folder, the LaunchPad and the scheduler of a site, in both directions.

Certain discrepancies are repaired: by a verdict in a job's folder, by a note that was not written, by putting a reservation
back. A verdict needs the scheduler and the heartbeat to agree, so it takes two looks that are the site's ``silence`` apart.
Uncertain ones are reported. Nothing is deleted here, no running job is ended, and campaigns are not changed: their next driver
reads the verdicts.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tansaku.models.domain.errors import DamagedFileError, DiskFullError, TransientError
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.specs.cluster import FireworksLauncherSpec
from tansaku.tasks.backends.launchers.launches import LaunchFolder, launch_of, open_spool
from tansaku.tasks.backends.launchers.launchpad import CheckedLaunchPad, asking
from tansaku.tasks.backends.launchers.slurm import Slurm, SlurmJob
from tansaku.tasks.backends.launchers.verdicts import verdict
from tansaku.tasks.node.jobs.spool import Spool
from tansaku.tasks.node.jobs.spool_files import read_json, write_json

_FIELDS = {"name": 1, "state": 1, "launches": 1, "fw_id": 1}
_SETTLE = 30.0  # how long who submits a job may take to write down that it did [s]


class Sightings:
    """Time since launches last changed, stored in a file between polls and measured by one clock only.

    Args:
        path: The file; polls from a different host than the last start over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            known = read_json(path) or {}
        except DamagedFileError:
            known = {}  # as at the first poll: silence is measured from now on
        self._before: JsonDict = known.get("launches", {}) if known.get("host") == socket.gethostname() else {}
        self._now: JsonDict = {}

    def unchanged(self, launch: str, looks: str) -> float:
        """Returns how long a launch has been in this state [s]; 0 if the state is new."""
        now, before = time.time(), self._before.get(launch)
        since = min(now, float(before["since"])) if before is not None and before["looks"] == looks else now
        self._now[launch] = {"looks": looks, "since": since}
        return now - since

    def save(self) -> None:
        """Saves what was seen since it was opened. Raises TransientError."""
        try:
            write_json(self._path, {"host": socket.gethostname(), "launches": self._now})
        except DiskFullError:
            raise
        except OSError as error:
            raise TransientError(f"{self._path} cannot be written: {error.strerror}") from error


class Reconciler:
    """One comparison.

    Args:
        spec: The launcher part of the site file.
        launchpad: Where the Fireworks are.
        slurm: The scheduler.
        filled: Whether a process fills the site's queue now, which then completes unfinished submissions.
        dry_run: Look only, and write nothing.
    """

    def __init__(
        self, spec: FireworksLauncherSpec, launchpad: CheckedLaunchPad, slurm: Slurm, *, filled: bool, dry_run: bool
    ) -> None:
        self._spec = spec
        self._folder = Path(spec.folder)
        self._launchpad = launchpad
        self._slurm = slurm
        self._filled = filled
        self._dry_run = dry_run
        self._seen = Sightings(self._folder / "reconcile.json")
        self._jobs: dict[str, SlurmJob] = {}
        self._asked_again = False
        self._fireworks: dict[str, JsonDict] = {}

    def run(self) -> list[Discrepancy]:
        """Compares everything once.

        Raises:
            TransientError: SLURM, the database or the folder did not answer.
        """
        # In this order: a job is in the folder before it is in the LaunchPad, and there before it is in SLURM.
        self._jobs = self._slurm.jobs()
        with asking("comparing the LaunchPad"):
            found = self._launchpad.fireworks.find({"spec._fworker": self._spec.site}, _FIELDS)
            self._fireworks = {str(item["name"]): item for item in found}
        discrepancies: list[Discrepancy] = []
        known: set[str] = set()
        for spool in self._spools():
            for name in spool.names():
                known.add(name)
                if not spool.is_over(name):
                    discrepancies += self._compare(spool, name)
        discrepancies += self._unknown_fireworks(known)
        discrepancies += self._needless_jobs()
        if not self._dry_run:
            self._seen.save()
        return discrepancies

    def _spools(self) -> Iterator[Spool]:
        for path in sorted((self._folder / "spool").glob("*/jobs")):
            yield open_spool(self._folder, path.parent.name)

    # ---------------------------------------------------------------- from the folder to the others

    def _compare(self, spool: Spool, name: str) -> Iterator[Discrepancy]:
        launch = launch_of(spool, self._folder, name)
        if launch is not None and (launch.begun or launch.read("submitted") is not None):
            yield from self._submitted(spool, name, launch)
            return
        firework = self._fireworks.get(name) or self._firework(name)
        if firework is None:
            hint = "`tansaku run` or `tansaku resume` submits it again"
            yield Discrepancy(case="no_firework", subject=name, says="its Firework is not in the LaunchPad", hint=hint)
        elif firework["state"] == "RESERVED" and not firework["launches"]:
            yield self._put_back(name, firework)
        elif launch is not None and launch.name in self._jobs:
            yield self._note_submission(name, launch, self._jobs[launch.name])
        elif firework["state"] == "RESERVED":
            if not self._filled and not (launch is not None and _is_fresh(launch)):
                hint = "it is submitted by the next process that fills the queue: a driver, or `tansaku queue start`"
                yield Discrepancy(case="not_submitted", subject=name, says="reserved, but SLURM does not know it", hint=hint)
        elif firework["state"] != "READY":
            says = f"its Firework is {firework['state']}, but it was never launched"
            yield Discrepancy(case="odd_firework", subject=name, says=says, hint="the campaign's driver will mark it lost")

    def _put_back(self, name: str, firework: Mapping[str, Any]) -> Discrepancy:
        if not self._dry_run:
            with asking(f"returning job {name} to the queue"):
                same = {"fw_id": firework["fw_id"], "state": "RESERVED", "launches": []}
                self._launchpad.fireworks.update_one(same, {"$set": {"state": "READY"}})
        return Discrepancy(case="reserved_without_launch", subject=name, says="reserved, but without a launch", done="put back")

    def _note_submission(self, name: str, launch: LaunchFolder, job: SlurmJob) -> Discrepancy:
        if not self._dry_run:
            launch.write("submitted", {"at": time.time(), "number": job.identifier})
        says = f"SLURM has it as {job.identifier} ({job.state}), which is not recorded"
        return Discrepancy(case="submission_not_recorded", subject=name, says=says, done="written down")

    def _submitted(self, spool: Spool, name: str, launch: LaunchFolder) -> Iterator[Discrepancy]:
        """A job that was submitted to SLURM."""
        job = self._job(launch.name)
        looks = launch.pulse() if launch.begun else "not begun"
        silent = self._seen.unchanged(launch.name, looks)
        if job is not None and not job.ended:
            if launch.begun and silent > self._spec.silence:
                says = f"no heartbeat for {silent:.0f} s, but SLURM says {job.state}"
                yield Discrepancy(case="no_heartbeat", subject=name, says=says, hint=f"scancel --name={launch.name} ends it")
            return
        found = verdict(self._slurm, job, launch)
        says = f"no heartbeat for {silent:.0f} s and {found.says}" if launch.begun else f"it never started, and {found.says}"
        case = found.reason if found.known else "vanished"
        if silent <= self._spec.silence:
            hint = f"check again in {self._spec.silence - silent:.0f} s: its node may still have written results"
            yield Discrepancy(case=case, subject=name, says=says, hint=hint)
            return
        if not self._dry_run:
            spool.lose(name, found.reason, says, final=not launch.begun or spool.claimed(name) is None)
        yield Discrepancy(case=case, subject=name, says=says, done=f"marked lost ({found.reason}); its evaluation is retried")

    def _job(self, launch: str) -> SlurmJob | None:
        """SLURM's information on a launch's job; SLURM is asked again for a job submitted since the first query."""
        if launch not in self._jobs and not self._asked_again:
            self._asked_again = True
            self._jobs = self._slurm.jobs()
        return self._jobs.get(launch)

    def _firework(self, name: str) -> JsonDict | None:
        with asking(f"looking for job {name}"):
            found: JsonDict | None = self._launchpad.fireworks.find_one({"name": name}, _FIELDS)
        return found

    # ---------------------------------------------------------------- from the others to the folder

    def _unknown_fireworks(self, known: set[str]) -> Iterator[Discrepancy]:
        for name, firework in self._fireworks.items():
            # Whoever forgets a job removes its Firework first.
            if name not in known and self._firework(name) is not None:
                says = f"Firework {firework['fw_id']} ({firework['state']}) belongs to no job in {self._folder / 'spool'}"
                hint = "it belongs to another folder or is left over; it is never run from here"
                yield Discrepancy(case="firework_without_job", subject=name, says=says, hint=hint)

    def _needless_jobs(self) -> Iterator[Discrepancy]:
        for name, job in self._jobs.items():
            launch = LaunchFolder(self._folder / "launches" / name)
            order = None if job.ended or not launch.path.is_dir() else launch.read("launch")
            if order is None:
                continue
            spool = open_spool(self._folder, order["campaign"])
            members = [member["name"] for member in order["members"]]
            if any(launch.does(spool, member) and not spool.is_over(member) for member in members):
                continue
            says = f"SLURM has it as {job.identifier} ({job.state}), but all its jobs are finished or removed"
            if job.waiting:
                if not self._dry_run:
                    self._slurm.cancel(name)
                yield Discrepancy(case="needless_job", subject=name, says=says, done="removed from SLURM's queue")
            elif self._seen.unchanged(name, "needless") > self._spec.silence:
                hint = f"it will end by itself; scancel --name={name} ends it now"
                yield Discrepancy(case="needless_job", subject=name, says=says, hint=hint)


def _is_fresh(launch: LaunchFolder) -> bool:
    tried = launch.read("submitting")
    return tried is not None and abs(time.time() - float(tried["at"])) < _SETTLE


class Discrepancy(Record):
    """A difference between two of them.

    Attributes:
        case: Its kind, in a word.
        subject: Job, launch, Firework or evaluation.
        says: What was found.
        done: The action taken, or in a dry run the one that would be; empty where none is certain.
        hint: What a user can do or wait for.
    """

    case: str
    subject: str
    says: str
    done: str = ""
    hint: str = ""

    def describe(self, *, dry_run: bool) -> str:
        """Describes the difference in one line."""
        what = self.hint or "not changed"
        if self.done:
            what = f"would be {self.done}" if dry_run else self.done
        return f"{self.case}: {self.subject}: {self.says}; {what}"
