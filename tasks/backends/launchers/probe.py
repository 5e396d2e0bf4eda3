"""The test job of ``tansaku site check``: describes a compute node as JSON in the shared folder."""

from __future__ import annotations

import platform
import socket
import sys
import time
from importlib import metadata
from pathlib import Path

from tansaku import __version__
from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.table import packages
from tansaku.tasks.backends.launchers.launchpad import asking, open_launchpad
from tansaku.tasks.backends.stores.connection import read_secret
from tansaku.tasks.node.jobs.spool_files import write_json

COMPARED = ("fireworks", "pymongo", "numpy", "ase", "pydantic", "torch", *packages())
"""Packages whose versions should be equal here and on compute nodes, besides tansaku."""


def versions() -> dict[str, str]:
    """Versions of the relevant packages that are installed."""
    found = {"python": platform.python_version(), "tansaku": __version__}
    for name in COMPARED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def reach_database(uri_file: str, database: str) -> str:
    """Writes to the LaunchPad's database and reads it again; returns what went wrong, empty when nothing did."""
    try:
        launchpad = open_launchpad(read_secret(Path(uri_file)), database)
        with asking("writing a test document"):
            checks = launchpad.db["site_checks"]
            written = checks.insert_one({"host": socket.gethostname(), "at": time.time()}).inserted_id
            found = checks.find_one({"_id": written})
            checks.delete_one({"_id": written})
    except TansakuError as error:
        return error.message
    return "" if found else "the written data could not be read back"


def main(arguments: list[str]) -> int:
    """Entry of the test job.

    Args:
        arguments: Folder for the answer; then, where nodes use the database, file of its address and its name.

    Returns:
        Exit code.
    """
    folder = Path(arguments[0])
    answer: JsonDict = {"host": socket.gethostname(), "versions": versions()}
    if len(arguments) > 2:
        answer["database"] = reach_database(arguments[1], arguments[2])
    # Last: the login node compares the time with when it first sees this file.
    write_json(folder / "answer.json", {**answer, "at": time.time()})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
