"""Pairs of atoms within a cutoff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tansaku.models.domain.errors import installed
from tansaku.models.domain.pool import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms


def pairs_within(structure: Atoms, cutoff: float) -> tuple[IntArray, IntArray, IntArray]:
    """All pairs of atoms that are less than a cutoff apart, periodic images included, each from both sides.

    matscipy's list: on boundaries of 36 to 218 atoms it took a thirteenth of the time of ASE's.

    Args:
        structure: Periodic or not, in any cell.
        cutoff: [Å].

    Returns:
        First atoms, ascending, second atoms, each of shape ``(n_pairs,)``, and how many cell vectors the second one lies away
        from where it is listed, shape ``(n_pairs, 3)``.

    Raises:
        MissingComponentError: matscipy is not installed.
    """
    first, second, shifts = _load()("ijS", _padded(structure, cutoff), cutoff)
    return first.astype(np.intp), second.astype(np.intp), shifts.astype(np.intp)


def distances_within(structure: Atoms, cutoff: float) -> tuple[IntArray, IntArray, FloatArray]:
    """The same pairs with their distances [Å], shape ``(n_pairs,)``; see :func:`pairs_within`."""
    first, second, distances = _load()("ijd", _padded(structure, cutoff), cutoff)
    return first.astype(np.intp), second.astype(np.intp), np.asarray(distances, dtype=np.float64)


def check_neighbours() -> None:
    """Raises MissingComponentError when matscipy is not installed."""
    _load()


def _load() -> Callable[..., Any]:
    with installed("lists of neighbours need the package matscipy", hint="pip install 'tansaku[surrogates]'"):
        from matscipy.neighbours import neighbour_list
    return neighbour_list  # type: ignore[no-any-return]


def _padded(structure: Atoms, cutoff: float) -> Atoms:
    """The structure with a cell in every direction, as matscipy needs it; with vacuum where it is not periodic."""
    if structure.pbc.all():
        return structure
    copy: Atoms = structure.copy()
    copy.set_cell(copy.cell.complete())
    lengths = copy.cell.lengths()
    for axis in np.flatnonzero(~structure.pbc):
        copy.cell[axis] *= max(1.0, cutoff / lengths[axis])
    return copy
