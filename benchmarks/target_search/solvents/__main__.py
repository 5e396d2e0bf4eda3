"""``python -m benchmarks.target_search.solvents --kept FOLDER``: the table of solvents, by a campaign of tansaku itself.

The campaign ``solvents.yaml`` computes how strongly every molecule of ``solvents.csv`` binds Li⁺. ``--kept`` is the folder of
its database: a killed run continues. It takes about ten minutes on one core.

Beside this file are written ``table.csv`` (descriptors of the free molecule, binding energy), ``observations.parquet`` (what
the campaign stored) and ``structures.extxyz.gz`` (the molecule, alone and with Li⁺).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from ase import Atoms
from ase.io import read, write

from benchmarks.target_search.commands import Commands
from benchmarks.target_search.solvents.descriptors import descriptors_of
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.conformers import conformers_of
from tansaku.calculators.workflows.ion_binding.binding import free_molecule
from tansaku.models.domain.specs.calculators.ase import AseCalculatorSpec
from tansaku.models.domain.specs.workflow import IonBindingSpec
from tansaku.models.features.molecules import canonical, molecule_of

HERE = Path(__file__).parent
TARGET = "binding_energy [kJ/mol]"


def main() -> None:
    """Computes what is missing and writes the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.target_search.solvents", description=__doc__)
    parser.add_argument("--kept", type=Path, required=True, help="folder of the campaign's database")
    given = parser.parse_args()
    tansaku = Commands(given.kept, HERE)
    tansaku("run", "solvents.yaml", "--plain")
    tansaku("export", "solvents", "--observations", str(HERE / "observations.parquet"))
    with tempfile.TemporaryDirectory(prefix="tsk-") as folder:
        tansaku("export", "solvents", "--structures", folder, "--all")
        bound = {atoms.info["smiles"]: atoms for file in Path(folder).glob("*.extxyz") for atoms in [_structure(file)]}
    tansaku("db", "stop")
    known = molecules()
    free = {name: relaxed_alone(smiles) for name, smiles in known.items()}
    values = values_of(HERE / "observations.parquet")
    ids = {name: canonical(molecule_of(smiles)) for name, smiles in known.items()}
    _write_table(
        [
            {"id": name, "smiles": smiles} | descriptors_of(smiles, free[name]) | {TARGET: round(values[ids[name]], 4)}
            for name, smiles in sorted(known.items())
        ]
    )
    _write_structures({name: (known[name], free[name], bound[ids[name]]) for name in sorted(known)})


def molecules() -> dict[str, str]:
    """SMILES by name."""
    with (HERE / "solvents.csv").open(newline="") as file:
        return {row["id"]: row["smiles"] for row in csv.DictReader(file)}


def relaxed_alone(smiles: str) -> Atoms:
    """The molecule as the campaign relaxes it, without the ion."""
    spec = AseCalculatorSpec(name="tblite", workflow=IonBindingSpec())
    workflow = IonBindingSpec()
    found, _ = free_molecule(open_calculator(spec, HERE), conformers_of(smiles, workflow.conformers), workflow)
    return found.atoms


def values_of(path: Path) -> dict[str, float]:
    """Binding energies of exported observations by candidate [kJ/mol]."""
    rows = pd.read_parquet(path)
    done = rows[rows["value"].notna()]
    return dict(zip(done["candidate"].tolist(), done["value"].tolist(), strict=True))


def _structure(path: Path) -> Atoms:
    found = read(path)
    assert isinstance(found, Atoms)
    return found


def _write_table(rows: list[dict[str, Any]]) -> None:
    with (HERE / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{cell:.6g}" if isinstance(cell, float) else cell for key, cell in row.items()} for row in rows)


def _write_structures(several: dict[str, tuple[str, Atoms, Atoms]]) -> None:
    images = []
    for name, (smiles, free, bound) in several.items():
        for kind, found in (("free", free), ("bound", bound)):
            atoms = Atoms(found.symbols, found.positions.round(6))
            atoms.info = {"name": name, "kind": kind, "smiles": smiles}
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
