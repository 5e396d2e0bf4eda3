"""A pool of candidates: columns, not objects, so that 10^6 of them are cheap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError, NotFoundError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FeatureGroup:
    """Named features of all candidates; each distinct row is stored once.

    Attributes:
        name: Name of the group, e.g. ``translation``.
        values: Distinct feature rows, shape ``(n_distinct, d)``.
        index: Row of each candidate, shape ``(n_candidates,)``.
        columns: Names of the ``d`` features, with units where they have one.
        categorical: Whether the values are codes that mean nothing but equal or not.
        prices: Price of measuring a missing number, by column: NaN in these columns can still be measured.
        mixed: Whether the columns have different units, so that a distance between rows means something only in units of each
            column's range.
        among: Rows that ranks and ranges are taken from, shape ``(n, d)``; None: those of the candidates.
    """

    name: str
    values: FloatArray
    index: IntArray
    columns: tuple[str, ...]
    categorical: bool = False
    prices: Mapping[str, float] = field(default_factory=dict)
    mixed: bool = False
    among: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise ConfigurationError(
                f"feature group {self.name!r}: values of shape {self.values.shape} do not fit {len(self.columns)} columns"
            )
        open_columns = np.array([column in self.prices for column in self.columns], dtype=bool)
        if not (np.isfinite(self.values) | (np.isnan(self.values) & open_columns)).all():
            raise ConfigurationError(f"feature group {self.name!r}: a value is not a finite number")
        if self.index.size and not (self.index.min() >= 0 and self.index.max() < len(self.values)):
            raise ConfigurationError(f"feature group {self.name!r}: the index points outside the distinct rows")

    @cached_property
    def ranges(self) -> FloatArray:
        """Range of each column, one where it is constant, shape ``(d,)``."""
        span = np.ptp(self.scaled_by, axis=0)
        return np.where(span > 0.0, span, 1.0)

    @property
    def middle(self) -> FloatArray:
        """Middle of each column's range, shape ``(d,)``."""
        return np.asarray(0.5 * (self.scaled_by.min(axis=0) + self.scaled_by.max(axis=0)))

    @property
    def scaled_by(self) -> FloatArray:
        """Rows whose range is that of the group, some perhaps several times, shape ``(n, d)``."""
        return self.values if self.among is None else self.among

    @property
    def rows(self) -> FloatArray:
        """Row of each candidate, shape ``(n_candidates, d)``."""
        return self.values[self.index]

    @cached_property
    def ranks(self) -> FloatArray:
        """Rank of each number among the candidates, by column: 0 is the smallest, 1 the largest, shape ``(n_distinct, d)``.

        Equal numbers share their mean rank; a constant column has zeros.
        """
        among = self.rows if self.among is None else self.among
        return np.column_stack([_ranks(*columns) for columns in zip(self.values.T, among.T, strict=True)])

    @classmethod
    def compact(
        cls,
        name: str,
        rows: FloatArray,
        index: IntArray,
        columns: tuple[str, ...],
        *,
        categorical: bool = False,
        prices: Mapping[str, float] | None = None,
    ) -> FeatureGroup:
        """Builds a group from rows that may be equal or unused: only rows of candidates are kept, each once.

        Args:
            rows: Feature rows, shape ``(n_rows, d)``.
            index: Row of each candidate, shape ``(n_candidates,)``.
            columns: Names of the features.
            categorical: Whether the values are codes.
            prices: Of columns whose numbers can still be measured.
        """
        used = np.zeros(len(rows), dtype=bool)
        used[index] = True
        place = np.zeros(len(rows), dtype=np.intp)
        values, place[used] = distinct_rows(rows[used])
        return cls(name, values, place[index], columns, categorical, prices or {})


