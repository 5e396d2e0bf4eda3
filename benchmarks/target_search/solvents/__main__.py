"""``python -m benchmarks.target_search.solvents --kept FOLDER``: the table of solvents, by a campaign of tansaku itself.

Descriptors of every molecule make the candidates; the campaign asks for each of them, the value asked for is computed by
GFN2-xTB and reported. ``--kept`` names a folder in which finished molecules stay: a killed run continues. It takes about
15 minutes on one core.

Written beside this file: ``table.csv`` (descriptors and binding energy), ``observations.parquet`` (what the campaign stored of
each value: when, by which procedure) and ``structures.extxyz.gz`` (the molecule, alone and with Li⁺).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ase.io import write

from benchmarks.target_search.solvents.computed import HERE, JsonDict, atoms_of, computed, molecules
from benchmarks.target_search.solvents.descriptors import descriptors_of

AT_ONCE = 40
TARGET = "binding_energy [kJ/mol]"


def main() -> None:
    """Computes what is missing and writes the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.target_search.solvents", description=__doc__)
    parser.add_argument("--kept", type=Path, required=True, help="folder of finished molecules")
    given = parser.parse_args()
    known = molecules()
    described = {
        name: descriptors_of(smiles, atoms_of(computed(name, smiles, given.kept)["free"])) for name, smiles in known.items()
    }
    with tempfile.TemporaryDirectory(prefix="tsk-") as home:
        folder = Path(home)
        _write_rows(folder / "candidates.csv", [{"id": name, "smiles": known[name]} | row for name, row in described.items()])
        shutil.copy(HERE / "solvents.yaml", folder)
        values = _measured(folder, known, given.kept)
        _tansaku(folder, "export", "solvents", "--observations", str(HERE / "observations.parquet"))
        _tansaku(folder, "db", "stop")
    documents = {name: computed(name, smiles, given.kept) for name, smiles in known.items()}
    rows = [{"id": name, "smiles": known[name]} | described[name] | {TARGET: value} for name, value in sorted(values.items())]
    _write_rows(HERE / "table.csv", rows)
    _write_structures(documents)


def _measured(folder: Path, known: dict[str, str], kept: Path) -> dict[str, float]:
    """Asks and tells until the campaign wants no more."""
    values: dict[str, float] = {}
    _tansaku(folder, "run", "solvents.yaml", "--plain")
    while True:
        _tansaku(folder, "ask", "solvents", "-n", str(AT_ONCE), "--csv", "next.csv")
        with (folder / "next.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows:
            return values
        for row in rows:
            found = computed(row["candidate"], known[row["candidate"]], kept)
            if found["converged"]:
                row["value [kJ/mol]"] = repr(round(found["energy"], 4))
                values[row["candidate"]] = round(found["energy"], 4)
            else:
                row["status"], row["note"] = "failed", "the relaxation did not converge"
        _write_rows(folder / "next.csv", rows)
        _tansaku(folder, "tell", "solvents", "next.csv")


def _tansaku(folder: Path, *arguments: str) -> None:
    environment = os.environ | {"TANSAKU_HOME": str(folder / "home")}
    command = [str(Path(sys.executable).with_name("tansaku")), *arguments]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"tansaku {' '.join(arguments)}: {ended.stdout}{ended.stderr}")


def _write_rows(path: Path, rows: list[dict[str, str]] | list[JsonDict]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{cell:.6g}" if isinstance(cell, float) else cell for key, cell in row.items()} for row in rows)


def _write_structures(documents: dict[str, JsonDict]) -> None:
    images = []
    for name, document in documents.items():
        for kind in ("free", "bound"):
            atoms = atoms_of(document[kind])
            atoms.info = {"name": name, "kind": kind, "smiles": document["smiles"]}
            images.append(atoms)
    text = io.StringIO()
    write(text, images, format="extxyz")
    with (
        (HERE / "structures.extxyz.gz").open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as stream,
    ):
        stream.write(text.getvalue().encode())


if __name__ == "__main__":
    main()
