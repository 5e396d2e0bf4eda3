"""Conditions of a measurement besides the code: machine, versions, load and commit."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import psutil

import tansaku
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.table import packages
from tansaku.tasks.ground.settings import child_environment

PACKAGES = ("numpy", "scipy", "ase", "torch", "gpytorch", "botorch", "pymongo", "prefect", "pyarrow", *packages())

_GIT_SECONDS = 10.0


def describe_machine() -> JsonDict:
    """Plain data for the provenance of a benchmark: versions, processor, cores, memory [GiB], load, commit and time."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cores": os.cpu_count(),
        "cpu": cpu_name(),
        "load": [round(load, 2) for load in psutil.getloadavg()],
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "platform": platform.platform(),
        "versions": {"python": platform.python_version(), "tansaku": tansaku.__version__, **_versions()},
    }


def cpu_name() -> str:
    """The processor's name as the system reports it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """Commit of the checkout this package runs from, marked when files differ from it; None for an installed package."""
    folder = Path(tansaku.__file__).resolve().parent

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 - fixed words
                ["git", "-C", str(folder), *words],  # noqa: S607 - whichever git the user has
                env=child_environment(),
                capture_output=True,
                text=True,
                timeout=_GIT_SECONDS,
                check=False,
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = git("rev-parse", "HEAD")
    return f"{commit}+changes" if commit and git("status", "--porcelain", "--untracked-files=no") else commit
