"""Why a job ended whose node said nothing: by the scheduler, its accounting, and what it wrote among the job's errors."""

from __future__ import annotations

from tansaku.tasks.launchers.launches import LaunchFolder
from tansaku.tasks.launchers.slurm import Slurm, SlurmJob

_REASONS = {
    "TIMEOUT": "walltime",
    "DEADLINE": "walltime",
    "NODE_FAIL": "node_fail",
    "BOOT_FAIL": "node_fail",
    "OUT_OF_MEMORY": "out_of_memory",
    "CANCELLED": "cancelled",
    "PREEMPTED": "preempted",
}


def verdict(slurm: Slurm, job: SlurmJob | None, launch: LaunchFolder) -> tuple[str, str]:
    """Reason and words for a launch whose job is over.

    Args:
        slurm: Its accounting is asked where the controller has forgotten the job.
        job: What the controller says, None where it does not know it any more.
        launch: Its folder.

    Raises:
        TransientError: The folder cannot be read.
    """
    known = job or slurm.accounted(launch.name)
    reason = _REASONS.get(known.state) if known is not None else None
    if reason is None:
        # SLURM calls a job FAILED that its own step ended for its memory.
        reason = "out_of_memory" if launch.ended_for_memory() else "worker_died"
    return reason, "SLURM no longer knows it" if known is None else f"SLURM says {known.state} ({known.reason})"
