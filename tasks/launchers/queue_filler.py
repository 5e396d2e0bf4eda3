"""Keeps a site's queue filled: READY Fireworks become jobs of the scheduler, at most so many at once.

Every turn begins from what is written, so a turn may be cut off anywhere. In the order of the writes: the launch folder, the
reservation in the LaunchPad, ``submitting.json``, sbatch, ``submitted.json``. A reservation without ``submitted.json`` is
looked for in SLURM by its unique name before anything is submitted again, and were it there twice after all, the second
run of it would find ``runner.json`` and end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fireworks.core.fworker import FWorker
from pydantic import SecretStr

from tansaku.models.domain.errors import ConfigurationError, TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.cluster import FireworksLauncherSpec
from tansaku.tasks.jobs.spool import write_json
from tansaku.tasks.launchers.fireworks_documents import CarriedJob, check_firework
from tansaku.tasks.launchers.launches import LaunchFolder, LaunchOrder, Member, launch_name, open_spool
from tansaku.tasks.launchers.launchpad import CheckedLaunchPad, asking
from tansaku.tasks.launchers.offline import go_offline, take_in
from tansaku.tasks.launchers.slurm import RejectedJobError, Slurm, SlurmJob, job_script, walltime_for

_SETTLE = 5.0
"""How long a job whose sbatch gave no answer is looked for in SLURM before it is submitted again [s]."""

_KEPT_REFUSALS = 20


@dataclass
class TurnReport:
    """What the last turn saw and did.

    Attributes:
        queued: Jobs of ours that wait or run in SLURM.
        submitted: Jobs submitted since this filler began.
        problem: What did not work at the last turn, empty when all did.
        refused: Fireworks that were not run because they are not what tansaku writes.
    """

    queued: int = 0
    submitted: int = 0
    problem: str = ""
    refused: list[str] = field(default_factory=list)

    def as_json(self) -> JsonDict:
        """Plain data."""
        return {"queued": self.queued, "submitted": self.submitted, "problem": self.problem, "refused": self.refused}


class QueueFiller:
    """Turns READY Fireworks of a site into jobs. Only the holder of the site's lease may call it.

    Args:
        spec: The launcher part of the site file.
        launchpad: Where the Fireworks are.
        slurm: The scheduler.
        uri_file: File with MongoDB's address that compute nodes can read, for ``online``.
    """

    def __init__(
        self, spec: FireworksLauncherSpec, launchpad: CheckedLaunchPad, slurm: Slurm, uri_file: str | None = None
    ) -> None:
        self._spec = spec
        self._folder = Path(spec.folder)
        self._launchpad = launchpad
        self._slurm = slurm
        self._uri_file = uri_file
        self._worker = FWorker(name=spec.site)
        self.report = TurnReport()

    def turn(self) -> None:
        """Looks once at everything and does what is due.

        Raises:
            TransientError: SLURM or the database did not answer; the next turn goes on.
            StoreError: The database refused.
        """
        try:
            jobs = self._slurm.jobs()
            self._recover(jobs)
            self.report.queued = sum(not job.ended for name, job in jobs.items() if self._is_ours(name))
            self._fill()
            if self._spec.mode == "offline":
                take_in(self._launchpad, self._folder)
        except TransientError as error:
            self.report.problem = error.message
            raise
        self.report.problem = ""

    def _is_ours(self, name: str) -> bool:
        return (self._folder / "launches" / name / "launch.json").exists()

    # ---------------------------------------------------------------- new jobs

    def _fill(self) -> None:
        with asking("looking for jobs to submit"):
            wanted = {"state": "READY", "spec._fworker": self._spec.site}
            ready = [one["_id"] for one in self._launchpad.fireworks.find(wanted, {"_id": 1}).sort("fw_id", 1)]
        for identifier in ready:
            # One that cannot be launched must not stand in the way of those behind it.
            if self.report.queued >= self._spec.max_queued:
                break
            with asking("reading a job to submit"):
                document = self._launchpad.fireworks.find_one({"_id": identifier, "state": "READY"})
            job = self._checked(document) if document is not None else None
            if job is not None:
                self._launch(job)

    def _checked(self, document: Mapping[str, Any]) -> CarriedJob | None:
        """The job that a Firework carries; one that is not ours is never run and said why."""
        number = document.get("fw_id")
        try:
            job = check_firework(document)
        except ConfigurationError as error:
            with asking(f"refusing firework {number}"):
                self._launchpad.fireworks.update_one({"_id": document["_id"]}, {"$set": {"state": "DEFUSED"}})
            self.report.refused = [*self.report.refused, error.message][-_KEPT_REFUSALS:]
            return None
        with asking(f"looking at firework {number}"):
            whole = self._launchpad.workflows.find_one({"nodes": number}, {"_id": 1}) is not None
        spool = open_spool(self._folder, job.campaign)
        if not whole or not spool.folder(job.request.name).is_dir() or spool.is_over(job.request.name):
            return None
        return job

    def _launch(self, job: CarriedJob) -> None:
        folder = LaunchFolder.of(self._folder, launch_name(job.request.name, job.request.token))
        place = folder.path / job.request.name
        folder.create()
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            # Membership before the job: who looks for the launch of a job finds it whatever happens next.
            spool = open_spool(self._folder, job.campaign)
            write_json(spool.folder(job.request.name) / "launch.json", {"launch": folder.name})
        except FileNotFoundError:
            return  # forgotten meanwhile
        except OSError as error:
            raise TransientError(f"{place}: {error.strerror}") from error
        with asking(f"reserving job {job.request.name}"):
            firework, launch_id = self._launchpad.reserve_fw(self._worker, str(place), fw_id=job.fw_id)
        if firework is None:
            return
        self._submit(folder, job, int(launch_id))

    def _submit(self, folder: LaunchFolder, job: CarriedJob, launch_id: int) -> None:
        self._prepare(folder, job, launch_id)
        folder.write("submitting", {"at": time.time()})
        try:
            number = self._slurm.submit(folder.path / "job.sh")
        except RejectedJobError as error:
            spool = open_spool(self._folder, job.campaign)
            spool.lose(job.request.name, "rejected", error.message)
            folder.write("exit", {"reason": "rejected", "message": error.message})
            return
        self._record(folder, launch_id, number)
        self.report.submitted += 1
        self.report.queued += 1

    def _prepare(self, folder: LaunchFolder, job: CarriedJob, launch_id: int) -> None:
        """Writes what the compute node needs; writing it again changes nothing."""
        spec, request = self._spec, job.request
        calculator = request.document.calculator.type if request.document.calculator is not None else "table"
        resources = spec.resources_for(calculator, request.cost)
        walltime = walltime_for(resources, request.timeout)
        order = LaunchOrder(
            site=spec.site,
            campaign=job.campaign,
            folder=spec.folder,
            mode=spec.mode,
            database=spec.database,
            uri_file=self._uri_file,
            members=(Member(name=request.name, fw_id=job.fw_id, launch_id=launch_id),),
            heartbeat=spec.heartbeat,
            kill_grace=spec.kill_grace,
            patience=spec.patience,
            walltime=walltime,
            threads=resources.cpus_per_task or 1,
        )
        folder.write("launch", order.model_dump(mode="json"))
        command = [spec.python or sys.executable, "-P", "-m", "tansaku.tasks.launchers.node", str(folder.path)]
        script = job_script(folder.name, command, folder.path, resources, walltime)
        try:
            (folder.path / "job.sh").write_text(script)
        except OSError as error:
            raise TransientError(f"{folder.path / 'job.sh'}: {error.strerror}") from error
        if spec.mode == "offline":
            go_offline(self._launchpad, folder.path / request.name, job, launch_id)

    def _record(self, folder: LaunchFolder, launch_id: int, number: str) -> None:
        folder.write("submitted", {"at": time.time(), "number": number})
        with asking(f"recording the submission of {folder.name}"):
            self._launchpad.set_reservation_id(launch_id, number)

    # ---------------------------------------------------------------- half-done ones

    def _recover(self, jobs: Mapping[str, SlurmJob]) -> None:
        with asking("looking for half-submitted jobs"):
            reserved = {"state": "RESERVED", "spec._fworker": self._spec.site}
            # Killed between the state and the launch: no sweep of FireWorks finds these.
            self._launchpad.fireworks.update_many({**reserved, "launches": []}, {"$set": {"state": "READY"}})
            found = list(self._launchpad.fireworks.find(reserved).sort("fw_id", 1))
        for document in found:
            job = self._checked(document)
            if job is not None:
                self._recover_one(job, document["launches"][-1], jobs)

    def _recover_one(self, job: CarriedJob, launch_id: int, jobs: Mapping[str, SlurmJob]) -> None:
        folder = LaunchFolder.of(self._folder, launch_name(job.request.name, job.request.token))
        if folder.read("submitted") is not None or folder.begun:
            return
        known = jobs.get(folder.name)
        if known is not None:
            self._record(folder, launch_id, known.identifier)
            return
        tried = folder.read("submitting")
        if tried is None or abs(time.time() - tried["at"]) > _SETTLE:
            self._submit(folder, job, launch_id)


def uri_file_for(spec: FireworksLauncherSpec, uri_file: str | None, uri: SecretStr | None) -> str | None:
    """File with MongoDB's address for compute nodes, None where they need none.

    Args:
        spec: The launcher part of the site file.
        uri_file: The site file's ``database.uri_file``.
        uri: Address of the configured server, None for the embedded one.

    Raises:
        ConfigurationError: Compute nodes could not find the database.
    """
    if spec.mode == "offline":
        return None
    if uri_file is None:
        what = "the embedded server is reached from this machine alone" if uri is None else "they are not given our environment"
        raise ConfigurationError(
            f"database.uri_file: missing; with launcher.mode online compute nodes read MongoDB's address from it ({what})",
            hint="write the address into a file of mode 0600 that they see, or set launcher.mode: offline",
        )
    return str(Path(uri_file).expanduser().absolute())
