"""Structures with energies and forces by a teacher, in a file that grows: what is computed once is not computed again."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from ase import Atoms

from benchmarks.command import begun
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.crystals import CrystalsSpaceSpec
from tansaku.models.domain.surrogates import Example
from tansaku.spaces.crystals import CrystalsSpace
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.spool_files import write_json

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
DFT: JsonDict = {"xc": "PBE", "cutoff": 400.0, "kpoint_density": 1.8}
"""Level of ``benchmarks/boundary_dft``, whose points judge."""

CELLS: JsonDict = {
    "crystals": {
        "rocksalt": {"structure": "rocksalt", "elements": ["Mg", "O"], "lattice_parameter": 4.25},
        "zincblende": {"structure": "zincblende", "elements": ["Mg", "O"], "lattice_parameter": 4.64},
        "caesium": {"structure": "cesiumchloride", "elements": ["Mg", "O"], "lattice_parameter": 2.65},
    },
    "scans": [
        {"type": "lattice", "percent": {"start": -8, "stop": 8, "steps": 7}},
        {"type": "rattle", "of": ["rocksalt"], "amplitude": 0.08, "strain": 2, "lattice": 4, "atoms": [8], "draws": 12},
        {"type": "rattle", "of": ["rocksalt"], "amplitude": 0.2, "strain": 3, "lattice": 5, "atoms": [8], "draws": 8},
    ],
}
"""Small cells of the crystal and of two others: the first data."""


def teacher(name: str) -> Calculator:
    """The calculator that is learned: ``gpaw``, or ``buckingham`` of the example ``mgo-tilt``."""
    if name == "gpaw":
        return open_calculator(GpawSpec.model_validate(DFT), Path())
    ions = load_campaign(EXAMPLES / "mgo-tilt.yaml").spec.calculator
    assert ions is not None
    return open_calculator(ions, Path())


class Points:
    """Computed structures in the order of their computation.

    Args:
        path: JSON file, which grows.
        name: Of the teacher.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self._content = begun(path, {"schema_version": 1, "teacher": name}, points=[])
        self._calculator: Calculator | None = None

    def computed(self, name: str, group: str, atoms: Atoms) -> Example:
        """The structure with its energy and forces, from the file if it is there.

        Raises:
            CalculationError: The teacher cannot compute it.
        """
        known = next((point for point in self._content["points"] if point["name"] == name), None)
        if known is None:
            known = {"name": name, "group": group, **self._by_teacher(atoms)}
            self._content["points"].append(known)
            write_json(self._path, self._content)
            print(f"{name}: {len(atoms)} atoms, {known['seconds']} s", flush=True)
        return example_of(known)

    @property
    def seconds(self) -> float:
        """Time of all computations [s]."""
        return float(sum(point["seconds"] for point in self._content["points"]))

    def _by_teacher(self, atoms: Atoms) -> JsonDict:
        if self._calculator is None:
            self._calculator = teacher(self._name)
        begin = time.perf_counter()
        result = self._calculator.evaluate(atoms)
        assert result.forces is not None
        return {
            "numbers": atoms.numbers.tolist(),
            "positions": np.round(atoms.positions, 6).tolist(),
            "cell": np.round(atoms.cell.array, 6).tolist(),
            "energy": result.energy,
            "forces": np.round(result.forces, 5).tolist(),
            "seconds": round(time.perf_counter() - begin, 1),
        }


def example_of(point: JsonDict) -> Example:
    """A point as a structure to learn from."""
    atoms = Atoms(point["numbers"], positions=point["positions"], cell=point["cell"], pbc=True)
    properties = {"energy": np.asarray(point["energy"]), "forces": np.array(point["forces"])}
    return Example(point["name"], point["group"], atoms, properties)


def first_cells(points: Points) -> list[Example]:
    """Small cells with energies and forces by the teacher; those with atoms on top of each other are left out."""
    space = CrystalsSpace(CrystalsSpaceSpec.model_validate({"type": "crystals", **CELLS}), Path())
    pool, found = space.pool(), []
    for place, name in enumerate(pool.ids):
        try:
            atoms = space.structure(str(name))
        except CalculationError:
            continue
        found.append(points.computed(str(name), str(pool.systems[pool.system_codes[place]]), atoms))
    return found
