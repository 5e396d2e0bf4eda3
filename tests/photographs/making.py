"""Makes the stored campaigns of a commit by the product's own commands: a dump of the database, and an export of each.

Paths are in the dump, so the campaigns are run in a folder whose name says nothing of the machine.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FILES = Path(__file__).with_name("campaigns")
DUMP = "campaigns.dump"
EXPORTS = "exports"
_CLI = "from tansaku.deploy.cli.main import main; main()"
_OLDER = f"from tansaku.tasks import configuration; configuration.with_defaults = lambda spec: spec; {_CLI}"
"""Stores what the file leaves open as null, as a release did that had no such default yet."""


@dataclass(frozen=True)
class Command:
    """The command ``tansaku`` with a database of its own.

    Attributes:
        folder: Where it runs.
        home: Its ``TANSAKU_HOME``.
    """

    folder: Path
    home: Path

    def __call__(self, *words: str, code: str = _CLI) -> str:
        """Runs it; returns what it prints.

        Raises:
            SystemExit: It failed; the message has its errors.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TANSAKU", "PREFECT"))}
        environment = kept | {"TANSAKU_HOME": str(self.home), "USER": "ada", "LOGNAME": "ada"}
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"tansaku {' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


def told_value(number: int) -> float:
    """The value that is reported for a proposal."""
    return round(10.0 + 3.0 * ((0.618 * number) % 1.0), 3)


def filled_in(asked: str, numbers: range | None = None) -> str:
    """The table of ``tansaku ask --csv`` with values.

    Args:
        asked: The table.
        numbers: Proposals that were measured; None: all.
    """
    rows = list(csv.DictReader(io.StringIO(asked)))
    value = next(column for column in rows[0] if column.startswith("value"))
    told = io.StringIO()
    writer = csv.DictWriter(told, list(rows[0]))
    writer.writeheader()
    for row in rows:
        number = int(row["number"])
        if numbers is None or number in numbers:
            writer.writerow(row | {value: str(told_value(number))})
    return told.getvalue()


def _run(tansaku: Command, name: str) -> None:
    tansaku("run", f"{name}.yaml", "--plain")


def _run_older(tansaku: Command, name: str) -> None:
    tansaku("run", f"{name}.yaml", "--plain", code=_OLDER)


def _pause(tansaku: Command, name: str) -> None:
    """More budget, and a pause that no driver has applied yet."""
    _run(tansaku, name)
    tansaku("edit", name, "budget.evaluations=40", "notes=paused")
    tansaku("pause", name)


def _retry_and_rerun(tansaku: Command, name: str) -> None:
    _run(tansaku, name)
    rows = json.loads(tansaku("results", name, "--json", "--evaluations"))
    tansaku("rerun", name, rows[0]["candidate"], "--plain")


def _tell_half(tansaku: Command, name: str) -> None:
    """Reports all of the first proposals, and half of the second."""
    tansaku("run", f"{name}.yaml", "--no-run")
    for numbers in (range(1, 5), range(5, 7)):
        tansaku("ask", name, "-n", "4", "--csv", "asked.csv")
        asked = tansaku.folder / "asked.csv"
        (tansaku.folder / "told.csv").write_text(filled_in(asked.read_text(), numbers))
        tansaku("tell", name, "told.csv")


CAMPAIGNS: dict[str, Callable[[Command, str], None]] = {
    "rows": _retry_and_rerun,
    "rows-older": _run_older,
    "followed": _run,  # transfers from rows
    "descriptors": _run,
    "samples": _tell_half,
    "reaction": _tell_half,
    "ligands": _tell_half,
    "hartmann": _run,
    "boundaries": _pause,
    "boundaries-older": _run_older,
    "densities": _run,
    "densities-older": _run_older,
    "strains": _run,
    "adopted": _run,  # results of strains
    "hydrogen": _run,
    "hydrogen-older": _run_older,
    "ordered": _run,
    "oxides": _run,
    "tavorites": _run,
    "screened": _run,
    "grown": _run,
}
"""How each campaign is made, in this order."""


def make(folder: Path) -> None:
    """Writes dump and exports into a folder."""
    exports = folder / EXPORTS
    exports.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.gettempdir(), "tsk-photographs")
    shutil.copytree(FILES, place)
    tansaku = Command(place, place / "home")
    try:
        for name, made in CAMPAIGNS.items():
            print(name, flush=True)
            made(tansaku, name)
        tansaku("db", "dump", str((folder / DUMP).resolve()))
        for name in CAMPAIGNS:
            tansaku("export", name, "--observations", str((exports / f"{name}.parquet").resolve()))
    finally:
        tansaku("db", "stop")
        shutil.rmtree(place)
