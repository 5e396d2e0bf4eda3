"""Reports before an installation what the machine lacks and how much will be downloaded.

Uses only the standard library, because neither tansaku nor its dependencies are installed yet.
 `make run` and `make test` call it; exit status 1 means that something must be installed first.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import platform
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

OLDEST_PYTHON = (3, 11)
"""Python version that constraints.txt and the tests are made for; newer versions may lack pinned wheels."""
TRIED_PYTHON = (3, 11)
LIBRARIES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
}
"""Shared libraries that the shipped mongod and LAMMPS load from the system, with their Debian packages."""


SLURM_PROGRAMS = {
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server",
    "munged": "munge",
    "ip": "iproute2",
}
"""Programs that the tests need to start their own SLURM, with their Debian packages."""


DFT_FILES = {
    "xc.h": "libxc-dev",
    "cblas.h": "libopenblas-dev",
    "fftw3.h": "libfftw3-dev",
}
"""Headers for compiling GPAW; without them it is slower and has fewer functionals."""


class Size(NamedTuple):
    """Size of one kind of set-up, measured with the pinned versions on x86-64 [MB]."""

    download: int
    installed: int


SIZES = {"run": Size(250, 1400), "test": Size(620, 2900)}
"""Sizes with PyTorch's CPU build; the CUDA build, pip's default, adds some gigabytes."""


class Finding(NamedTuple):
    """A problem of the machine.

    Attributes:
        message: What is wrong.
        packages: Debian packages that fix it.
        fatal: Whether it must be fixed before installing.
    """

    message: str
    packages: tuple[str, ...] = ()
    fatal: bool = True


def python_findings(version: tuple[int, int]) -> list[Finding]:
    """Problems of the Python interpreter."""
    found = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        return [Finding(f"Python {found} is too old, {needed} or newer is needed: make PYTHON=/path/to/python{needed} …")]
    findings = []
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        findings.append(Finding("this Python has no venv module", ("python3-venv",)))
    if version > TRIED_PYTHON:
        findings.append(Finding(f"Python {found}: the pinned versions were tested on 3.11 only", fatal=False))
    return findings


def library_findings() -> list[Finding]:
    """Shared libraries that are missing."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return [
            Finding(
                f"{sys.platform} on {platform.machine()}: the shipped mongod is for x86-64 Linux; set TANSAKU_MONGO_URI",
                fatal=False,
            )
        ]
    missing = sorted(name for name in LIBRARIES if not _loads(name))
    if not missing:
        return []
    packages = tuple(sorted({LIBRARIES[name] for name in missing}))
    return [Finding(f"missing shared libraries: {', '.join(missing)}", packages)]


def slurm_findings() -> list[Finding]:
    """Missing programs for the tests' own SLURM; without them those tests are skipped."""
    missing = sorted(name for name in SLURM_PROGRAMS if shutil.which(name) is None)
    if not missing:
        return []
    packages = sorted({SLURM_PROGRAMS[name] for name in missing})
    return [Finding(f"SLURM tests are skipped without Debian packages {' '.join(packages)}", fatal=False)]


def dft_findings(include: Path = Path("/usr/include")) -> list[Finding]:
    """Reports what is missing for compiling GPAW, and whether Quantum ESPRESSO is installed.

    Args:
        include: Where the system's headers are.
    """
    tools = missing_tools()
    if tools:
        return [
            *_espresso_findings(),
            Finding(f"GPAW and its tests are skipped without Debian packages {' '.join(tools)}", fatal=False),
        ]
    findings = []
    found = {path.name for name in DFT_FILES for path in (*include.glob(name), *include.glob(f"*/{name}"))}
    libraries = sorted({package for name, package in DFT_FILES.items() if name not in found})
    if libraries:
        findings.append(Finding(f"GPAW is slower without Debian packages {' '.join(libraries)}", fatal=False))
    return findings + _espresso_findings()


def missing_tools() -> list[str]:
    """Debian packages without which nothing can be compiled for this Python."""
    headers = Path(sysconfig.get_paths()["include"], "Python.h")
    return [
        package
        for there, package in ((shutil.which("c++") is not None, "g++"), (headers.is_file(), "python3-dev"))
        if not there
    ]


def _espresso_findings() -> list[Finding]:
    if shutil.which("pw.x") is not None:
        return []
    packages = "quantum-espresso quantum-espresso-data"
    return [Finding(f"Quantum ESPRESSO tests are skipped without Debian packages {packages}", fatal=False)]


def disk_findings(folder: Path, needed_mb: int) -> list[Finding]:
    """Returns whether the folder has room for the installation."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free >= needed_mb:
        return []
    return [Finding(f"{folder} has {free} MB free; about {needed_mb} MB are needed")]


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def report(findings: list[Finding], purpose: str) -> int:
    """Prints the findings and the size of the download; returns the exit status."""
    for finding in findings:
        print(f"{'missing' if finding.fatal else 'note'}: {finding.message}")  # noqa: T201 - runs before rich is there
    fatal = [finding for finding in findings if finding.fatal]
    if packages := sorted({package for finding in fatal for package in finding.packages}):
        print(f"install with: sudo apt-get install {' '.join(packages)}")  # noqa: T201 - runs before rich is there
    if not fatal:
        size = SIZES[purpose]
        more = "; some gigabytes more if pip chooses PyTorch's CUDA build" if purpose == "test" else ""
        print(f"installing into .venv: about {size.download} MB to download, {size.installed} MB on disk{more}")  # noqa: T201 - as above
    return 1 if fatal else 0


def main() -> int:
    """Checks this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("purpose", choices=[*sorted(SIZES), "compile"], help="compile: only whether GPAW can be compiled")
    purpose = parser.parse_args().purpose
    if purpose == "compile":
        return 1 if missing_tools() else 0
    version = sys.version_info[:2]
    findings = (
        python_findings((version[0], version[1])) + library_findings() + disk_findings(Path.cwd(), SIZES[purpose].installed)
    )
    if purpose == "test":
        findings += slurm_findings() + dft_findings()
    return report(findings, purpose)


if __name__ == "__main__":
    sys.exit(main())
