"""Finds the reason for which a job ended without a report, from the scheduler, its accounting and the job's error file."""

from __future__ import annotations

from dataclasses import dataclass

from tansaku.tasks.backends.launchers.launches import LaunchFolder
from tansaku.tasks.backends.launchers.slurm import Slurm, SlurmJob

_REASONS = {
    "TIMEOUT": "walltime",
    "DEADLINE": "walltime",
    "NODE_FAIL": "node_fail",
    "BOOT_FAIL": "node_fail",
    "OUT_OF_MEMORY": "out_of_memory",
    "CANCELLED": "cancelled",
    "PREEMPTED": "preempted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """SLURM's reason for the end of a job.

    Attributes:
        reason: Reason of a lost job.
        says: SLURM's statement on it, as the end of a sentence.
        known: Whether SLURM's controller or its accounting still has the job.
    """

    reason: str
    says: str
    known: bool


def verdict(slurm: Slurm, job: SlurmJob | None, launch: LaunchFolder) -> Verdict:
    """Returns the reason for which an ended launch ended.

    Args:
        slurm: Its accounting is asked where the controller has forgotten the job.
        job: What the controller says, None where it does not know it any more.

    Raises:
        TransientError: The folder cannot be read.
    """
    found = job or slurm.accounted(launch.name)
    reason = _REASONS.get(found.state) if found is not None else None
    if reason is None:
        # SLURM calls a job FAILED that its own step ended for its memory.
        reason = "out_of_memory" if launch.ended_for_memory() else "worker_died"
    says = "SLURM no longer knows it" if found is None else f"SLURM says {found.state} ({found.reason})"
    return Verdict(reason=reason, says=says, known=found is not None)
