"""A launch: one job of the scheduler, and the folder through which the login node and the compute node communicate.

    FOLDER/                     shared by the login node and all compute nodes, mode 0700
      spool/CAMPAIGN/           requests and results, see tansaku.tasks.node.jobs.spool; of its queue and pipes nothing is used
        jobs/NAME/launch.json   name of the launch that does the job
      launches/LAUNCH/          kept when the job is forgotten: the logs of a job
        launch.json             instructions for the compute node
        job.sh, out.txt, err.txt
        submitting.json         before sbatch is called; submitted.json: the scheduler's number, once it is known
        runner.json             made with O_EXCL by the one run of the job; a second one finds it and ends
        heartbeat.json          written again and again while it runs
        exit.json               how it ended, and how long each of its jobs took
        NAME/                   FireWorks' own files, by job
      members/NAME-HASH.json    name of the launch of an attempt that was not a launch of its own

A verdict of the compute node (``lost.json`` in the job's folder) is final; where it left none, the scheduler and the heartbeat
must agree before a job counts as dead.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from tansaku.models.domain.errors import ConfigurationError, DiskFullError, TransientError
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.specs.base import Name, NonNegativeFloat, PositiveFloat, PositiveInt
from tansaku.models.domain.specs.cluster import AbsolutePath, DatabaseName, SlurmWord
from tansaku.models.domain.specs.commands import CommandSpec
from tansaku.models.domain.specs.evaluation_limits import EvaluationLimitsSpec
from tansaku.models.domain.specs.parallel import ParallelSpec, ProgramName
from tansaku.models.domain.wording import first_problem
from tansaku.tasks.backends.launchers.fireworks_documents import JobName
from tansaku.tasks.node.jobs.spool import Spool
from tansaku.tasks.node.jobs.spool_files import read_json, write_json

_SHORT = 12
_TAIL = 16 * 1024
_MEMORY = re.compile(r"slurmstepd.*(exceeded memory limit|oom.kill|out of memory)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,159}")


class Member(Record):
    """A job of a launch, and FireWorks' number of it."""

    name: JobName
    fw_id: int
    launch_id: int


class LaunchOrder(Record):
    """Instructions for a compute node, without secrets.

    Attributes:
        calculator: Type of the members' calculator, ``table`` for values looked up.
        uri_file: File of mode 0600 with MongoDB's address, for ``online``.
        walltime: Time limit that the scheduler was given [s].
        threads: Threads of the numerical libraries.
        ranks: Ranks of a DFT code.
        mpiexec: Program that starts them.
        commands: The site's programs, by name.
        evaluation_limits: Limits of an evaluation by one of them or a plug-in.
    """

    schema_version: Literal[1] = 1
    site: Name
    campaign: Name
    calculator: SlurmWord = "table"
    folder: AbsolutePath
    mode: Literal["online", "offline"]
    database: DatabaseName
    uri_file: AbsolutePath | None
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    heartbeat: PositiveFloat
    kill_grace: PositiveFloat
    patience: NonNegativeFloat
    walltime: PositiveFloat
    threads: PositiveInt = 1
    ranks: PositiveInt = 1
    mpiexec: ProgramName = "srun"
    commands: dict[Name, CommandSpec] = Field(default_factory=dict)
    evaluation_limits: EvaluationLimitsSpec = EvaluationLimitsSpec()

    @property
    def parallel(self) -> ParallelSpec:
        """Ranks and threads that a DFT code may use."""
        return ParallelSpec(ranks=self.ranks, threads=self.threads, mpiexec=self.mpiexec)


