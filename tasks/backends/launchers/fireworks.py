"""Jobs of a cluster: FireWorks' LaunchPad lists them, SLURM runs them, a shared folder holds the results.

The outcome of a job is read from the shared folder first: a result there is a result, whatever the database or the scheduler
say. Without one, a verdict of the compute node counts; without that, a job is dead only when the scheduler calls it ended (or
does not know it any more) *and* its heartbeat has been silent for the site's ``silence``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tansaku.models.domain.errors import DamagedFileError, DiskFullError, TransientError
from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.cluster import FireworksLauncherSpec
from tansaku.models.domain.states import JobState
from tansaku.tasks.backends.launchers.fireworks_documents import task_document
from tansaku.tasks.backends.launchers.launches import LaunchFolder, launch_of, open_spool
from tansaku.tasks.backends.launchers.launchpad import CheckedLaunchPad, add_job, asking, prepare, remove_job
from tansaku.tasks.backends.launchers.queue.thread import Filling, NoFilling
from tansaku.tasks.backends.launchers.slurm import Slurm, SlurmJob
from tansaku.tasks.backends.launchers.spool_results import settled_status, spooled_result
from tansaku.tasks.backends.launchers.verdicts import verdict
from tansaku.tasks.node.jobs.spool_files import read_json

_KIND = "fireworks"
_STEP = 0.5  # longest time between two looks at the shared folder while somebody waits [s]

_TAKEN_OUT = ("DEFUSED", "ARCHIVED", "FIZZLED")


@dataclass
class _Pulse:
    """The last heartbeat of a job that was seen, and when it was new, by our own clock."""

    text: str
    at: float


class FireworksLauncher:
    """``Launcher`` on FireWorks and SLURM.

    Args:
        spec: The launcher part of the site file.
        campaign: Whose jobs these are.
        launchpad: Where Fireworks go.
        slurm: Asked for jobs whose compute node says nothing.
        filling: Fills the queue, unless a worker of the site does.
    """

    def __init__(
        self,
        spec: FireworksLauncherSpec,
        campaign: str,
        launchpad: CheckedLaunchPad,
        slurm: Slurm,
        filling: Filling | NoFilling,
    ) -> None:
        self._spec = spec
        self._campaign = campaign
        self._folder = Path(spec.folder)
        self._spool = open_spool(self._folder, campaign)
        self._launchpad = launchpad
        self._slurm = slurm
        self._filling = filling
        self._pulses: dict[str, _Pulse] = {}
        self._over: set[str] = set()
        self._jobs: dict[str, SlurmJob] | None = None
        self._jobs_at = -float("inf")
        self._silent_since: dict[str, float] = {}
        self._states: dict[str, str] = {}
        self._waiting_since: dict[str, float] = {}
        self._states_at = -float("inf")
        self._prepared = False
        self._idle = threading.Event()

    def start(self) -> None:
        """Prepares the shared folder and the LaunchPad and starts to fill the queue.

        Raises:
            TransientError: The folder cannot be made, or the database does not answer.
        """
        self._spool.create(pipes=False)
        self._spool.sweep()
        if not self._prepared:
            prepare(self._launchpad)
            self._prepared = True
        self._filling.start()

    def submit(self, job: JobRequest) -> JsonDict:
        """Adds a job once per name: its request to the shared folder, then its Firework to the LaunchPad."""
        self._filling.check()
        folder = self._spool.folder(job.name)
        request = {"name": job.name, "token": job.token, "timeout": job.timeout, "cost": job.cost, "document": job.document}
        try:
            self._spool.add(job.name, request, queue=False)
        except DiskFullError:
            raise
        except OSError as error:
            raise TransientError(f"job {job.name} cannot be written to {self._spool.root}: {error.strerror}") from error
        if not self._spool.is_over(job.name):
            # The request of a known name stays as it was, and so does what its Firework carries.
            stored = read_json(folder / "request.json") or request
            add_job(self._launchpad, self._spec.site, task_document(self._campaign, stored, folder / "request.json"))
        self._over.discard(job.name)
        self._filling.nudge()
        return _handle(job.name)

    def find(self, name: str) -> JsonDict | None:
        """Handle of the job of this name, or None; one whose Firework is missing is submitted again under its name."""
        if not self._spool.folder(name).is_dir():
            return None
        if self._spool.is_over(name) or launch_of(self._spool, self._folder, name) is not None:
            return _handle(name)
        with asking(f"looking for job {name}"):
            known = self._launchpad.fireworks.find_one({"name": name}, {"fw_id": 1})
            whole = known is not None and self._launchpad.workflows.find_one({"nodes": known["fw_id"]}, {"_id": 1})
        return _handle(name) if whole else None

    def poll(self, handles: Sequence[JsonDict]) -> list[JobStatus]:
        """States of jobs, in the order asked."""
        self._filling.check()
        found = [self._readable_status(handle["name"]) for handle in handles]
        self._over.update(
            handle["name"]
            for handle, status in zip(handles, found, strict=True)
            if status.state in (JobState.FINISHED, JobState.LOST)
        )
        return found

    def wait(self, handles: Sequence[JsonDict], timeout: float) -> None:
        """Returns when a job has ended or ``timeout`` seconds have passed."""
        names = [handle["name"] for handle in handles if handle["name"] not in self._over]
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0 and not any(self._spool.is_over(name) for name in names):
            self._idle.wait(min(left, _STEP))

    def fetch(self, handle: JsonDict) -> JobResult:
        """Result of a FINISHED job. Raises NotFoundError, TransientError."""
        return spooled_result(self._spool, handle["name"])

    def cancel(self, handle: JsonDict) -> None:
        """Ends a job, in SLURM too."""
        name = handle["name"]
        if not self._spool.folder(name).is_dir() or self._spool.is_over(name):
            return
        begun = not self._spool.claim(name, pid=0)
        self._end(name)
        self._spool.lose(name, "cancelled", "cancelled" if begun else "cancelled before it started")
        with asking(f"cancelling job {name}"):
            self._launchpad.fireworks.update_one({"name": name, "state": "READY"}, {"$set": {"state": "DEFUSED"}})

    def discard(self, handle: JsonDict) -> None:
        """Removes a job and ends what still runs of it. A job whose node does not answer keeps its folder. Logs are kept."""
        name = handle["name"]
        folder = self._spool.folder(name)
        lost = read_json(folder / "lost.json")
        if not self._spool.is_over(name):
            self._end(name)
        remove_job(self._launchpad, name)
        if lost is None or lost.get("final", True) or (folder / "result.json").exists():
            self._spool.remove(name)
            self._spool.sweep()
        self._pulses.pop(name, None)
        self._silent_since.pop(name, None)
        self._waiting_since.pop(name, None)

    def runtime(self) -> Mapping[str, Any]:
        """Folder and site; nothing of this machine outlives the driver."""
        return {"type": _KIND, "site": self._spec.site, "folder": str(self._folder), "workers": []}

    def stop(self) -> None:
        """Stops filling the queue; jobs in the LaunchPad wait for the next driver or the site's queue process."""
        self._filling.stop()

    def _end(self, name: str) -> None:
        """Ends the scheduler's job that does a job, unless others need it: then its node ends what it sees to be unwanted."""
        launch = launch_of(self._spool, self._folder, name)
        if launch is None or (launch.path / "exit.json").exists():
            return
        members = launch.read("launch") or {"members": []}
        others = [member["name"] for member in members["members"] if member["name"] != name]
        if not any(launch.does(self._spool, other) and not self._spool.is_over(other) for other in others):
            self._slurm.cancel(launch.name)

    # ---------------------------------------------------------------- states

    def _readable_status(self, name: str) -> JobStatus:
        """State of a job; one whose files are damaged is lost."""
        try:
            return self._status(name)
        except DamagedFileError as error:
            self._spool.lose_damaged(name, error)
            return settled_status(self._spool, name) or JobStatus(JobState.LOST, "damaged_file", error.message)

    def _status(self, name: str) -> JobStatus:
        known = settled_status(self._spool, name)
        if known is not None:
            return known
        launch = launch_of(self._spool, self._folder, name)
        status = self._unlaunched(name) if launch is None else self._launched(name, launch)
        if status.state is not JobState.LOST:
            return status
        # Its node has not reported this: if it returns with a result, the result counts.
        final = launch is None or not launch.begun or self._spool.claimed(name) is None
        self._spool.lose(name, status.reason, status.message, final=final)
        # The node may have written its result or verdict between our polls.
        return settled_status(self._spool, name) or status

    def _unlaunched(self, name: str) -> JobStatus:
        """State of a job not yet in SLURM: it waits, unless its Firework was removed from the LaunchPad."""
        now = time.monotonic()
        seen = self._waiting_since.setdefault(name, now)
        if now - self._states_at > self._spec.look:
            with asking("reading the LaunchPad"):
                asked = {"name": {"$in": list(self._waiting_since)}}
                found = self._launchpad.fireworks.find(asked, {"name": 1, "state": 1})
                self._states = {item["name"]: item["state"] for item in found}
            self._states_at = now
        state = self._states.get(name)
        if state in _TAKEN_OUT:
            return JobStatus(JobState.LOST, "refused", f"its Firework is {state}: not as submitted, or changed by hand")
        if state is None and self._states_at > seen:
            return JobStatus(JobState.LOST, "unknown_job", "its Firework is no longer in the LaunchPad")
        return JobStatus(JobState.QUEUED, "", self._filling.problem or ("paused in the LaunchPad" if state == "PAUSED" else ""))

    def _launched(self, name: str, launch: LaunchFolder) -> JobStatus:
        self._waiting_since.pop(name, None)
        if not launch.begun:
            return self._waiting(name, launch)
        text, now = launch.pulse(), time.monotonic()
        last = self._pulses.get(name)
        if last is None or last.text != text:
            last = self._pulses[name] = _Pulse(text, now)
        silent = now - last.at
        if silent <= self._spec.silence:
            return JobStatus(JobState.QUEUED if self._spool.claimed(name) is None else JobState.RUNNING)
        try:
            job = self._asked().get(launch.name)
        except TransientError as error:
            return JobStatus(JobState.UNKNOWN, "", f"no heartbeat for {silent:.0f} s, and {error.message}")
        if job is not None and not job.ended:
            return JobStatus(JobState.RUNNING, "", f"no heartbeat for {silent:.0f} s, but SLURM says {job.state}")
        found = verdict(self._slurm, job, launch)
        return JobStatus(JobState.LOST, found.reason, f"no heartbeat for {silent:.0f} s and {found.says}")

    def _waiting(self, name: str, launch: LaunchFolder) -> JobStatus:
        try:
            job = self._asked().get(launch.name)
        except TransientError as error:
            return JobStatus(JobState.QUEUED, "", error.message)
        if (job is None and launch.read("submitted") is None) or (job is not None and not job.ended):
            self._silent_since.pop(name, None)
            return JobStatus(JobState.QUEUED, "", "" if job is None or not job.waiting else f"SLURM: {job.reason}")
        since = self._silent_since.setdefault(name, time.monotonic())
        # A shared file system may show what a node wrote some time later.
        if time.monotonic() - since <= self._spec.silence:
            return JobStatus(JobState.QUEUED, "", "SLURM has ended it; waiting for results that its node may have written")
        found = verdict(self._slurm, job, launch)
        return JobStatus(JobState.LOST, found.reason, f"it never started, and {found.says}")

    def _asked(self) -> dict[str, SlurmJob]:
        """SLURM's jobs, queried at most once per ``look`` of the site."""
        now = time.monotonic()
        if self._jobs is None or now - self._jobs_at > self._spec.look:
            self._jobs = None
            self._jobs = self._slurm.jobs()
            self._jobs_at = now
        return self._jobs


def _handle(name: str) -> JsonDict:
    return {"type": _KIND, "name": name}
