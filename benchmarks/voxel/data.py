"""The oxides beside this file: structures, parts of the energy and Bragg peaks of the valence density, in one compressed file.

Of the peaks, those of one half of the sphere are kept, in single precision and in the order of
:func:`~tansaku.potentials.features.voxels.reciprocal_indices`; the others are their complex conjugates.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ase import Atoms

from tansaku.models.domain.identifiers import canonical_json
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.potentials.features.voxels import BraggPeaks, ComplexArray, VoxelGrid, reciprocal_indices, reciprocal_vectors

HERE = Path(__file__).parent
FILE = HERE / "oxides.npz"
GRID = VoxelGrid()
TARGETS = ("hartree_energy", "delta_xc_energy", "ion_ion_energy", "eigenvalue_energy", "cohesive_energy", "band_gap")
"""[eV] of a cell."""
INTENSIVE = ("band_gap",)
"""Targets that do not grow with the cell."""


@dataclass(frozen=True)
class Row:
    """One computed oxide.

    Attributes:
        id: Of the candidate.
        structure: Its primitive cell.
        targets: Of the cell, by name [eV].
        stress: Mean of the diagonal [eV/Å^3].
        electrons: Valence electrons of the cell.
        half: Amplitudes of one half of the Bragg peaks [1/Å^3].
    """

    id: str
    structure: Atoms
    targets: Mapping[str, float]
    stress: float
    electrons: float
    half: npt.NDArray[np.complex64]

    def extent(self, target: str) -> int:
        """Returns the divisor by which cells are compared: the number of atoms for a target that grows with them, else 1."""
        return 1 if target in INTENSIVE else len(self.structure)

    @property
    def formula(self) -> str:
        """Composition, as the id has it."""
        return self.id.split("-", 1)[0]

    @property
    def prototype(self) -> str:
        """Structure, as the id has it."""
        return self.id.split("-", 1)[1].rsplit("-", 1)[0]

    @property
    def peaks(self) -> BraggPeaks:
        """All Bragg peaks."""
        indices = half_indices(self.structure.cell.array)
        vectors = reciprocal_vectors(indices, self.structure.cell.array)
        amplitudes: ComplexArray = self.half.astype(np.complex128)
        return BraggPeaks(np.vstack((vectors, -vectors[1:])), np.concatenate((amplitudes, amplitudes[1:].conj())))


def half_indices(cell: FloatArray) -> npt.NDArray[np.intp]:
    """Returns one of each pair of opposite reciprocal vectors within the sphere, 0 first, shape ``(n, 3)``."""
    indices = reciprocal_indices(cell, GRID.cut)
    # They come in ascending order, the opposites in descending order.
    return indices[len(indices) // 2 :]


def half_amplitudes(density: FloatArray, cell: FloatArray) -> npt.NDArray[np.complex64]:
    """Fourier coefficients of a density at :func:`half_indices`."""
    from scipy.fft import fftn

    found = fftn(density)[tuple((half_indices(cell) % density.shape).T)] / density.size
    return np.asarray(found, dtype=np.complex64)


def write(rows: Sequence[Row], provenance: JsonDict, path: Path) -> None:
    """Writes oxides in ascending order of their ids; the same oxides make the same file."""
    ordered = sorted(rows, key=lambda row: row.id)
    arrays: dict[str, np.ndarray] = {
        "ids": np.array([row.id for row in ordered]),
        "atoms": np.array([len(row.structure) for row in ordered], dtype=np.int16),
        "numbers": np.concatenate([row.structure.numbers for row in ordered]).astype(np.int16),
        # Rounded, so that what is read is written again to the last bit.
        "positions": np.round(np.concatenate([row.structure.get_scaled_positions(wrap=False) for row in ordered]), 12) + 0.0,
        "cells": np.array([row.structure.cell.array for row in ordered]),
        "stress": np.array([row.stress for row in ordered]),
        "electrons": np.array([row.electrons for row in ordered]),
        "peaks": np.array([len(row.half) for row in ordered], dtype=np.int32),
        "amplitudes": np.concatenate([row.half for row in ordered]).view(np.float32).reshape(-1, 2),
        **{name: np.array([row.targets[name] for row in ordered]) for name in TARGETS},
        "told": np.array(canonical_json(provenance)),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array, allow_pickle=False)
            # A fixed date: the same oxides are the same bytes.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), stream.getvalue(), zipfile.ZIP_DEFLATED, 9)


def read(path: Path = FILE) -> tuple[list[Row], JsonDict]:
    """Oxides, and their provenance."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    ends, stops = np.cumsum(arrays["atoms"]), np.cumsum(arrays["peaks"])
    amplitudes = np.ascontiguousarray(arrays["amplitudes"]).view(np.complex64)[:, 0]
    rows = []
    for place, name in enumerate(arrays["ids"]):
        mine = slice(ends[place] - arrays["atoms"][place], ends[place])
        peaks = slice(stops[place] - arrays["peaks"][place], stops[place])
        structure = Atoms(
            arrays["numbers"][mine], scaled_positions=arrays["positions"][mine], cell=arrays["cells"][place], pbc=True
        )
        targets = {target: float(arrays[target][place]) for target in TARGETS}
        provenance = float(arrays["stress"][place]), float(arrays["electrons"][place])
        rows.append(Row(str(name), structure, targets, *provenance, amplitudes[peaks]))
    return rows, json.loads(str(arrays["told"]))
