"""Elements of structures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase import Atoms


def species_of(structures: Iterable[Atoms]) -> tuple[str, ...]:
    """Returns the elements of some structures, in alphabetical order."""
    return tuple(sorted({symbol for structure in structures for symbol in structure.symbols}))
