"""Compositions of candidates, and the phases of known energy that compete with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tansaku.calculators.workflows.stability import counted, phases_of
from tansaku.models.domain.pool import Compositions, FloatArray
from tansaku.models.domain.specs.phases import PhasesSpec

_KEY = "space.phases"


def compositions(
    counts: Sequence[Mapping[str, int]], spec: PhasesSpec | None, base_path: Path, *, relative: bool = False
) -> Compositions:
    """Compositions of candidates.

    Args:
        counts: Atoms of each element in each candidate, in the pool's order.
        spec: Of the phases that compete with them, whose file is read when it is needed; None: they compete with each other.
        base_path: Folder in which relative paths start.
        relative: See :class:`~tansaku.models.domain.pool.Compositions`.
    """
    elements = tuple(sorted({element for count in counts for element in count}))
    return Compositions(elements, _shares(counts, elements), partial(_phases, spec, base_path, elements), relative)


def _phases(spec: PhasesSpec | None, base_path: Path, elements: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    """Shares of the elements in phases of nothing else, and their energies [eV/atom]."""
    energies = {} if spec is None else phases_of(spec, base_path)
    counts = {name: counted(name, _KEY) for name in energies}
    able = [name for name, count in counts.items() if count.keys() <= set(elements)]
    return _shares([counts[name] for name in able], elements), np.array([energies[name] for name in able], dtype=np.float64)


def _shares(counts: Sequence[Mapping[str, int]], elements: tuple[str, ...]) -> FloatArray:
    rows = np.array([[count.get(element, 0) for element in elements] for count in counts], dtype=np.float64)
    rows = rows.reshape(len(counts), len(elements))
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))
