"""What is computed of each molecule, kept in a folder so that a killed run continues."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from ase import Atoms

from benchmarks.target_search.solvents.binding import Binding, binding_of

HERE = Path(__file__).parent
JsonDict = dict[str, Any]


def molecules() -> dict[str, str]:
    """SMILES by name."""
    with (HERE / "solvents.csv").open(newline="") as file:
        return {row["id"]: row["smiles"] for row in csv.DictReader(file)}


def computed(name: str, smiles: str, folder: Path) -> JsonDict:
    """The binding energy with the structures that it is of; computed where the folder has none.

    Args:
        name: Of the molecule.
        smiles: The molecule.
        folder: Where results are kept.
    """
    kept = folder / f"{name}.json"
    if kept.exists():
        found: JsonDict = json.loads(kept.read_text())
        return found
    result = _document(smiles, binding_of(smiles))
    folder.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps(result))
    partial.replace(kept)
    return result


def atoms_of(document: JsonDict) -> Atoms:
    """A stored structure."""
    return Atoms(document["symbols"], document["positions"])


def _document(smiles: str, found: Binding) -> JsonDict:
    return {
        "smiles": smiles,
        "energy": found.energy,
        "coordination": found.coordination,
        "converged": found.converged,
        "conformers": len(found.conformers.energies),
        "free": _structure(found.free),
        "bound": _structure(found.bound),
    }


def _structure(atoms: Atoms) -> JsonDict:
    return {"symbols": list(atoms.symbols), "positions": atoms.positions.round(6).tolist()}
