"""What every calculator's structures have to stand: written in all formats and read back by ASE."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from tansaku.calculators.structures.export import SUFFIXES, write_structure
from tansaku.models.domain.ports import Calculator
from tansaku.tasks.node.jobs.energy import write_result


def check_exported(calculator: Calculator, start: Atoms, folder: Path) -> None:
    """Writes a result in every format, and reads it back with ASE.

    Cell, species and positions are the same in all of them, up to the order of the atoms in a POSCAR and the orientation of a
    CIF and of LAMMPS data; extended XYZ has results and metadata too, and no key in the place of another's value.
    """
    result = calculator.evaluate(start)
    told = result.provenance
    write_result(folder / "job.extxyz", start, result)
    atoms = ase.io.read(folder / "job.extxyz")
    wanted = {**start.info, "potential": told.model, "potential_sha256": told.model_sha256, "last": "T"}
    atoms.info["last"] = "T"
    for suffix in SUFFIXES.values():
        path = write_structure(atoms, folder / f"c1{suffix}")
        again = ase.io.read(path, format="lammps-data" if suffix == ".data" else None)
        assert sorted(again.get_chemical_symbols()) == sorted(start.get_chemical_symbols())
        np.testing.assert_allclose(again.cell.cellpar(), start.cell.cellpar(), atol=1e-6)
        order, own = (np.argsort(one.numbers, kind="stable") for one in (again, start))
        apart = again[order].get_all_distances(mic=True) - start[own].get_all_distances(mic=True)
        assert np.abs(apart).max() < 1e-6
        if suffix == ".extxyz":
            assert {key: value for key, value in again.info.items() if key in wanted} == {k: v for k, v in wanted.items() if v}
            np.testing.assert_allclose(again.positions, start.positions, atol=1e-7)
            assert again.get_potential_energy() == pytest.approx(result.energy, abs=1e-6)
            np.testing.assert_allclose(again.get_forces(), result.forces, atol=1e-7)
            np.testing.assert_array_equal(again.arrays["held"], start.arrays["held"])
