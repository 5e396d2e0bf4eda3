"""The grid of ions over which compositions are shown: one varying site against the others joined, for each system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import CandidatePool, IntArray
from tansaku.models.domain.ports import ScreenedSpace

NOBODY = -1
"""Mark of a cell whose ions no candidate has."""


@dataclass(frozen=True)
class IonGrid:
    """Candidates of a system over two sets of ions.

    Attributes:
        system: Its name.
        rows: Ions of the site with most of them, the lowest charge first.
        columns: Ions of the other sites, joined.
        row_site: Name of that site.
        column_sites: Names of the other sites.
        positions: Of the candidates in the pool, :data:`NOBODY` where there is none, shape ``(n_rows, n_columns)``.
    """

    system: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_site: str
    column_sites: tuple[str, ...]
    positions: IntArray


def ion_grids(space: ScreenedSpace, pool: CandidatePool) -> tuple[IonGrid, ...]:
    """One grid per system in which a site varies.

    Args:
        space: Of the compositions.
        pool: Its candidates.
    """
    ions = [{site: Ion.parse(text) for site, text in space.describe_candidate(str(name))["ions"].items()} for name in pool.ids]
    grids = []
    for code, system in enumerate(pool.systems):
        positions = np.flatnonzero(pool.system_codes == code)
        mine = [ions[position] for position in positions]
        varying = [site for site in mine[0] if len({item[site] for item in mine}) > 1]
        if not varying:
            continue
        row_site = max(varying, key=lambda site: len({item[site] for item in mine}))  # of a tie the first
        others = tuple(site for site in varying if site != row_site)
        rows = _ordered([(item[row_site],) for item in mine])
        columns = _ordered([tuple(item[site] for site in others) for item in mine])
        row_of = {key: place for place, key in enumerate(rows)}
        column_of = {key: place for place, key in enumerate(columns)}
        cells = np.full((len(rows), len(columns)), NOBODY, dtype=np.intp)
        for position, item in zip(positions, mine, strict=True):
            cells[row_of[(item[row_site],)], column_of[tuple(item[site] for site in others)]] = position
        texts = tuple(" ".join(map(str, column)) for column in columns)
        grids.append(IonGrid(system, tuple(str(row[0]) for row in rows), texts, row_site, others, cells))
    return tuple(grids)


def _ordered(keys: Sequence[tuple[Ion, ...]]) -> list[tuple[Ion, ...]]:
    """Distinct tuples of ions by charge, then as they are written: neutral combinations come in blocks."""
    return sorted(set(keys), key=lambda ions: (-sum(ion.charge for ion in ions) if len(ions) > 1 else ions[0].charge, ions))
