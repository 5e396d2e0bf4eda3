"""Writes ``cu-au.json``: ordered crystals of copper and gold, as an OPTIMADE server would answer.

python examples/make_cu_au.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

SITES = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]


def crystals() -> dict[str, Atoms]:
    """The crystals by id, at edges between those of the elements."""
    found = {f"{symbol}-fcc": bulk(symbol, "fcc", a=edge) for symbol, edge in (("Cu", 3.61), ("Au", 4.08))}
    for name, symbols, edge in (("L12-AuCu3", "AuCu3", 3.75), ("L12-Au3Cu", "CuAu3", 3.98), ("L10-AuCu", "Cu2Au2", 3.88)):
        found[name] = Atoms(symbols, scaled_positions=SITES, cell=[edge] * 3, pbc=True)
    found["B2-AuCu"] = Atoms("CuAu", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=[3.1] * 3, pbc=True)
    found["B1-AuCu"] = bulk("CuAu", "rocksalt", a=5.3)
    found["B3-AuCu"] = bulk("CuAu", "zincblende", a=5.9)
    return found


def entry(name: str, atoms: Atoms) -> dict[str, object]:
    """One entry of an answer."""
    symbols = atoms.get_chemical_symbols()
    return {
        "id": name,
        "type": "structures",
        "attributes": {
            "chemical_formula_reduced": str(atoms.symbols.formula.reduce()[0]),
            "nsites": len(atoms),
            "dimension_types": [1, 1, 1],
            "lattice_vectors": np.round(atoms.cell.array, 10).tolist(),
            "cartesian_site_positions": np.round(atoms.positions, 10).tolist(),
            "species_at_sites": symbols,
            "species": [
                {"name": symbol, "chemical_symbols": [symbol], "concentration": [1.0]} for symbol in sorted(set(symbols))
            ],
        },
    }


if __name__ == "__main__":
    answer = {"data": [entry(name, atoms) for name, atoms in crystals().items()], "meta": {"api_version": "1.2.0"}}
    Path(__file__).with_name("cu-au.json").write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
