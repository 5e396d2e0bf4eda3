"""SLURM through its commands: argument lists, timeouts, and an environment without secrets."""

from __future__ import annotations

import math
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tansaku.models.domain.errors import MissingComponentError, TansakuError, TransientError
from tansaku.models.domain.specs.cluster import SlurmResourcesSpec

WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"})
ENDED = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
        "TIMEOUT",
    }
)  # fmt: skip
"""States of a job that will not run (again); in every other state it runs, waits or changes."""

_REMEMBERED = "now-30days"

_TIMEOUT = 30.0  # longest wait for a command; SLURM itself gives up after its MessageTimeout, 10 s by default [s]
_JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,159}")
_SAID_ID = re.compile(r"(\d+)(;\S+)?")
_PASSING = re.compile(
    r"contact slurm controller|timed out|connection refused|zero bytes|temporarily unable|try again|slurm backup controller"
    r"|communication|connect failure|network is unreachable|no route to host|munge",
    re.IGNORECASE,
)
_MARGIN = 120.0
_MINUTE = 60.0


class RejectedJobError(TansakuError):
    """SLURM rejects this job permanently."""


@dataclass(frozen=True)
class SlurmJob:
    """SLURM's information about a job.

    Attributes:
        identifier: SLURM's number.
        state: Its state in SLURM's words.
        reason: Why it waits or ended, in SLURM's words.
    """

    identifier: str
    state: str
    reason: str

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return self.state in ENDED

    @property
    def waiting(self) -> bool:
        """Whether the job has not started."""
        return self.state in WAITING


class Slurm:
    """The commands sbatch, squeue, scancel, scontrol and sacct.

    Args:
        environment: Environment variables for the commands and jobs.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._user = str(os.getuid())  # squeue, sacct and scancel know a user without a name by it too

    def submit(self, script: Path) -> str:
        """Submits a job script; returns SLURM's number.

        Raises:
            TransientError: SLURM did not answer; whether it took the job is not known: look for it by its name.
            RejectedJobError: SLURM refuses the job.
            MissingComponentError: There is no sbatch here.
        """
        said = self._run(["sbatch", "--parsable", str(script)], f"submitting {script.name}")
        found = _SAID_ID.fullmatch(said.strip().splitlines()[-1]) if said.strip() else None
        if found is None:
            raise TransientError(f"sbatch returned {said[:200]!r} instead of a job number")
        return found.group(1)

    def jobs(self) -> dict[str, SlurmJob]:
        """This user's jobs by name, ended ones for as long as SLURM remembers them; the latest of a name counts.

        Raises:
            TransientError: SLURM did not answer.
        """
        columns = ["--noheader", "--states=all", f"--user={self._user}", "--format=%A|%T|%r|%j"]
        found = {}
        for line in sorted(self._run(["squeue", *columns], "asking for jobs").splitlines(), key=_number):
            identifier, state, reason, name = line.split("|", 3)
            found[name] = SlurmJob(identifier, state, reason)
        return found

    def accounted(self, name: str) -> SlurmJob | None:
        """End of the latest job of this name by SLURM's accounting, which keeps jobs longer than the controller.

        Returns:
            None where that does not know it, does not answer or does not run: only the reason of an end depends on it.
        """
        columns = ["--noheader", "--parsable2", "--allocations", "--format=JobIDRaw,State", f"--starttime={_REMEMBERED}"]
        try:
            said = self._run(["sacct", *columns, f"--user={self._user}", f"--name={name}"], "asking the accounting")
        except (TransientError, MissingComponentError):
            return None
        lines = sorted((line for line in said.splitlines() if "|" in line), key=_number)
        if not lines:
            return None
        identifier, state = lines[-1].split("|", 1)
        job = SlurmJob(identifier, state.split(maxsplit=1)[0], "by its accounting")
        return job if job.ended else None

    def cancel(self, name: str) -> None:
        """Ends all jobs of this name: TERM, then KILL.

        Raises:
            TransientError: SLURM did not answer.
        """
        if _JOB_NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not a job name")
        self._run(["scancel", "--quiet", f"--user={self._user}", f"--name={name}"], f"cancelling {name}")

    def describe(self, what: Sequence[str]) -> str:
        """Output of ``scontrol`` with these arguments. Raises TransientError, RejectedJobError."""
        return self._run(["scontrol", "--oneliner", "show", *what], "asking the controller")

    def _run(self, command: list[str], action: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program, arguments held to patterns
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT,
                check=False,
            )
        except FileNotFoundError as error:
            raise MissingComponentError(f"{command[0]} is not on PATH; SLURM's client programs are required") from error
        except subprocess.TimeoutExpired as error:
            raise TransientError(f"{action}: {command[0]} did not answer within {_TIMEOUT:g} s") from error
        if done.returncode == 0:
            return done.stdout
        said = " ".join((done.stderr or done.stdout).split())[:500]
        if command[0] == "sbatch" and not _PASSING.search(said):
            raise RejectedJobError(f"{action}: {said}")
        raise TransientError(f"{action}: {said}")


def job_script(name: str, command: Sequence[str], folder: Path, resources: SlurmResourcesSpec, walltime: float) -> str:
    """Text of a job script.

    Args:
        name: Unique name of the job.
        command: Program and arguments; words without blanks or anything else that a shell reads.
        folder: Where it runs and where its output goes.
        resources: Checked by their spec.
        walltime: [s].

    Raises:
        ValueError: A word could mean something to a shell, or the name is none.
    """
    if _JOB_NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not a job name")
    for word in (*command, str(folder)):
        if re.fullmatch(r"[A-Za-z0-9_./+@=-]+", word) is None:
            raise ValueError(f"{word!r}: expected letters, digits and _./+@=- in a job script")
    options: list[tuple[str, object]] = [
        ("job-name", name),
        ("chdir", folder),
        ("output", folder / "out.txt"),
        ("error", folder / "err.txt"),
        ("open-mode", "append"),
        ("time", math.ceil(walltime / _MINUTE)),
        ("partition", resources.partition),
        ("account", resources.account),
        ("qos", resources.qos),
        ("constraint", resources.constraint),
        ("nodes", resources.nodes),
        ("ntasks", resources.tasks),
        ("cpus-per-task", resources.cpus_per_task),
        ("gpus", resources.gpus),
        ("gres", resources.gres),
        ("mem", resources.memory),
    ]
    # --no-requeue: a job that a node failure ended is tried again by us, under another name, and counted.
    lines = ["#!/bin/sh", "#SBATCH --no-requeue", *(f"#SBATCH --{key}={value}" for key, value in options if value is not None)]
    return "\n".join([*lines, f"exec {' '.join(command)}", ""])


def walltime_for(resources: SlurmResourcesSpec, timeout: float) -> float:
    """Time limit of a job [s]: the site's, else its own timeout and some time to start and to end."""
    return resources.walltime or timeout + _MARGIN


def _number(line: str) -> int:
    return int(line.partition("|")[0])
