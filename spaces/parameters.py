"""Parameters as a space: candidates drawn quasi-randomly, and around the best ones found."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import qmc

import tansaku
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.ports import DescribedColumn
from tansaku.models.domain.records import JsonDict, Outcome, Provenance
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.specs.off_pool import OffPoolSpec
from tansaku.models.domain.specs.parameters import CategorySpec, NumberSpec, ParametersSpaceSpec
from tansaku.models.features.standard_functions import STANDARD_FUNCTIONS
from tansaku.spaces.parameter_values import ParameterValues, columns_of

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

    Args:
        spec: The spec.
        base_path: Unused: the spec names no files.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: Too little of the cube of all parameters meets the constraints, there are too many candidates, or
            the space cannot express a reported one.
    """

    def __new__(cls, spec: ParametersSpaceSpec, *_: object, **__: object) -> ParametersSpace:
        """Creates a :class:`FunctionSpace` if the spec has a function."""
        return super().__new__(cls if spec.function is None else FunctionSpace)

    def __init__(
        self,
        spec: ParametersSpaceSpec,
        base_path: Path,  # noqa: ARG002 - every space is opened alike
        limits: LimitsSpec | None = None,
    ) -> None:
        check_limit(limits, "pool", spec.pool, "space.pool: candidates")
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
                kind.unit if isinstance(kind, NumberSpec) else None,
                kind.values if isinstance(kind, CategorySpec) else None,
                (kind.tolerance or 0.0) if isinstance(kind, NumberSpec) else 0.0,
            )
            for key, kind in self._spec.parameters.items()
            for name in columns_of(key, kind)
        )

    def check_described(self, candidate: str, cells: Mapping[str, str | float]) -> None:
        """Raises ValueError for an id that means another candidate; values may lie outside the ranges and constraints."""
        if _OWN_ID.fullmatch(candidate):
            raise ValueError(f"candidate: {candidate!r} is a name as the space gives it; choose another one")
        self._decoder.row(cells)

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
        sobol = qmc.Sobol(self._decoder.drawn, scramble=True, rng=np.random.default_rng(spec.seed))
        found = np.empty((0, self._decoder.drawn))
        seen: set[bytes] = set()
        tried = met = 0
        for _ in range(_ROUNDS):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a number of points that is no power of two
                points = sobol.random(spec.pool)
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
            self.check_described(item.id, item.cells)
        except ValueError as error:
            raise ConfigurationError(f"space.off_pool: {item.id!r}: {error}") from error
        return self._decoder.row(item.cells)

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
        seen: set[bytes] = {row.tobytes() for name, row in zip(names, values, strict=True) if name in needed}
        kept = [i for i, name in enumerate(names) if name in needed or name in self._by_id or _is_new(values[i], seen)]
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
        )

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


def _is_new(row: FloatArray, seen: set[bytes]) -> bool:
    """Returns whether a row has values that were not seen before; marks them as seen."""
    key = row.tobytes()
    new = key not in seen
    seen.add(key)
    return new
