"""Ours against other methods: the ratio of their mean scores, bounded by drawing tables and seeds again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict

Scores = dict[str, dict[str, dict[int, float]]]
"""By method, table and seed."""

_DRAWS = 10_000
_BOUNDS = {"low": 0.025, "upper": 0.95, "high": 0.975}
"""Ends of the 95 % interval, and the bound that the ratio stays below with 95 %."""


def scores(rows: Iterable[JsonDict]) -> Scores:
    """The scores of searches."""
    found: Scores = {}
    for row in rows:
        found.setdefault(row["method"], {}).setdefault(row["table"], {})[row["seed"]] = row["score"]
    return found


def pairs(found: Scores, ours: str, other: str) -> dict[str, FloatArray]:
    """Scores of two methods with the same seeds, by table, shape ``(n_seeds, 2)``; a table without such seeds is left out."""
    both = {}
    for table, mine in found[ours].items():
        theirs = found[other].get(table, {})
        common = sorted(mine.keys() & theirs.keys())
        if common:
            both[table] = np.array([(mine[seed], theirs[seed]) for seed in common])
    return both


def ratio(tables: Sequence[FloatArray], draws: int = _DRAWS) -> JsonDict:
    """Ratio of two methods' mean scores, each table counting the same, with its 95 % interval and upper 95 % bound.

    The bounds are percentiles over draws with replacement of as many tables, and of as many seeds of each drawn table; the two
    methods keep their common seeds.

    Args:
        tables: Scores of each table, shape ``(n_seeds, 2)``; of one table only its seeds are drawn.
        draws: How many.

    Returns:
        ``ratio``, ``low``, ``upper`` and ``high``; None where the other method found the best at once and ours did not.
    """
    rng = np.random.default_rng(0)
    chosen = rng.integers(len(tables), size=(draws, len(tables)))
    drawn = np.empty((*chosen.shape, 2))
    for place, table in enumerate(tables):
        at = chosen == place
        drawn[at] = table[rng.integers(len(table), size=(int(at.sum()), len(table)))].mean(axis=1)
    ours, other = drawn.mean(axis=1).T
    mine, theirs = np.mean([table.mean(axis=0) for table in tables], axis=0)
    # Not interpolated: between a number and infinity there is none.
    bounds = np.quantile(_quotients(ours, other), list(_BOUNDS.values()), method="inverted_cdf")
    found = dict(zip(_BOUNDS, bounds.tolist(), strict=True))
    found["ratio"] = float(_quotients(np.array([mine]), np.array([theirs]))[0])
    return {name: value if np.isfinite(value) else None for name, value in found.items()}


def _quotients(ours: FloatArray, other: FloatArray) -> FloatArray:
    """Ratios; two searches that found the best at once are equal, and against one alone no ratio is large enough."""
    return np.divide(ours, other, out=np.where(ours > 0, np.inf, 1.0), where=other > 0)


def comparison(found: Scores, ours: str) -> JsonDict:
    """Ratios of our mean score to that of each other method, in all and by table."""
    result: JsonDict = {}
    for other in found:
        both = pairs(found, ours, other) if other != ours else {}
        if both:
            seeds = [len(table) for table in both.values()]
            by_table = {name: ratio([table]) for name, table in both.items()}
            result[other] = ratio(list(both.values())) | {"seeds": [min(seeds), max(seeds)], "tables": by_table}
    return result


def best_peer(found: Scores, peers: Iterable[str]) -> str | None:
    """The peer with the lowest mean score over tables and the seeds that all peers have; None where there is no peer."""
    theirs = {peer: found[peer] for peer in peers if peer in found}
    means = {}
    for peer, by_table in theirs.items():
        common = {table: set.intersection(*(set(other.get(table, ())) for other in theirs.values())) for table in by_table}
        means[peer] = float(np.mean([np.mean([by_table[table][seed] for seed in at]) for table, at in common.items() if at]))
    return min(means, key=lambda peer: means[peer], default=None)
