"""Parameters as a space: candidates drawn quasi-randomly, and around the best ones found."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import tansaku
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.pool import BoolArray, CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.ports import DescribedColumn
from tansaku.models.domain.records import JsonDict, Outcome, Provenance
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.specs.off_pool import OffPoolSpec
from tansaku.models.domain.specs.parameters import (
    CategorySpec,
    FractionsSpec,
    NumberSpec,
    ParameterSpec,
    ParametersSpaceSpec,
    WholeNumberSpec,
)
from tansaku.models.domain.wording import did_you_mean
from tansaku.models.features.sobol import scrambled_sobol
from tansaku.models.features.standard_functions import STANDARD_FUNCTIONS
from tansaku.spaces.expectations import Cells, expectation

if TYPE_CHECKING:
    from ase import Atoms


_ROUNDS = 64
"""The pool's size times this is drawn at most; a smaller feasible part is an error."""

_ID = re.compile(r"(?P<root>.+?)(?:-\d{3})*")
_OWN_ID = re.compile(r"p\d{6}.*|.+-\d{3}")
_DEEPEST = 40
_SHARES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.005)
_CHANGED = 20
"""Neighbours differ from their candidate in about so many parameters at most."""
_HALVINGS = 30
_MOST_NEIGHBOURS = 999


