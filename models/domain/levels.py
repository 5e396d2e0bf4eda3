"""A pool whose rows are a candidate at a level: what serves one level then serves several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray, Levels
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.cost import CostPrior
from tansaku.models.domain.specs.levels import WANTED, Relation

LEVEL = "=level"
"""Feature group that holds the number of the level; no space can give this name to one of its own."""

CANDIDATE = "=candidate"
"""Feature group that holds the number of the candidate."""

SOURCES = "=sources"
"""Feature group of what sources of transfer expect of the candidate."""

SHARE = "share"
"""Descriptor of cost: of a row's level, as a share of the full evaluation's cost."""

FITTED = "levels"
"""Key of a refit for the model of the levels."""

EVIDENCE = 2.0
"""Looks are bought while levels that are related explain the values better than unrelated ones by so much [nats]."""

_BETWEEN = "@"
_SIGNS: dict[Relation, tuple[int, ...]] = {"rises": (1,), "falls": (-1,), "unknown": (1, -1)}


def trusts_looks(evidence: float) -> bool:
    """Whether there is enough evidence that the levels are related [nats]."""
    return evidence >= EVIDENCE


def row_id(candidate: str, level: str | None) -> str:
    """Id of the row of a candidate at a level; None: at the wanted one, whose rows have the ids of the candidates."""
    return candidate if level is None else f"{candidate}{_BETWEEN}{level}"


def with_levels(
    pool: CandidatePool,
    names: Sequence[str],
    costs: Sequence[FloatArray],
    relations: Sequence[Relation] | None = None,
    spares: Sequence[float | None] | None = None,
) -> CandidatePool:
    """Rows of all candidates at cheaper levels and at the wanted one, which costs what the pool says.

    Args:
        pool: The candidates.
        names: Of the cheaper levels, at least one, the cheapest first.
        costs: Of each candidate at each of them, positive, shape ``(n_candidates,)`` each.
        relations: Of each of them to the wanted one; None: all rise with it.
        spares: Share of the cost of a more expensive level that a look at each of them spares; None: as much as it has cost.
            Without this argument no level continues another.

    Raises:
        ConfigurationError: There is no cheaper level, or the id of a candidate reads like that of a row.
    """
    if not names:
        raise ConfigurationError("levels: none given, expected at least one")
    n, levels = len(pool), (*names, WANTED)
    ids = np.concatenate([*(np.char.add(pool.ids, f"{_BETWEEN}{name}") for name in names), pool.ids])
    level, candidate = np.divmod(np.arange(n * len(levels)), n)
    order = np.argsort(ids, kind="stable")
    ids, level, candidate = ids[order], level[order].astype(np.intp), candidate[order].astype(np.intp)
    same = np.flatnonzero(ids[1:] == ids[:-1])
    if len(same):
        raise ConfigurationError(f"levels: a candidate has the id {str(ids[same[0]])!r}; expected none that ends with @LEVEL")
    places = np.empty((n, len(levels)), dtype=np.intp)
    places[candidate, level] = np.arange(len(ids))
    groups = {name: replace(group, index=group.index[candidate]) for name, group in pool.groups.items()}
    for name, codes, count in ((LEVEL, level, len(levels)), (CANDIDATE, candidate, n)):
        groups[name] = FeatureGroup(name, np.arange(float(count))[:, None], codes, (name,), categorical=True)
    signs = (*(_SIGNS[relation] for relation in relations or ["rises"] * len(names)), (1,))
    shares, learned = [float(np.median(cost / pool.cost)) for cost in (*costs, pool.cost)], pool.cost_descriptors
    return CandidatePool(
        ids=ids,
        systems=pool.systems,
        system_codes=pool.system_codes[candidate],
        surfaces=pool.surfaces,
        surface_codes=pool.surface_codes[candidate],
        groups=groups,
        cost=np.stack([*costs, pool.cost])[level, candidate],
        cost_descriptors=None if learned is None else _with_share(learned, shares, level, candidate),
        levels=Levels(pool, levels, candidate, level, places, signs, _spared(spares or [0.0] * len(names), shares)),
    )


def _spared(spares: Sequence[float | None], shares: Sequence[float]) -> tuple[float, ...]:
    """By level, the share of the cost of a more expensive one that a look spares; nothing by a look that costs as much."""
    known = [share if spare is None else spare for spare, share in zip(spares, shares, strict=False)]
    return (*(spare if spare < 1.0 else 0.0 for spare in known), 0.0)


def resumed_levels(pool: CandidatePool, history: History) -> IntArray:
    """By row, the number of the cheaper level whose look it continues; −1 where it continues none, shape ``(n_rows,)``."""
    levels = pool.levels
    if levels is None or not any(levels.spared):
        return np.full(len(pool), -1, dtype=np.intp)
    known = np.full(levels.places.shape, -1, dtype=np.intp)
    looks = history.observed[np.array(levels.spared)[levels.level[history.observed]] > 0.0]
    known[levels.candidate[looks], levels.level[looks]] = levels.level[looks]
    before = np.maximum.accumulate(known, axis=1)[:, :-1]
    return np.column_stack([np.full(len(known), -1, dtype=np.intp), before])[levels.candidate, levels.level]


def priced_for_resuming(pool: CandidatePool, resumed: IntArray) -> CandidatePool:
    """The pool, in which a row that continues a look costs what remains.

    Args:
        resumed: As :func:`resumed_levels` gives it.
    """
    levels = pool.levels
    if levels is None or not (resumed >= 0).any():
        return pool
    return replace(pool, cost=pool.cost * np.where(resumed >= 0, 1.0 - np.array(levels.spared)[resumed], 1.0))


def of_wanted(pool: CandidatePool, history: History) -> tuple[CandidatePool, History]:
    """Candidates and the history of their full values, of a pool of candidates at levels; else both as they are."""
    levels = pool.levels
    if levels is None:
        return pool, history
    return replace(levels.candidates, cost=pool.cost[levels.places[:, -1]]), wanted_history(levels, history)


def wanted_history(levels: Levels, history: History) -> History:
    """The history of full values, by position among the candidates."""
    wanted = levels.level == len(levels.names) - 1
    parts = ("observed", "failed", "refused", "pending", "unavailable")
    rows: dict[str, IntArray] = {name: getattr(history, name) for name in parts}
    kept = {name: levels.candidate[own[wanted[own]]] for name, own in rows.items()}
    return replace(history, values=history.values[wanted[history.observed]], **kept)


def _with_share(descriptors: FeatureGroup, shares: Sequence[float], level: IntArray, candidate: IntArray) -> FeatureGroup:
    """Descriptors of cost of candidates at levels."""
    n = len(descriptors.values)
    values = np.vstack([np.column_stack([descriptors.values, np.full(n, share)]) for share in shares])
    return FeatureGroup(descriptors.name, values, level * n + descriptors.index[candidate], (*descriptors.columns, SHARE))


def cost_prior(spec: CampaignSpec) -> CostPrior | None:
    """Prior of a learned cost, of looks too where a campaign has levels; None: costs are given."""
    prior = spec.space.cost_prior()
    if prior is None or not spec.levels:
        return prior
    return replace(prior, exponents={**prior.exponents, SHARE: 1.0}, reference={**prior.reference, SHARE: 1.0})
