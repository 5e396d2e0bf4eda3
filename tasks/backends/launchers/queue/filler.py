"""Fills a site's queue: READY Fireworks become jobs of the scheduler, up to a limit.

Every turn begins from what is written, so a turn may be cut off anywhere. In the order of the writes: the launch folder and
who belongs to it, the reservations in the LaunchPad, ``submitting.json``, sbatch, ``submitted.json``. A reservation without
``submitted.json`` is looked for in SLURM by its unique name before anything is submitted again, and were it there twice
after all, the second run of it would find ``runner.json`` and end.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fireworks.core.fworker import FWorker
from pydantic import SecretStr

from tansaku.models.domain.errors import ConfigurationError, TansakuError, TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.cluster import BundleSpec, FireworksLauncherSpec, SlurmResourcesSpec
from tansaku.models.domain.specs.commands import offered_commands
from tansaku.tasks.backends.launchers.fireworks_documents import CarriedJob, check_firework
from tansaku.tasks.backends.launchers.launches import (
    LaunchFolder,
    LaunchOrder,
    Member,
    all_launches,
    bundle_name,
    join_launch,
    launch_name,
    launch_of,
    open_spool,
)
from tansaku.tasks.backends.launchers.launchpad import CheckedLaunchPad, asking
from tansaku.tasks.backends.launchers.offline import go_offline, take_in
from tansaku.tasks.backends.launchers.slurm import RejectedJobError, Slurm, SlurmJob, job_script, walltime_for
from tansaku.tasks.node.jobs.document import TRAINING, kind_of_work

_SETTLE = 5.0
"""Time for which SLURM is searched for a job whose sbatch did not answer, before it is submitted again [s]."""

_KEPT_REFUSALS = 20


@dataclass
class TurnReport:
    """Report of the last turn.

    Attributes:
        queued: Our jobs that wait or run in SLURM.
        submitted: Jobs submitted since this filler began.
        problem: Problem of the last turn, empty without one.
        refused: Fireworks that were not run because they are not what tansaku writes.
    """

    queued: int = 0
    submitted: int = 0
    problem: str = ""
    refused: list[str] = field(default_factory=list)

    def as_json(self) -> JsonDict:
        """Plain data."""
        return {"queued": self.queued, "submitted": self.submitted, "problem": self.problem, "refused": self.refused}


@dataclass(frozen=True)
class _Reserved:
    """A job whose Firework is reserved."""

    job: CarriedJob
    launch_id: int

    @property
    def name(self) -> str:
        return self.job.request.name


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
        self._times = RunTimes(self._folder)
        self._bundler = Bundler(spec, self._times)
        self._campaigns: dict[str, str] = {}
        self._fresh: list[str] = []
        self.report = TurnReport()

    def turn(self) -> None:
        """Runs one pass over all jobs.

        Raises:
            TransientError: SLURM or the database did not answer; the next turn continues.
            StoreError: The database rejected a request.
        """
        self._fresh.clear()
        try:
            jobs = self._slurm.jobs()
            self._recover(jobs)
            alive = [name for name, job in jobs.items() if not job.ended and self._is_ours(name)]
            self.report.queued = len(alive)
            self._fill(alive)
            if self._spec.mode == "offline":
                take_in(self._launchpad, self._folder)
        except TransientError as error:
            self.report.problem = error.message
            raise
        self.report.problem = ""

    def _is_ours(self, name: str) -> bool:
        return (self._folder / "launches" / name / "launch.json").exists()

    # ---------------------------------------------------------------- new jobs

    def _fill(self, alive: Sequence[str]) -> None:
        with asking("looking for jobs to submit"):
            wanted = {"state": "READY", "spec._fworker": self._spec.site}
            ready = [item["_id"] for item in self._launchpad.fireworks.find(wanted, {"_id": 1}).sort("fw_id", 1)]
        self._bundler.begin()
        for identifier in ready:
            # One that cannot be launched must not block those behind it.
            if self.report.queued >= self._spec.max_queued:
                return
            with asking("reading a job to submit"):
                document = self._launchpad.fireworks.find_one({"_id": identifier, "state": "READY"})
            job = self._checked(document) if document is not None else None
            for jobs in self._bundler.add(job) if job is not None else ():
                self._launch(jobs)
        for jobs in self._bundler.rest(self._under_way(alive)):
            if self.report.queued < self._spec.max_queued:
                self._launch(jobs)

    def _under_way(self, alive: Sequence[str]) -> set[str]:
        """Campaigns with jobs in the scheduler, including those launched in this turn."""
        for name in alive:
            if name not in self._campaigns:
                order = LaunchFolder.of(self._folder, name).read("launch") or {}
                self._campaigns[name] = str(order.get("campaign", ""))
        self._campaigns = {name: self._campaigns[name] for name in (*alive, *self._fresh)}
        return set(self._campaigns.values())

    def _checked(self, document: Mapping[str, Any]) -> CarriedJob | None:
        """The job that a Firework carries; a Firework that is not ours is refused with the reason."""
        number = document.get("fw_id")
        try:
            job = check_firework(document)
        except ConfigurationError as error:
            with asking(f"rejecting firework {number}"):
                self._launchpad.fireworks.update_one({"_id": document["_id"]}, {"$set": {"state": "DEFUSED"}})
            self.report.refused = [*self.report.refused, error.message][-_KEPT_REFUSALS:]
            return None
        with asking(f"reading firework {number}"):
            whole = self._launchpad.workflows.find_one({"nodes": number}, {"_id": 1}) is not None
        spool = open_spool(self._folder, job.campaign)
        if not whole or not spool.folder(job.request.name).is_dir() or spool.is_over(job.request.name):
            return None
        return job

    def _launch(self, jobs: Sequence[CarriedJob]) -> None:
        """Launches jobs of one kind."""
        tokens = [job.request.token for job in jobs]
        name = launch_name(jobs[0].request.name, tokens[0]) if len(jobs) == 1 else bundle_name(tokens)
        folder = LaunchFolder.of(self._folder, name)
        folder.create()
        # Membership before the job: who looks for the launch of a job finds it whatever happens next.
        joined = [job for job in jobs if self._join(folder, job)]
        reserved = [found for job in joined if (found := self._reserve(folder, job)) is not None]
        if reserved:
            self._submit(folder, reserved)

    def _join(self, folder: LaunchFolder, job: CarriedJob) -> bool:
        place = folder.path / job.request.name
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            join_launch(open_spool(self._folder, job.campaign), self._folder, folder, job.request.name, job.request.token)
        except FileNotFoundError:
            return False  # forgotten meanwhile
        except OSError as error:
            raise TransientError(f"{place}: {error.strerror}") from error
        return True

    def _reserve(self, folder: LaunchFolder, job: CarriedJob) -> _Reserved | None:
        place = str(folder.path / job.request.name)
        with asking(f"reserving job {job.request.name}"):
            firework, launch_id = self._launchpad.reserve_fw(self._worker, place, fw_id=job.fw_id)
        # FireWorks keeps a copy of everything that was ever reserved; a worker lives for months.
        for kept in (self._launchpad.backup_launch_data, self._launchpad.backup_fw_data):
            kept.clear()
        return None if firework is None else _Reserved(job, int(launch_id))

    def _submit(self, folder: LaunchFolder, members: Sequence[_Reserved]) -> None:
        self._prepare(folder, members)
        folder.write("submitting", {"at": time.time()})
        try:
            number = self._slurm.submit(folder.path / "job.sh")
        except RejectedJobError as error:
            for member in members:
                open_spool(self._folder, member.job.campaign).lose(member.name, "rejected", error.message)
            folder.write("exit", {"reason": "rejected", "message": error.message})
            return
        self._record(folder, members, number)
        self._times.watch(folder)
        self._campaigns[folder.name] = members[0].job.campaign
        self._fresh.append(folder.name)
        self.report.submitted += 1
        self.report.queued += 1

    def _prepare(self, folder: LaunchFolder, members: Sequence[_Reserved]) -> None:
        """Writes what the compute node needs; writing it again changes nothing."""
        spec, kind = self._spec, kind_of(self._spec, members[0].job)
        walltime = walltime_for(kind.resources, sum(member.job.request.timeout for member in members))
        order = LaunchOrder(
            site=spec.site,
            campaign=kind.campaign,
            calculator=kind.calculator,
            folder=spec.folder,
            mode=spec.mode,
            database=spec.database,
            uri_file=self._uri_file,
            members=tuple(Member(name=item.name, fw_id=item.job.fw_id, launch_id=item.launch_id) for item in members),
            heartbeat=spec.heartbeat,
            kill_grace=spec.kill_grace,
            patience=spec.patience,
            walltime=walltime,
            threads=kind.resources.cpus_per_task or 1,
            ranks=kind.resources.tasks or 1,
            mpiexec=spec.mpiexec,
            commands=dict(offered_commands()),
            evaluation_limits=spec.evaluation_limits,
        )
        folder.write("launch", order.model_dump(mode="json"))
        command = [spec.python or sys.executable, "-P", "-m", "tansaku.tasks.backends.launchers.node", str(folder.path)]
        script = job_script(folder.name, command, folder.path, kind.resources, walltime)
        try:
            (folder.path / "job.sh").write_text(script)
        except OSError as error:
            raise TransientError(f"{folder.path / 'job.sh'}: {error.strerror}") from error
        for member in members if spec.mode == "offline" else ():
            go_offline(self._launchpad, folder.path / member.name, member.job, member.launch_id)

    def _record(self, folder: LaunchFolder, members: Sequence[_Reserved], number: str) -> None:
        folder.write("submitted", {"at": time.time(), "number": number})
        with asking(f"recording the submission of {folder.name}"):
            # As FireWorks notes it, but in one step, and beside what a node that has begun writes.
            self._launchpad.launches.update_many(
                {"launch_id": {"$in": [member.launch_id for member in members]}},
                {"$set": {"state_history.$[entry].reservation_id": number}},
                array_filters=[{"entry.state": "RESERVED"}],
            )

    # ---------------------------------------------------------------- half-done ones

    def _recover(self, jobs: Mapping[str, SlurmJob]) -> None:
        with asking("looking for half-submitted jobs"):
            reserved = {"state": "RESERVED", "spec._fworker": self._spec.site}
            # Killed between the state and the launch: no sweep of FireWorks finds these.
            self._launchpad.fireworks.update_many({**reserved, "launches": []}, {"$set": {"state": "READY"}})
            found = list(self._launchpad.fireworks.find(reserved).sort("fw_id", 1))
        halves: dict[str, list[_Reserved]] = {}
        for document in found:
            job = self._checked(document)
            if job is not None:
                name = job.request.name
                launch = launch_of(open_spool(self._folder, job.campaign), self._folder, name)
                halves.setdefault(launch.name if launch is not None else launch_name(name, job.request.token), []).append(
                    _Reserved(job, document["launches"][-1])
                )
        for name, members in halves.items():
            self._recover_one(LaunchFolder.of(self._folder, name), members, jobs)

    def _recover_one(self, folder: LaunchFolder, members: Sequence[_Reserved], jobs: Mapping[str, SlurmJob]) -> None:
        if folder.read("submitted") is not None or folder.begun:
            return
        known = jobs.get(folder.name)
        if known is not None:
            self._record(folder, members, known.identifier)
            return
        tried = folder.read("submitting")
        if tried is None or abs(time.time() - tried["at"]) > _SETTLE:
            folder.create()
            self._submit(folder, members)


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
        what = (
            "the embedded server can only be reached from this machine"
            if uri is None
            else "they do not inherit our environment"
        )
        raise ConfigurationError(
            f"database.uri_file: missing; with launcher.mode online compute nodes read MongoDB's address from it ({what})",
            hint="write the address into a file of mode 0600 that they can read, or set launcher.mode: offline",
        )
    return str(Path(uri_file).expanduser().absolute())


_SHARE = 0.8  # of a walltime that may be planned for: run times are expected ones


@dataclass(frozen=True)
class Kind:
    """Properties that the members of a bundle share."""

    campaign: str
    calculator: str
    resources: SlurmResourcesSpec
    bundle: int | BundleSpec


def kind_of(spec: FireworksLauncherSpec, job: CarriedJob) -> Kind:
    """Resources that a job needs according to the site file."""
    name, cost = kind_of_work(job.request.document), job.request.cost
    # A training waits for nobody, and nobody for it.
    bundle = 1 if name == TRAINING else spec.bundle_for(name, cost)
    return Kind(job.campaign, name, spec.resources_for(name, cost), bundle)


@dataclass
class _Waiting:
    """Jobs that are too few for a launch, and since when."""

    names: frozenset[str]
    since: float
    changed: float


@dataclass
class _Pile:
    jobs: list[CarriedJob] = field(default_factory=list)
    seconds: float = 0.0


class Bundler:
    """Collects jobs into bundles. One pass: :meth:`begin`, :meth:`add` for each job, :meth:`rest`.

    A full bundle is launched. A partial bundle waits while jobs of its campaign are running, which lead to new candidates when
    they end, but never longer than ``bundle_wait``; if none is running, it waits until no job was added for a ``look``. A
    bundle holds jobs that are ready at one moment, so it is never larger than the campaign's ``in_flight``.

    Args:
        spec: The launcher part of the site file.
        times: Run times so far.
    """

    def __init__(self, spec: FireworksLauncherSpec, times: RunTimes) -> None:
        self._spec = spec
        self._times = times
        self._piles: dict[Kind, _Pile] = {}
        self._waiting: dict[Kind, _Waiting] = {}

    def begin(self) -> None:
        """Begins a pass. Raises TransientError."""
        self._piles.clear()
        if any(bundle != 1 for bundle in (self._spec.bundle, *(name.bundle for name in self._spec.classes))):
            self._times.learn()

    def add(self, job: CarriedJob) -> Iterator[list[CarriedJob]]:
        """Adds a job; returns the jobs of each bundle that it completes."""
        kind = kind_of(self._spec, job)
        expected = self._times.seconds(kind.campaign, kind.calculator, job.request.cost)
        if kind.bundle == 1 or (isinstance(kind.bundle, BundleSpec) and expected is None):
            yield [job]
            return
        seconds = job.request.timeout if expected is None else expected
        pile = self._piles.setdefault(kind, _Pile())
        limit = kind.resources.walltime
        if pile.jobs and limit is not None and pile.seconds + seconds > _SHARE * limit:
            yield self._taken(kind)
            pile = self._piles.setdefault(kind, _Pile())
        pile.jobs.append(job)
        pile.seconds += seconds
        if _full(kind.bundle, pile):
            yield self._taken(kind)

    def rest(self, under_way: Collection[str]) -> Iterator[list[CarriedJob]]:
        """Returns the jobs of partial bundles that have waited long enough.

        Args:
            under_way: Campaigns with jobs in the scheduler.
        """
        now, waited = time.monotonic(), self._waiting
        self._waiting = {}
        for kind, pile in self._piles.items():
            names, known = frozenset(job.request.name for job in pile.jobs), waited.get(kind)
            since = known.since if known is not None and known.names & names else now
            changed = known.changed if known is not None and known.names == names else now
            settled = now - changed >= min(self._spec.look, self._spec.bundle_wait)
            if now - since >= self._spec.bundle_wait or (settled and kind.campaign not in under_way):
                yield pile.jobs
            else:
                self._waiting[kind] = _Waiting(names, since, changed)

    def _taken(self, kind: Kind) -> list[CarriedJob]:
        self._waiting.pop(kind, None)
        return self._piles.pop(kind).jobs


def _full(bundle: int | BundleSpec, pile: _Pile) -> bool:
    if isinstance(bundle, BundleSpec):
        return pile.seconds >= bundle.at_least or len(pile.jobs) >= bundle.at_most
    return len(pile.jobs) >= bundle


_KEPT = 200  # candidates of a campaign and calculator that the next estimate goes by
_LOOKED_BACK = 50  # launches of before this process began

_Sample = tuple[float, float]


class RunTimes:
    """Run times by campaign and calculator.

    Args:
        folder: The site's shared folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], deque[_Sample]] = {}
        self._open: dict[str, LaunchFolder] | None = None

    def watch(self, launch: LaunchFolder) -> None:
        """Registers a launch, whose run times are read when it has ended."""
        if self._open is not None:
            self._open[launch.name] = launch

    def learn(self) -> None:
        """Reads the run times of launches that ended since the last call. Raises TransientError."""
        if self._open is None:
            self._open = {launch.name: launch for launch in self._latest()}
        for launch in list(self._open.values()):
            exited = launch.read("exit")
            if exited is None:
                continue
            del self._open[launch.name]
            try:
                order = launch.order()
            except TansakuError:
                continue  # of another version: nothing to be learned from it
            kept = self._known.setdefault((order.campaign, order.calculator), deque(maxlen=_KEPT))
            kept.extend((float(cost), float(seconds)) for cost, seconds in exited.get("computed", []))

    def seconds(self, campaign: str, calculator: str, cost: float) -> float | None:
        """Expected run time of a candidate [s]: in the median of those known, by predicted cost where all have one.

        Returns:
            None before anything was measured.
        """
        samples = self._known.get((campaign, calculator))
        if not samples:
            return None
        if cost > 0.0 and all(known > 0.0 for known, _ in samples):
            return cost * statistics.median(seconds / known for known, seconds in samples)
        return statistics.median(seconds for _, seconds in samples)

    def _latest(self) -> list[LaunchFolder]:
        return sorted(all_launches(self._folder), key=lambda launch: launch.path.stat().st_mtime)[-_LOOKED_BACK:]
