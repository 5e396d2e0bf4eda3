"""A few of the steps of a relaxation, evenly spread however many there are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import RelaxationSteps

MOST = 16
"""Structures that are kept at most; with 100 atoms they take 20 kB."""


@dataclass
class StepLog:
    """Keeps every step at first, and every second, fourth, … of them once there are too many."""

    _numbers: list[int] = field(default_factory=list)
    _positions: list[FloatArray] = field(default_factory=list)
    _cells: list[FloatArray] = field(default_factory=list)
    _energies: list[float] = field(default_factory=list)
    _seen: int = 0
    _apart: int = 1

    def note(self, positions: FloatArray, cell: FloatArray, energy: float | None) -> None:
        """Notes a step.

        Args:
            positions: [Å], shape ``(n_atoms, 3)``.
            cell: Cell vectors as rows [Å], shape ``(3, 3)``.
            energy: [eV]; None: not known.
        """
        number, self._seen = self._seen, self._seen + 1
        if number % self._apart:
            return
        self._numbers.append(number)
        self._positions.append(positions.copy())
        self._cells.append(cell.copy())
        self._energies.append(float("nan") if energy is None else float(energy))
        if len(self._numbers) > MOST:
            self._apart *= 2
            for kept in (self._numbers, self._positions, self._cells, self._energies):
                del kept[1::2]

    def steps(self) -> RelaxationSteps | None:
        """The steps that were kept; None: there are none."""
        if not self._numbers:
            return None
        return RelaxationSteps(
            numbers=np.array(self._numbers),
            positions=np.array(self._positions),
            cells=np.array(self._cells),
            energies=np.array(self._energies),
        )
