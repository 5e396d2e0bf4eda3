"""The two searches: solvents by their binding energy with Li⁺, and sodium tavorites by barrier, with generated descriptors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.composition.problem import from_table
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.specs.table import TableSpaceSpec
from tansaku.models.engine.sparse.proposer import columns_of
from tansaku.spaces.table import TableSpace
from tansaku.sparse.models.search.generated import candidates

TABLE = Path(__file__).parent / "solvents" / "table.csv"
TARGET = "binding_energy [kJ/mol]"
NOT_DESCRIPTORS = ("id", "smiles", TARGET)


@dataclass(frozen=True, eq=False)
class Problem:
    """Candidates with known values.

    Attributes:
        name: What they are.
        unit: Of the values.
        pool: The candidates; each costs 1.
        values: To be minimised, (n_candidates,).
    """

    name: str
    unit: str
    pool: CandidatePool
    values: FloatArray

    def best(self, count: int) -> list[str]:
        """Ids of the best candidates."""
        return [str(self.pool.ids[i]) for i in np.argsort(self.values, kind="stable")[:count]]


@cache
def solvents() -> Problem:
    """The solvents of the committed table, with all descriptors in one group."""
    names = TABLE.read_text(encoding="utf-8").splitlines()[0].split(",")
    described = [name for name in names if name not in NOT_DESCRIPTORS]
    document = {
        "type": "table",
        "candidates": TABLE.name,
        "columns": {"id": "id", "value": TARGET},
        "features": {"descriptors": {"columns": described, "scale": "range"}},
    }
    space = TableSpace(TableSpaceSpec.model_validate(document), TABLE.parent)
    return Problem("solvents", "kJ/mol", space.pool(), space.values())


@cache
def tavorites() -> Problem:
    """Sodium tavorites whose barrier is known, with the products, ratios and squares of their descriptors beside them.

    No value is looked at: all generated columns that are finite and vary are there.
    """
    rows = from_table().sodium
    known = np.flatnonzero(~np.isnan(rows.values))
    found = columns_of(rows.pool)
    x = found.values[known]
    made = list(candidates(found.names, x, ("product", "ratio", "square")))
    made = [column for column in made if np.isfinite(column.values).all() and np.ptp(column.values) > 0.0]
    index = np.arange(len(known))
    groups = {
        "descriptors": FeatureGroup("descriptors", x, index, found.names, mixed=True),
        "generated": FeatureGroup(
            "generated", np.stack([c.values for c in made], axis=1), index, tuple(c.name for c in made), mixed=True
        ),
    }
    pool = replace(
        rows.pool,
        ids=rows.pool.ids[known],
        system_codes=np.zeros(len(known), dtype=np.intp),
        surface_codes=np.zeros(len(known), dtype=np.intp),
        systems=("Na",),
        surfaces=("Na",),
        groups=groups,
        cost=np.ones(len(known)),
        cost_descriptors=None,
    )
    return Problem("tavorites", "eV", pool, rows.values[known])


PROBLEMS: dict[str, Callable[[], Problem]] = {"solvents": solvents, "tavorites": tavorites}