def _ranks(numbers: FloatArray, among: FloatArray) -> FloatArray:
    """Mean rank of numbers among others, from 0 to 1; between two of these it is interpolated."""
    distinct, counts = np.unique(among, return_counts=True)
    ranks = np.cumsum(counts) - 0.5 * counts
    ranks -= ranks[0]
    return np.asarray(np.interp(numbers, distinct, ranks / (ranks[-1] or 1.0)))


def distinct_rows(rows: FloatArray) -> tuple[FloatArray, IntArray]:
    """Distinct rows of a matrix, exactly (no rounding), in lexicographic order; NaN is equal to itself and comes last.

    Args:
        rows: Shape ``(n, d)``.

    Returns:
        The distinct rows, shape ``(n_distinct, d)``, and each row's place among them, shape ``(n,)``.
    """
    # How many rows are smaller, as far as columns were compared. Only rows that are still equal to others are sorted again: of
    # many points without symmetry, none after a few columns.
    ranks = np.zeros(len(rows), dtype=np.intp)
    equal = np.arange(len(rows))
    for column in rows.T:
        order = equal[np.lexsort((column[equal], ranks[equal]))]
        before, values, places = ranks[order], column[order], np.arange(len(order))
        group = np.ones(len(order), dtype=np.bool_)
        group[1:] = before[1:] != before[:-1]
        new = group.copy()
        new[1:] |= (values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
        ranks[order] = before + np.maximum.accumulate(places * new) - np.maximum.accumulate(places * group)
        equal = order[~(new & np.append(new[1:], True))]
        if not len(equal):
            break
    _, codes = np.unique(ranks, return_inverse=True)
    first = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.intp)
    first[codes[::-1]] = np.arange(len(rows) - 1, -1, -1)
    # Adding zero makes -0.0 and 0.0, which are equal, the same number.
    return np.ascontiguousarray(rows[first]) + 0.0, codes.astype(np.intp)


@dataclass(frozen=True)
class PeriodicGrid:
    """A periodic grid whose points are candidates; symmetry-equivalent points are the same candidate.

    Attributes:
        shape: Number of points along each cell vector.
        members: Candidate at each point, the last direction running fastest, shape ``(n_points,)``; -1: none, a wall.
        room: Of each candidate, the more the farther it is from what surrounds it, shape ``(n_candidates,)``; None: not known.
        operations: That map the grid onto itself and each point onto one of the same candidate, in steps of the grid: x becomes
            ``[:, :3] @ x + [:, 3]``, shape ``(n, 3, 4)``; None: not known.
    """

    shape: tuple[int, int, int]
    members: IntArray
    room: FloatArray | None = None
    operations: IntArray | None = None

    def __post_init__(self) -> None:
        if self.members.shape != (prod(self.shape),):
            raise ConfigurationError(f"grid: {self.members.shape} members, expected {prod(self.shape)}")

    @cached_property
    def first(self) -> IntArray:
        """First point of each candidate, shape ``(n_candidates,)``."""
        first = np.zeros(int(self.members.max(initial=-1)) + 1, dtype=np.intp)
        points = np.flatnonzero(self.members >= 0)[::-1]
        first[self.members[points]] = points
        return first


EXPECTED = "=expected"
"""Name of the group of :attr:`CandidatePool.expectation` in kernels; no space can give it to one of its own."""


@dataclass(frozen=True)
class Expectation:
    """Expectation of candidates before there are values: how well each one suits, and how much that counts.

    Values are lower by β · suits with independent β ~ N(−1/p, 1/(w p)) for the p columns: by 1 ± 1/√w of their standard
    deviation where all suits, as w results with that deviation would say.

    Attributes:
        suits: By column, from 0 to 1.
        weight: Number w of results that it counts as.
    """

    suits: FeatureGroup
    weight: float

    @cached_property
    def effects(self) -> FeatureGroup:
        """Columns whose scalar product is the covariance that not knowing β causes."""
        scale = 1.0 / np.sqrt(self.weight * len(self.suits.columns))
        return replace(self.suits, name=EXPECTED, values=self.suits.values * scale)

    @cached_property
    def mean(self) -> FloatArray:
        """Expected difference of each candidate [deviations of the values], low is better, shape ``(n_candidates,)``."""
        return np.asarray(-self.suits.values.mean(axis=1)[self.suits.index])