@dataclass(frozen=True)
class LaunchFolder:
    """Files of one launch."""

    path: Path

    @classmethod
    def of(cls, folder: Path, name: str) -> LaunchFolder:
        """Folder of a launch by its name.

        Raises:
            ConfigurationError: The name is none.
        """
        if _NAME.fullmatch(name) is None:
            raise ConfigurationError(f"launch name {name[:100]!r}: expected letters, digits and _.-, 160 at most")
        return cls(folder / "launches" / name)

    @property
    def name(self) -> str:
        """Name of the launch, and of the scheduler's job."""
        return self.path.name

    def create(self) -> None:
        """Makes the folder. Raises TransientError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise TransientError(f"launch {self.path}: {error.strerror}") from error

    def write(self, name: str, data: JsonDict) -> None:
        """Writes ``NAME.json`` whole. Raises TransientError."""
        try:
            write_json(self.path / f"{name}.json", data)
        except DiskFullError:
            raise
        except OSError as error:
            raise TransientError(f"{self.path / name}.json cannot be written: {error.strerror}") from error

    def read(self, name: str) -> JsonDict | None:
        """Reads ``NAME.json``; None when there is none. Raises TransientError."""
        return read_json(self.path / f"{name}.json")

    def order(self) -> LaunchOrder:
        """Reads the instructions for the compute node.

        Raises:
            ConfigurationError: There is no order, or it is none of this version's.
        """
        data = self.read("launch")
        try:
            return LaunchOrder.model_validate(data)
        except ValidationError as error:
            raise ConfigurationError(f"{self.path / 'launch.json'}: {first_problem(error)}") from error

    def begin(self, runner: JsonDict) -> bool:
        """Claims the launch for this process; returns False if another process has claimed it."""
        try:
            handle = os.open(self.path / "runner.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w") as stream:
            json.dump(runner, stream)
        return True

    def does(self, spool: Spool, job: str) -> bool:
        """Returns whether a job still belongs to this launch, and was not removed or submitted again under another one."""
        return (read_json(spool.folder(job) / "launch.json") or {}).get("launch") == self.name

    @property
    def begun(self) -> bool:
        """Whether a compute node has started the launch."""
        return (self.path / "runner.json").exists()

    def ended_for_memory(self) -> bool:
        """Returns whether the job's error file says that SLURM ended it for exceeding its memory."""
        path = self.path / "err.txt"
        try:
            with path.open("rb") as stream:
                stream.seek(max(0, path.stat().st_size - _TAIL))
                return _MEMORY.search(stream.read().decode(errors="replace")) is not None
        except FileNotFoundError:
            return False
        except OSError as error:
            raise TransientError(f"{path} cannot be read: {error.strerror}") from error

    def pulse(self) -> str:
        """Content of the last heartbeat, which changes with each one. Clocks of two machines are never compared."""
        try:
            return (self.path / "heartbeat.json").read_text()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise TransientError(f"{self.path / 'heartbeat.json'} cannot be read: {error.strerror}") from error


def launch_name(job: str, token: str) -> str:
    """Name of the launch of one job's attempt: the same after a crash, another one for every other attempt."""
    return f"{job}-{hashlib.sha256(token.encode()).hexdigest()[:_SHORT]}"


def bundle_name(tokens: Sequence[str]) -> str:
    """Name of the launch of several attempts, whatever order they come in."""
    return f"tansaku-bundle-{hashlib.sha256(' '.join(sorted(tokens)).encode()).hexdigest()[: 2 * _SHORT]}"


def open_spool(folder: Path, campaign: str) -> Spool:
    """Spool of a campaign on the shared folder."""
    return Spool(folder / "spool" / campaign)


def join_launch(spool: Spool, folder: Path, launch: LaunchFolder, job: str, token: str) -> None:
    """Records that a launch runs a job, for running queries and for finding its logs later.

    Raises:
        FileNotFoundError: The job was forgotten meanwhile.
        OSError: It cannot be written.
    """
    own = launch_name(job, token)
    if launch.name != own:
        (folder / "members").mkdir(mode=0o700, exist_ok=True)
        write_json(folder / "members" / f"{own}.json", {"launch": launch.name})
    write_json(spool.folder(job) / "launch.json", {"launch": launch.name})


def launch_of(spool: Spool, folder: Path, job: str) -> LaunchFolder | None:
    """Returns the launch that runs a job, None if it is not assigned yet."""
    known = read_json(spool.folder(job) / "launch.json")
    return None if known is None else LaunchFolder.of(folder, known["launch"])


def all_launches(folder: Path) -> list[LaunchFolder]:
    """Returns all launches of a site by name, including old ones. Raises TransientError."""
    try:
        return [LaunchFolder(path) for path in sorted((folder / "launches").iterdir()) if path.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TransientError(f"{folder / 'launches'} cannot be read: {error.strerror}") from error


def launch_of_attempt(folder: Path, job: str, token: str) -> LaunchFolder | None:
    """Returns the launch of an attempt, even if its job was removed; None if its folder does not exist."""
    own = LaunchFolder.of(folder, launch_name(job, token))
    known = None if own.path.is_dir() else read_json(folder / "members" / f"{own.name}.json")
    found = own if known is None else LaunchFolder.of(folder, known["launch"])
    return found if found.path.is_dir() else None