class ParametersSpace:
    """A space of parameters (implements ``RefinedSpace`` and ``DescribingSpace``).

    Candidate ids read ``p000123``: drawn beforehand; ``p000123-007``: the seventh neighbour of it, and so on. What an id means
    follows from the id and the spec alone. Reports describe candidates with other ids, which may be anywhere.

    Raises:
        ConfigurationError: Too little of the cube of all parameters meets the constraints, or the space cannot express a
            reported candidate.
    """

    def __new__(cls, spec: ParametersSpaceSpec) -> ParametersSpace:
        """Creates a :class:`FunctionSpace` if the spec has a function."""
        return super().__new__(cls if spec.function is None else FunctionSpace)

    def __init__(self, spec: ParametersSpaceSpec) -> None:
        self._spec = spec
        self._decoder = ParameterValues(spec)
        self._drawn = self._draw()
        self._near: dict[str, FloatArray] = {}
        self._reported = {item.id: self._row(item) for item in spec.off_pool}

    def pool(self) -> CandidatePool:
        """The candidates that are drawn beforehand, and those that reports describe."""
        return self._base

    def refined(self, candidates: Sequence[str], incumbents: Sequence[str]) -> CandidatePool:
        """The candidates of the pool, some others, and neighbours of the best ones that meet the constraints.

        Args:
            candidates: Ids that the pool must hold.
            incumbents: The best candidates found, the best first.

        Raises:
            NotFoundError: An id means nothing in this space.
        """
        rules = self._spec.refine
        wanted = dict.fromkeys(candidates)
        if rules is not None:
            for parent in [name for name in incumbents if self._has_neighbours(name)][: rules.around]:
                if parent.count("-") < _DEEPEST:
                    wanted |= dict.fromkeys(f"{parent}-{number:03d}" for number in range(1, rules.neighbours + 1))
        known = [*self._by_id, *self._reported]
        added = [name for name in wanted if name not in self._by_id and name not in self._reported]
        if not added:
            return self._base
        return self._pool_of([*known, *added], needed={*candidates, *self._reported})

    def cells(self, candidate: str) -> Mapping[str, str | float]:
        """Returns a candidate's parameters by name. Raises NotFoundError."""
        return self._decoder.described(self._values([candidate])[0])

    def columns(self) -> tuple[DescribedColumn, ...]:
        """The parameters; each part of fractions is a column."""
        return tuple(
            DescribedColumn(
                name,
                _unit_of(kind),
                kind.values if isinstance(kind, CategorySpec) else None,
                (kind.tolerance or 0.0) if isinstance(kind, NumberSpec) else 0.0,
            )
            for key, kind in self._spec.parameters.items()
            for name in _columns_of(key, kind)
        )

    def check_described(self, candidate: str, cells: Mapping[str, str | float]) -> None:
        """Raises ValueError for an id that means another candidate, and for a cell that is no parameter.

        Values may lie outside the ranges and constraints.
        """
        known = [column.name for column in self.columns()]
        strange = next((name for name in cells if name not in known), None)
        if strange is not None:
            raise ValueError(
                f"{strange}: no parameter has this name{did_you_mean(strange, known)}; known are {', '.join(known)}"
            )
        self._described(candidate, cells)

    def descriptions(self, proposed: Iterable[str]) -> Iterable[tuple[str, tuple[str | float, ...]]]:
        """Ids and parameters of the candidates of the pool and of those proposed. Raises NotFoundError."""
        others = [name for name in dict.fromkeys((*self._reported, *proposed)) if name not in self._by_id]
        rows = self._decoder.values(self._drawn)
        rows = np.vstack((rows, self._values(others))) if others else rows
        cells = (
            rows[:, at].tolist() if column.allowed is None else np.array(column.allowed)[rows[:, at].astype(int)].tolist()
            for at, column in enumerate(self.columns())
        )
        return zip([*self._by_id, *others], zip(*cells, strict=True), strict=True)

    def structure(self, candidate: str) -> Atoms:
        """Raises NotFoundError: parameters have no structures."""
        self._point(candidate)
        raise NotFoundError(f"candidate {candidate!r}: a space of parameters has no structures")

    def elements(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def describe_systems(self) -> Sequence[JsonDict]:
        """One system."""
        return [{"system": "all", "parameters": len(self._spec.parameters), "candidates": len(self._base)}]

    def _draw(self) -> FloatArray:
        """Points of the unit cube that meet the constraints and have distinct values, in the order drawn."""
        spec = self._spec
        next_points = scrambled_sobol(self._decoder.drawn, np.random.default_rng(spec.seed))
        found = np.empty((0, self._decoder.drawn))
        seen: set[bytes] = set()
        tried = met = 0
        for _ in range(_ROUNDS):
            points = next_points(spec.pool)
            values = self._decoder.values(points)
            good = self._decoder.meets(values)
            tried, met = tried + len(points), met + int(good.sum())
            new = [int(i) for i in np.flatnonzero(good) if _is_new(values[i], seen)]
            found = np.vstack((found, points[new]))[: spec.pool]
            if len(found) == spec.pool or (met > 4 * spec.pool and not new):
                break
        if met < min(spec.pool, 2):
            raise ConfigurationError(
                f"space.constraints: {met} of {tried:,} points drawn meet them; expected more",
                hint="narrow the ranges of the parameters to where the constraints can be met",
            )
        if met < spec.pool // 8 and len(found) < spec.pool // 8:
            raise ConfigurationError(
                f"space.constraints: only {met} of {tried:,} points drawn meet them, too few for a pool of {spec.pool}",
                hint="narrow the ranges of the parameters to where the constraints can be met, or choose a smaller pool",
            )
        return found

    def _row(self, item: OffPoolSpec) -> FloatArray:
        """Values of a candidate that a report described, shape ``(n_columns,)``."""
        try:
            return self._described(item.id, item.cells)
        except ValueError as error:
            raise ConfigurationError(f"space.off_pool: {item.id!r}: {error}") from error

    def _described(self, candidate: str, cells: Mapping[str, str | float]) -> FloatArray:
        """Values of a described candidate, shape ``(n_columns,)``; errors as of :func:`check_described`."""
        if _OWN_ID.fullmatch(candidate):
            raise ValueError(f"candidate: {candidate!r} is a name as the space gives it; choose another one")
        return self._decoder.row(cells)

    @cached_property
    def _by_id(self) -> dict[str, int]:
        return {f"p{number:06d}": number for number in range(len(self._drawn))}

    @cached_property
    def _base(self) -> CandidatePool:
        names = [*self._by_id, *self._reported]
        return self._pool_of(names, needed=set(names))

    def _values(self, names: Sequence[str]) -> FloatArray:
        """Values of candidates, shape ``(len(names), n_columns)``. Raises NotFoundError."""
        values = self._decoder.values(np.array([self._point(name) for name in names]))
        for row, name in enumerate(names if self._reported else ()):
            if name in self._reported:
                values[row] = self._reported[name]
        return values

    def _has_neighbours(self, candidate: str) -> bool:
        """Returns whether a reported candidate meets the constraints once it is moved into the ranges; drawn ones do."""
        if candidate not in self._reported:
            return True
        return bool(self._decoder.meets(self._decoder.values(self._point(candidate)[None, :]))[0])

    def _point(self, candidate: str) -> FloatArray:
        """Position of a candidate in the unit cube."""
        if candidate in self._by_id:
            return np.asarray(self._drawn[self._by_id[candidate]])
        if candidate in self._reported:
            return self._decoder.point(self._reported[candidate])
        parent, _, number = candidate.rpartition("-")
        match, deep = _ID.fullmatch(candidate), candidate.count("-") > _DEEPEST
        known = match is not None and (match["root"] in self._by_id or match["root"] in self._reported)
        if not known or deep or number == "000" or self._spec.refine is None:
            raise NotFoundError(f"candidate {candidate!r} is not in the space")
        if parent not in self._near:
            self._near[parent] = self._neighbours(self._point(parent), parent, self._spec.refine.reach)
        return np.asarray(self._near[parent][int(number) - 1])

    def _neighbours(self, centre: FloatArray, parent: str, reach: float) -> FloatArray:
        """Points near another one, drawn from the hash of its id; they meet the constraints."""
        digest = hashlib.sha256(f"{self._spec.seed} {parent}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
        shape, rows = (_MOST_NEIGHBOURS, len(centre)), np.arange(_MOST_NEIGHBOURS)
        share = np.where(rows % 2, 1.0, 0.4) * min(1.0, _CHANGED / len(centre))
        changed = rng.uniform(size=shape) < share[:, None]
        changed[rows, rng.integers(len(centre), size=len(rows))] = True
        step = rng.normal(size=shape) * reach * np.array(_SHARES)[rows % len(_SHARES)][:, None]
        moved = np.where(changed & ~self._decoder.categories, centre + step, centre)
        moved = np.where(moved < 0, -moved, np.where(moved > 1, 2 - moved, moved)).clip(0, 1)
        other = changed & self._decoder.categories & (rng.uniform(size=shape) < 0.5)
        moved = np.where(other, rng.uniform(size=shape), moved)
        for _ in range(_HALVINGS):
            bad = ~self._decoder.meets(self._decoder.values(moved)).astype(bool)
            if not bad.any():
                return moved
            moved[bad] = (centre + moved[bad]) / 2
        moved[~self._decoder.meets(self._decoder.values(moved)).astype(bool)] = centre
        return moved

    def _pool_of(self, names: Sequence[str], needed: set[str]) -> CandidatePool:
        """The pool of some candidates; of those with the same values only the first is kept, besides all required ones."""
        values = self._values(names)
        required = [name in needed or name in self._by_id for name in names]
        seen: set[bytes] = {row.tobytes() for row, wanted in zip(values, required, strict=True) if wanted}
        kept = [i for i, wanted in enumerate(required) if wanted or _is_new(values[i], seen)]
        kept.sort(key=lambda i: names[i])
        values = values[kept]
        every, nothing = np.arange(len(kept)), np.zeros(len(kept), dtype=np.intp)
        return CandidatePool(
            ids=np.array([names[i] for i in kept]),
            systems=("all",),
            system_codes=nothing,
            surfaces=("all",),
            surface_codes=nothing,
            groups={group.name: group for group in self._groups(values, every)},
            cost=np.ones(len(kept)),
            expectation=expectation(self._spec.prefers, lambda: self._cells_of(values), self._decoder.in_range),
        )

    def _cells_of(self, values: FloatArray) -> dict[str, Cells]:
        """Numbers, and names of categories, by column, shape ``(n_candidates,)`` each."""
        return {
            column.name: own if column.allowed is None else np.array(column.allowed)[own.astype(int)]
            for column, own in zip(self.columns(), values.T, strict=True)
        }

    def _groups(self, values: FloatArray, every: IntArray) -> Iterator[FeatureGroup]:
        names = [name for name, kind in self._spec.parameters.items() if isinstance(kind, CategorySpec)]
        numbers = [i for i, name in enumerate(self._decoder.columns) if name not in names]
        if numbers:
            columns = tuple(self._decoder.columns[i] for i in numbers)
            yield FeatureGroup.compact("numbers", self._decoder.scaled(values)[:, numbers], every, columns)
        for name in names:
            column = values[:, [self._decoder.columns.index(name)]]
            yield FeatureGroup.compact(f"category_{name}", column, every, (name,), categorical=True)


class FunctionSpace(ParametersSpace):
    """A space of parameters whose values a function gives (implements ``TabulatedSpace``)."""

    def values(self) -> FloatArray:
        """The function at all candidates that are drawn beforehand, shape ``(n_candidates,)``."""
        return self._function(self._values([str(name) for name in self.pool().ids]))

    def quantity(self, name: str, unit: str) -> FloatArray:
        """Raises ConfigurationError: a function gives one value."""
        raise ConfigurationError(f"space.function: {name!r} [{unit}] is not among what {self._spec.function} gives")

    def recorded(self, candidate: str) -> Outcome:
        """The function at a candidate. Raises NotFoundError."""
        value = float(self._function(self._values([candidate]))[0])
        source = Provenance(
            code="function", code_version="1", model=str(self._spec.function), tansaku_version=tansaku.__version__
        )
        return Outcome(value=value, properties={"parameters": dict(self.cells(candidate))}, provenance=source)

    def _function(self, values: FloatArray) -> FloatArray:
        return STANDARD_FUNCTIONS[str(self._spec.function)](values)


def open_parameters(spec: ParametersSpaceSpec, _base_path: Path, limits: LimitsSpec | None = None) -> ParametersSpace:
    """Opens a space of parameters, whose candidates are drawn once in a process: every request to a campaign opens it.

    Raises:
        ConfigurationError: There are more candidates than the limits allow, or as of :class:`ParametersSpace`.
    """
    check_limit(limits, "pool", spec.pool, "space.pool: candidates")
    return _drawn_once(spec.model_dump_json())


@lru_cache(maxsize=4)
def _drawn_once(spec: str) -> ParametersSpace:
    return ParametersSpace(ParametersSpaceSpec.model_validate_json(spec))


def _is_new(row: FloatArray, seen: set[bytes]) -> bool:
    """Returns whether a row has values that were not seen before; marks them as seen."""
    key = row.tobytes()
    new = key not in seen
    seen.add(key)
    return new


_SLACK = 1e-9
_ROUNDED = 0.005
"""Reported fractions may add up to one with this error: they are written with few digits."""

_LARGEST = 1e12

Sparse = tuple[tuple[int, ...], int]
"""Columns, and how many of them may differ from zero."""


class ParameterValues:
    """Decodes points of the unit cube.

    Columns of values are numbers as they are, categories as their place in the list, and the parts of fractions.
    """

    def __init__(self, spec: ParametersSpaceSpec) -> None:
        self._spec = spec
        self.columns: tuple[str, ...] = tuple(name for key, kind in spec.parameters.items() for name in _columns_of(key, kind))
        self.drawn = sum(_drawn(kind) for kind in spec.parameters.values())
        """Dimensions of the unit cube."""
        self.categories = np.array(
            [isinstance(kind, CategorySpec) for kind in spec.parameters.values() for _ in range(_drawn(kind))], dtype=bool
        )
        """Mask of the coordinates that choose a category."""
        sizes = [
            max(abs(kind.low), abs(kind.high)) if isinstance(kind, NumberSpec) else 1.0
            for key, kind in spec.parameters.items()
            for _ in _columns_of(key, kind)
        ]
        self._zero = _SLACK * np.array(sizes)  # up to this size a column's number counts as zero
        self._sparse_parts: dict[str, list[Sparse]] = {}
        self._sparse_numbers: list[Sparse] = []
        for rule in spec.constraints:
            if rule.nonzero is not None and rule.at_most is not None:
                name, part = spec.terms[rule.nonzero[0]]
                names = self.columns if part is None else _columns_of(name, spec.parameters[name])
                columns = tuple(names.index(named) for named in rule.nonzero)
                into = self._sparse_numbers if part is None else self._sparse_parts.setdefault(name, [])
                into.append((columns, int(rule.at_most)))

    def values(self, points: FloatArray) -> FloatArray:
        """Values of points, on their grids, shape ``(n, n_columns)``.

        Args:
            points: Shape ``(n, drawn)``.
        """
        parts, at = [], 0
        for name, kind in self._spec.parameters.items():
            parts.append(_decoded(kind, points[:, at : at + _drawn(kind)], self._sparse_parts.get(name, ())))
            at += _drawn(kind)
        values = np.hstack(parts)
        for columns, most in self._sparse_numbers:
            kept = _largest(self.scaled(values)[:, columns], most)
            values[:, columns] = np.where(kept, values[:, columns], 0.0)
        return values

    def meets(self, values: FloatArray) -> FloatArray:
        """Returns whether each row of values meets the constraints, shape ``(n,)``."""
        good = np.ones(len(values), dtype=bool)
        for rule in self._spec.constraints:
            columns = [self.columns.index(name) for name in rule.named]
            named = values[:, columns]
            if rule.exclude is not None:
                good &= ~self._together(values, rule.exclude)
            elif rule.ratio is not None:
                for bound, sign in ((rule.at_most, 1.0), (rule.at_least, -1.0)):
                    if bound is not None:
                        slack = _SLACK * (np.abs(named) @ np.array([1.0, abs(bound)]))
                        good &= sign * (named[:, 0] - bound * named[:, 1]) <= slack
            else:
                weights = np.array(list(rule.terms.values())) if rule.terms is not None else np.ones(named.shape[1])
                parts = named if rule.terms is not None else (np.abs(named) > self._zero[columns]).astype(np.float64)
                total, slack = parts @ weights, _SLACK * (np.abs(parts) @ np.abs(weights))
                good &= (total <= (np.inf if rule.at_most is None else rule.at_most) + slack) & (
                    total >= (-np.inf if rule.at_least is None else rule.at_least) - slack
                )
        return good

    def _together(self, values: FloatArray, excluded: Mapping[str, Sequence[str]]) -> BoolArray:
        """Whether each row has one of the values of every category, shape ``(n,)``."""
        found = np.ones(len(values), dtype=np.bool_)
        for name, names in excluded.items():
            kind = self._spec.parameters[name]
            places = [kind.values.index(value) for value in names] if isinstance(kind, CategorySpec) else []
            found &= np.isin(values[:, self.columns.index(name)], places)
        return found

    def scaled(self, values: FloatArray) -> FloatArray:
        """Values with each parameter's range from 0 to 1, categories as they are."""
        found = values.copy()
        for name, kind in self._spec.parameters.items():
            if isinstance(kind, NumberSpec | WholeNumberSpec):
                column = self.columns.index(name)
                found[:, column] = self.in_range(name, values[:, column])
        return found

    def in_range(self, name: str, values: FloatArray) -> FloatArray:
        """Values of a number with its range from 0 to 1, of a part of fractions as they are; any shape."""
        kind = self._spec.parameters.get(name)
        if not isinstance(kind, NumberSpec | WholeNumberSpec):
            return values
        low, high = float(kind.low), float(kind.high)
        if isinstance(kind, NumberSpec) and kind.log:
            return np.asarray(np.log(values / low) / np.log(high / low))
        return (values - low) / (high - low)

    def row(self, cells: Mapping[str, str | float]) -> FloatArray:
        """Values of described cells, on no grid and perhaps outside the ranges, shape ``(n_columns,)``.

        Raises:
            ValueError: A parameter is missing, is not of its kind, or has no logarithm where its scale is logarithmic.
        """
        missing = [name for name in self.columns if name not in cells]
        if missing:
            raise ValueError(f"{', '.join(missing)} must be given too")
        found = [value for name, kind in self._spec.parameters.items() for value in _values_of(name, kind, cells)]
        return np.array(found, dtype=np.float64)

    def point(self, row: FloatArray) -> FloatArray:
        """The nearest point of the unit cube, shape ``(drawn,)``.

        Args:
            row: Values, shape ``(n_columns,)``.
        """
        parts, at = [], 0
        for name, kind in self._spec.parameters.items():
            end = at + len(_columns_of(name, kind))
            parts.append(_encoded(kind, row[at:end]))
            at = end
        return np.clip(np.concatenate(parts), 0.0, 1.0)

    def described(self, row: FloatArray) -> Mapping[str, str | float]:
        """One row of values by column, categories by name."""
        found: dict[str, str | float] = {name: float(value) for name, value in zip(self.columns, row, strict=True)}
        for name, kind in self._spec.parameters.items():
            if isinstance(kind, CategorySpec):
                found[name] = kind.values[int(found[name])]
            elif isinstance(kind, WholeNumberSpec):
                found[name] = int(found[name])
        return found


def _columns_of(name: str, kind: ParameterSpec) -> tuple[str, ...]:
    """Columns of values of one parameter."""
    return tuple(f"{name}.{part}" for part in kind.parts) if isinstance(kind, FractionsSpec) else (name,)


def _drawn(kind: ParameterSpec) -> int:
    return len(kind.parts) - 1 if isinstance(kind, FractionsSpec) else 1


def _values_of(name: str, kind: ParameterSpec, cells: Mapping[str, str | float]) -> list[float]:
    """Values of one parameter as a report describes them. Raises ValueError."""
    if isinstance(kind, CategorySpec):
        if cells[name] not in kind.values:
            raise ValueError(f"{name}: {cells[name]!r} is not a known category; expected one of {', '.join(kind.values)}")
        return [float(kind.values.index(str(cells[name])))]
    values = [float(cells[column]) for column in _columns_of(name, kind)]
    if not all(abs(value) <= _LARGEST for value in values):
        raise ValueError(f"{name}: expected at most {_LARGEST:g}")
    if isinstance(kind, FractionsSpec) and (min(values) < 0 or abs(sum(values) - 1) > _ROUNDED):
        raise ValueError(
            f"{name}: fractions {', '.join(f'{value:g}' for value in values)}; expected positive ones with the sum 1"
        )
    if isinstance(kind, WholeNumberSpec) and not values[0].is_integer():
        raise ValueError(f"{name}: {values[0]:g} is not a whole number")
    if isinstance(kind, NumberSpec) and kind.log and values[0] <= 0:
        raise ValueError(f"{name}: {values[0]:g}; its scale is logarithmic, expected a positive number")
    return values


def _encoded(kind: ParameterSpec, values: FloatArray) -> FloatArray:
    """Coordinates in the unit cube, perhaps outside it, at which one parameter has these values."""
    if isinstance(kind, FractionsSpec):
        return np.cumsum(values)[:-1]
    if isinstance(kind, CategorySpec):
        return (values + 0.5) / len(kind.values)
    if isinstance(kind, WholeNumberSpec):
        return (values - kind.low + 0.5) / (kind.high - kind.low + 1)
    if kind.log:
        return np.asarray(np.log(values / kind.low) / np.log(kind.high / kind.low))
    return (values - kind.low) / (kind.high - kind.low)


def _decoded(kind: ParameterSpec, points: FloatArray, sparse: Sequence[Sparse]) -> FloatArray:
    if isinstance(kind, FractionsSpec):
        return _fractions(kind, points, sparse)
    first = points[:, :1]
    if isinstance(kind, CategorySpec):
        return np.minimum(np.floor(first * len(kind.values)), len(kind.values) - 1)
    if isinstance(kind, WholeNumberSpec):
        count = kind.high - kind.low + 1
        return kind.low + np.minimum(np.floor(first * count), count - 1)
    value = kind.low * (kind.high / kind.low) ** first if kind.log else kind.low + (kind.high - kind.low) * first
    if kind.step is not None:
        steps = np.floor((kind.high - kind.low) / kind.step + _SLACK)
        value = kind.low + kind.step * np.clip(np.rint((value - kind.low) / kind.step), 0, steps)
    # Rounded, so that the last digit does not depend on the machine.
    return np.asarray(_rounded(np.clip(value, kind.low, kind.high)), dtype=np.float64)


def _largest(parts: FloatArray, most: int) -> BoolArray:
    """Mask of the largest numbers of each row, at most so many."""
    return np.asarray(np.argsort(np.argsort(-parts, axis=1, kind="stable"), axis=1, kind="stable") < most)


def _fractions(kind: FractionsSpec, points: FloatArray, sparse: Sequence[Sparse]) -> FloatArray:
    """Distances between sorted points of a line are evenly spread over all fractions.

    Where only some parts may differ from zero, the largest stay: hardly a point would have zeros by itself.
    """
    ends = np.zeros((len(points), 1)), np.ones((len(points), 1))
    parts = np.diff(np.hstack((ends[0], np.sort(points, axis=1), ends[1])), axis=1)
    for columns, most in sparse:
        parts[:, columns] = np.where(_largest(parts[:, columns], most), parts[:, columns], 0.0)
    if sparse:
        parts /= parts.sum(axis=1, keepdims=True)
    if kind.step is None:
        return np.asarray(_rounded(parts), dtype=np.float64)
    count = round(1 / kind.step)
    whole = np.floor(parts * count + _SLACK)
    left = (count - whole.sum(axis=1)).astype(int)
    ranks = np.argsort(np.argsort(-(parts * count - whole), axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray((whole + (ranks < left[:, None])) / count, dtype=np.float64)


def _rounded(values: FloatArray) -> FloatArray:
    """Twelve significant digits."""
    with np.errstate(divide="ignore"):
        size = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(np.where(values == 0, 1.0, values)))))
    scale = 10.0 ** (11 - size)
    return np.asarray(np.rint(values * scale) / scale, dtype=np.float64)


def _unit_of(kind: ParameterSpec) -> str | None:
    """Unit of a parameter's column; None: it has none."""
    if isinstance(kind, WholeNumberSpec):
        return None if kind.unit == "1" else kind.unit
    return kind.unit if isinstance(kind, NumberSpec) else None