@dataclass(frozen=True)
class Compositions:
    """Composition of each candidate, and phases of known energy that compete with all of them.

    Attributes:
        elements: Of all candidates, in alphabetical order.
        shares: Atomic shares of the elements in each candidate, shape ``(n_candidates, n_elements)``.
        read: Reads the known phases: the same shares, shape ``(n_phases, n_elements)``, and energies [eV/atom].
        relative: Whether formation energies are known as such, without those of the elements.
    """

    elements: tuple[str, ...]
    shares: FloatArray
    read: Callable[[], tuple[FloatArray, FloatArray]]
    relative: bool = False

    @cached_property
    def phases(self) -> tuple[FloatArray, FloatArray]:
        """Shares and energies of the known phases."""
        return self.read()


WIDEST = -1.5
"""Lowest chemical potential that is of interest where none is known [eV]."""


@dataclass(frozen=True)
class PotentialLines:
    """Change of each system's values with the chemical potential of a neutral unit that its candidates exchange.

    Attributes:
        unit: Formula of the unit.
        slopes: Change of a system's values with the potential [J/m^2/eV], shape ``(n_systems,)``.
        groups: Number of the group in which a system competes, shape ``(n_systems,)``.
        lowest: Lowest potential that is of interest, below 0 [eV]; values of candidates are those at 0. None: not given.
        second: Formula of a second unit, whose potential changes values too, and the lowest of interest [eV]; values are those
            at 0 of both. None: there is none.
    """

    unit: str
    slopes: FloatArray
    groups: IntArray
    lowest: float | None = None
    second: tuple[str, float] | None = None

    def beginning(self, computed: float | None) -> float:
        """Lowest potential that is of interest [eV].

        Args:
            computed: That at which the crystal decomposes, by the calculator; None: not known.
        """
        if self.lowest is not None:
            return self.lowest
        return WIDEST if computed is None or computed >= 0.0 else computed


@dataclass(frozen=True)
class Levels:
    """Meaning of the rows of a pool whose rows are a candidate at a level.

    Attributes:
        candidates: The pool of candidates.
        names: Of the levels, from the cheapest to the wanted one.
        candidate: Of each row, its position among the candidates, shape ``(n_rows,)``.
        level: Of each row, its number, shape ``(n_rows,)``.
        places: Row of each candidate at each level, shape ``(n_candidates, n_levels)``.
        relations: Of each level to the wanted one: 1 where its values rise with the wanted ones, -1 where they fall, both where
            that is not known.
        spared: By level, the share of the cost of a more expensive level that a look there spares, because the evaluation
            continues it; 0 where it does not.
    """

    candidates: CandidatePool
    names: tuple[str, ...]
    candidate: IntArray
    level: IntArray
    places: IntArray
    relations: tuple[tuple[int, ...], ...]
    spared: tuple[float, ...]


