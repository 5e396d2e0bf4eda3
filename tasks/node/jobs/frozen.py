"""Copies of calculators' files in a spool: there while the campaign has jobs."""

from __future__ import annotations

from pathlib import Path

from tansaku.calculators.frozen_files import sweep_copies
from tansaku.tasks.node.jobs.spool import Spool


def frozen_folder(spool: Spool) -> Path:
    """Folder of the copies that a spool's jobs compute with, and of the hashes of programs."""
    return spool.root / "frozen"


def sweep_frozen(spool: Spool) -> None:
    """Deletes the copies unless there are jobs, which may be using them; the next job makes them again."""
    if (spool.root / "jobs").is_dir() and not spool.names():
        sweep_copies(frozen_folder(spool))
