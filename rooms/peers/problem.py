"""A pool in the form that other optimisers take: one table of numbers, one of categories, and what has been measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.engine.initial import is_one_hot

_NUMERIC_COLUMNS = 20
"""A group of more columns is a descriptor: optimisers that take named parameters get it as one category per distinct row."""

_COMPONENTS = 10
_RANK_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Descriptor:
    """A category, or a feature group of many columns, as one categorical parameter.

    Attributes:
        name: Name of the group, of a column of codes with the column's.
        rows: Distinct rows that occur, scaled to [0, 1], of a category one-hot, shape ``(n_distinct, d)``.
        codes: Row of each candidate, shape ``(n_members,)``.
        category: Whether its values are equal or not, and nothing else.
    """

    name: str
    rows: FloatArray
    codes: IntArray
    category: bool = False

    @cached_property
    def components(self) -> FloatArray:
        """The rows of a category, else their principal components, shape ``(n_distinct, n_components)``.

        At most ten, the first of range 1: a hundred bins of two surfaces contain a single number, which does not need a hundred
        lengthscales.
        """
        if self.category:
            return self.rows
        centred = self.rows - self.rows.mean(axis=0)
        left, singular, _ = np.linalg.svd(centred, full_matrices=False)
        kept = int((singular > _RANK_TOLERANCE * singular[0]).sum())
        scores = (left * singular)[:, : min(kept, _COMPONENTS)]
        unit: FloatArray = (scores - scores.min(axis=0)) / np.ptp(scores[:, 0])
        return unit


@dataclass(frozen=True)
class Encoding:
    """Features of some candidates of a pool; columns that do not vary among them are left out.

    Attributes:
        members: Positions in the pool, ascending, shape ``(n_members,)``.
        systems: System of each member, shape ``(n_members,)``.
        numbers: Columns of the small groups, scaled to [0, 1], shape ``(n_members, n_numbers)``.
        descriptors: Categories and large groups.
    """

    members: IntArray
    systems: IntArray
    numbers: FloatArray
    names: tuple[str, ...]
    descriptors: tuple[Descriptor, ...]

    @cached_property
    def matrix(self) -> FloatArray:
        """All features as numbers, shape ``(n_members, d)``, d at least 1."""
        parts = [self.numbers, *(descriptor.components[descriptor.codes] for descriptor in self.descriptors)]
        joined = np.concatenate(parts, axis=1)
        return joined if joined.shape[1] else np.zeros((len(self.members), 1))


def encode(pool: CandidatePool, members: IntArray) -> Encoding:
    """Encodes candidates of a pool.

    Args:
        members: Positions in the pool, ascending, shape ``(n_members,)``.
    """
    numbers: list[FloatArray] = [np.zeros((len(members), 0))]
    names: list[str] = []
    descriptors: list[Descriptor] = []
    for name in sorted(pool.groups):
        if (found := _categories(pool.groups[name], members)) is not None:
            descriptors += found
            continue
        used, codes = np.unique(pool.groups[name].index[members], return_inverse=True)
        rows, columns = _unit(pool.groups[name], used)
        if not columns:
            continue
        if len(columns) <= _NUMERIC_COLUMNS:
            numbers.append(rows[codes])
            names += [f"{name}.{column}" for column in columns]
        else:
            descriptors.append(Descriptor(name, rows, codes.astype(np.intp)))
    return Encoding(members, pool.system_codes[members], np.concatenate(numbers, axis=1), tuple(names), tuple(descriptors))


def _categories(group: FeatureGroup, members: IntArray) -> list[Descriptor] | None:
    """The columns of a group of categories that vary among the members; None: it holds numbers."""
    if is_one_hot(group):
        columns = {group.name: group.values.argmax(axis=1).astype(np.float64)}
    elif group.categorical:
        columns = {f"{group.name}.{column}": codes for column, codes in zip(group.columns, group.values.T, strict=True)}
    else:
        return None
    found = []
    for name, values in columns.items():
        known, codes = np.unique(values[group.index[members]], return_inverse=True)
        if len(known) > 1:
            found.append(Descriptor(name, np.eye(len(known)), codes.astype(np.intp), category=True))
    return found


def _unit(group: FeatureGroup, used: npt.NDArray[np.intp]) -> tuple[FloatArray, list[str]]:
    rows = group.values[used]
    span = np.ptp(rows, axis=0)
    varying = span > 0
    scaled = (rows[:, varying] - rows[:, varying].min(axis=0)) / span[varying]
    return scaled, [column for column, varies in zip(group.columns, varying, strict=True) if varies]


@dataclass(frozen=True)
class Problem:
    """Input of an optimiser for its choice.

    Attributes:
        encoding: The candidates.
        rows: Measured candidates in order of measurement, as rows of the encoding, shape ``(n_observed,)``.
        values: Their values, smaller is better, in the objective's unit, shape ``(n_observed,)``.
        free: Candidates that may be chosen, as rows of the encoding, ascending, shape ``(n_free,)``, at least one.
        seed: Start of the optimiser's own random choices.
    """

    encoding: Encoding
    rows: IntArray
    values: FloatArray
    free: IntArray
    seed: int

    @cached_property
    def standardised(self) -> FloatArray:
        """Values less their mean, divided by :attr:`deviation`, shape ``(n_observed,)``."""
        centred: FloatArray = self.values - self.values.mean()
        return centred / self.deviation

    @cached_property
    def deviation(self) -> float:
        """Deviation of the values, 1 while they do not differ."""
        return float(self.values.std()) or 1.0


@dataclass(frozen=True)
class Suggestion:
    """An optimiser's choice.

    Attributes:
        row: Row of the encoding.
        gain: Expected improvement in the objective's unit, None where the optimiser does not tell.
    """

    row: int
    gain: float | None = None


def pose(encoding: Encoding, history: History, allowed: npt.NDArray[np.bool_], seed: int) -> Problem:
    """The problem of an encoding's candidates under a history.

    Args:
        history: What is known of the pool.
        allowed: Candidates of the pool that may be proposed, shape ``(n_candidates,)``.
        seed: Joined with what was measured, so that searches that began elsewhere draw other numbers.
    """
    mine = np.isin(history.observed, encoding.members)
    rows = np.searchsorted(encoding.members, history.observed[mine]).astype(np.intp)
    own = int(np.random.SeedSequence([seed, *rows.tolist()]).generate_state(1)[0] >> 1)
    return Problem(encoding, rows, history.values[mine], np.flatnonzero(allowed[encoding.members]), own)


def nearest(problem: Problem, asked: Mapping[str, Any]) -> int:
    """Row of the free candidate that is nearest to asked parameters, for optimisers that search between candidates."""
    return int(problem.free[np.argmin(distances(problem, asked))])


def parameters(encoding: Encoding, row: int) -> dict[str, float | int]:
    """Parameters of one candidate."""
    chosen: dict[str, float | int] = dict(zip(encoding.names, encoding.numbers[row].tolist(), strict=True))
    return chosen | {descriptor.name: int(descriptor.codes[row]) for descriptor in encoding.descriptors}


def distances(problem: Problem, asked: Mapping[str, Any]) -> FloatArray:
    """Squared distance of each free candidate to asked parameters, another category counting one, shape ``(n_free,)``."""
    encoding, free = problem.encoding, problem.free
    wanted = np.array([asked[name] for name in encoding.names])
    squared: FloatArray = np.square(encoding.numbers[free] - wanted).sum(axis=1)
    for descriptor in encoding.descriptors:
        squared = squared + (descriptor.codes[free] != asked[descriptor.name])
    return squared