@dataclass(frozen=True)
class CandidatePool:
    """All candidates of a space.

    Attributes:
        ids: Stable ids in ascending order, unicode array of shape ``(n,)``. Position in the pool is therefore also rank by id.
        systems: Names of the systems.
        system_codes: System of each candidate, shape ``(n,)``.
        surfaces: Names of the surfaces; every surface belongs to one system.
        surface_codes: Surface of each candidate, shape ``(n,)``.
        groups: Feature groups by name.
        cost: Predicted cost of each candidate [the spec's cost unit], positive, shape ``(n,)``.
        cost_descriptors: Positive numbers that a cost can be learned from (``atoms`` …), None where costs are given.
        grids: The periodic grid of each system whose candidates are points of one.
        expectation: What is expected of candidates before there are values; None: nothing.
        compositions: Of the candidates; None: they are no crystals, or the space does not say.
        lines: Over a chemical potential; None: there is none.
        levels: Of a pool whose rows are a candidate at a level: which row is which; None: its rows are candidates.
    """

    ids: npt.NDArray[np.str_]
    systems: tuple[str, ...]
    system_codes: IntArray
    surfaces: tuple[str, ...]
    surface_codes: IntArray
    groups: Mapping[str, FeatureGroup] = field(default_factory=dict)
    cost: FloatArray = field(default_factory=lambda: np.empty(0))
    cost_descriptors: FeatureGroup | None = None
    grids: Mapping[str, PeriodicGrid] = field(default_factory=dict)
    expectation: Expectation | None = None
    compositions: Compositions | None = None
    lines: PotentialLines | None = None
    levels: Levels | None = None

    def __post_init__(self) -> None:
        n = len(self.ids)
        if n == 0:
            raise ConfigurationError("the space holds no candidate")
        for name, column in (
            ("system_codes", self.system_codes),
            ("surface_codes", self.surface_codes),
            ("cost", self.cost),
            *((f"index of group {group.name!r}", group.index) for group in self.groups.values()),
            *(() if self.cost_descriptors is None else (("index of cost_descriptors", self.cost_descriptors.index),)),
            *(() if self.expectation is None else (("index of expectation", self.expectation.suits.index),)),
        ):
            if column.shape != (n,):
                raise ConfigurationError(f"pool: {name} has shape {column.shape}, expected ({n},)")
        if n > 1 and not (self.ids[1:] > self.ids[:-1]).all():
            raise ConfigurationError("pool: candidate ids must be distinct and ascending")
        if not (np.isfinite(self.cost).all() and (self.cost > 0).all()):
            raise ConfigurationError("pool: every cost must be a positive finite number")
        if self.cost_descriptors is not None and not (self.cost_descriptors.values > 0).all():
            raise ConfigurationError("pool: every descriptor of cost must be positive")

    def __len__(self) -> int:
        return len(self.ids)

    def group(self, name: str) -> FeatureGroup:
        """Returns a feature group, or the effects that are expected."""
        return self.expectation.effects if name == EXPECTED and self.expectation is not None else self.groups[name]

    def with_scales_of(self, other: CandidatePool) -> CandidatePool:
        """Returns the pool with ranks and ranges of the candidates of another one, which has the same feature groups."""
        groups = {name: replace(group, among=other.groups[name].rows) for name, group in self.groups.items()}
        return replace(self, groups=groups)

    @cached_property
    def surface_system(self) -> IntArray:
        """System code of each surface, shape ``(n_surfaces,)``."""
        owner = np.zeros(len(self.surfaces), dtype=np.intp)
        owner[self.surface_codes] = self.system_codes
        return owner

    def named(self, position: int) -> tuple[str, str | None]:
        """Id of the candidate of a row, and the name of its level if that is a cheaper one."""
        levels = self.levels
        if levels is None:
            return str(self.ids[position]), None
        name = levels.names[levels.level[position]]
        return str(levels.candidates.ids[levels.candidate[position]]), None if name == levels.names[-1] else name

    def positions(self, ids: Sequence[str]) -> IntArray:
        """Positions of candidates in the pool.

        Args:
            ids: Candidate ids.

        Returns:
            Array of shape ``(len(ids),)``.

        Raises:
            NotFoundError: An id is not in the pool.
        """
        wanted = np.asarray(ids, dtype=self.ids.dtype if len(ids) else "<U1")
        found = np.searchsorted(self.ids, wanted)
        found = np.minimum(found, len(self.ids) - 1).astype(np.intp)
        # Compared as texts: a name that is longer than all ids was cut above.
        if self.ids[found].tolist() != list(ids):
            missing = [name for name, position in zip(ids, found, strict=True) if str(self.ids[position]) != name]
            raise NotFoundError(f"candidate {missing[0]!r} is not in the space")
        return found
