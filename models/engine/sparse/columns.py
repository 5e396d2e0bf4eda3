"""The columns that a sparse model sees of a pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.engine.sparse.purchase import LEAST_KNOWN


@dataclass(frozen=True, eq=False)
class Columns:
    """Numbers of all candidates.

    Attributes:
        names: Of the columns: ``group.column``, ``group.column=code`` for a category, ``system=name``.
        values: NaN where a number can still be measured, (n_candidates, n_columns).
        prices: Of one number; 0 where none can be bought, (n_columns,).
    """

    names: tuple[str, ...]
    values: FloatArray
    prices: FloatArray


def columns_of(pool: CandidatePool) -> Columns:
    """The columns of a pool: numbers as they are, categories and systems as indicators.

    Columns that are the same for all candidates, and further copies of a column up to scale and offset, are left out; so are
    columns of which fewer numbers are known than others can be predicted from.

    Args:
        pool: All candidates.
    """
    names: list[str] = []
    parts: list[FloatArray] = []
    prices: list[float] = []
    for _, group in sorted(pool.groups.items()):
        found = _indicators(group) if group.categorical else (_named(group), group.values)
        names += found[0]
        parts.append(found[1][group.index])
        prices += [0.0] * len(found[0]) if group.categorical else [group.prices.get(column, 0.0) for column in group.columns]
    if len(pool.systems) > 1:
        names += [f"system={system}" for system in pool.systems]
        parts.append(np.eye(len(pool.systems))[pool.system_codes])
        prices += [0.0] * len(pool.systems)
    values = np.concatenate(parts, axis=1) if parts else np.empty((len(pool), 0))
    missing = np.isnan(values)
    whole = np.flatnonzero(~missing.any(axis=0))
    partly = np.flatnonzero(missing.any(axis=0) & ((~missing).sum(axis=0) >= LEAST_KNOWN))
    kept = sorted([*whole[_distinct(values[:, whole])].tolist(), *partly.tolist()])
    return Columns(tuple(names[i] for i in kept), np.ascontiguousarray(values[:, kept]), np.array([prices[i] for i in kept]))


def _named(group: FeatureGroup) -> list[str]:
    return [f"{group.name}.{column}" for column in group.columns]


def _indicators(group: FeatureGroup) -> tuple[list[str], FloatArray]:
    """One column per code of each categorical column."""
    names: list[str] = []
    parts: list[FloatArray] = []
    for name, column in zip(_named(group), group.values.T, strict=True):
        codes = np.unique(column)
        names += [f"{name}={code:g}" for code in codes]
        parts.append((column[:, None] == codes).astype(np.float64))
    return names, np.concatenate(parts, axis=1) if parts else np.empty((len(group.values), 0))


def _distinct(values: FloatArray) -> list[int]:
    """Places of the columns that vary and are no multiple of an earlier one."""
    centred = values - values.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    varying = np.flatnonzero(norms > 1e-12 * np.maximum(np.abs(values).max(axis=0, initial=0.0), 1e-300) * np.sqrt(len(values)))
    unit = centred[:, varying] / norms[varying]
    same = np.abs(unit.T @ unit) > 1.0 - 1e-12
    first = np.argmax(same, axis=0) if len(varying) else np.empty(0, dtype=np.intp)
    return [int(varying[i]) for i in np.flatnonzero(first == np.arange(len(varying)))]
