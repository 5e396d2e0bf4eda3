"""A table of candidates as a space: with known values, or without, when they are to be measured."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import tansaku
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.pool import CandidatePool, Compositions, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.ports import DescribedColumn
from tansaku.models.domain.records import Failure, JsonDict, Outcome, Provenance, Quantity
from tansaku.models.domain.specs.column_scale import have_different_units
from tansaku.models.domain.specs.limits import CEILING, LimitsSpec, check_limit
from tansaku.models.domain.specs.off_pool import OffPoolSpec
from tansaku.models.domain.specs.table import FeatureColumnsSpec, FeatureLookupSpec, TableSpaceSpec
from tansaku.models.domain.states import FailureKind
from tansaku.spaces.expectations import Cells, expectation
from tansaku.spaces.table_file import TableColumns, TableFile, TextArray, in_unit

if TYPE_CHECKING:
    from ase import Atoms


_FORMULA_KEY = "space.columns.formula"

_TRUTHS = (("false", "true"), ("no", "yes"))

_DESCRIPTION_COLUMNS = 24
"""A lookup table by system with more columns than this is a descriptor, not a description."""


class TableCandidates:
    """Candidates that are to be measured; implements :class:`DescribingSpace`.

    Args:
        spec: Which tables, and what their columns mean.
        base_path: Folder in which relative paths start.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: A table or column is missing, an id is there twice, a cost is not positive, a feature is not a
            finite number, a key has no row in its lookup table, a surface belongs to two systems, or a table has too many rows.
    """

    def __init__(self, spec: TableSpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> None:
        self._spec = spec
        self._counts: dict[str, Mapping[str, int]] = {}
        self._file = TableFile(base_path / spec.candidates, "space.candidates", spec.sha256)
        self._lookups = {
            name: TableFile(base_path / group.lookup, f"space.features.{name}.lookup", group.sha256)
            for name, group in spec.features.items()
            if isinstance(group, FeatureLookupSpec)
        }
        most = (limits or CEILING).pool
        for file in (self._file, *self._lookups.values()):
            check_limit(limits, "pool", file.rows(most), f"{file.key}: rows of {file.path.name!r}")
        table = self._file.read(self._needed_columns())
        table = table.extended([self._row(table, item) for item in spec.off_pool])
        ids = table.text(spec.columns.id, "space.columns.id", fractions=False)
        table = table.completed(ids, {item.id: item.numbers for item in spec.described}, "space.features")
        # Rank by id is position in the pool; numpy compares the same way as the pool's own check does.
        order = np.argsort(ids, kind="stable").astype(np.intp)
        self._table, self._order = table, order
        self._read_results(table, ids, order)
        self._pool = self._build_pool(table, ids, order)

    def pool(self) -> CandidatePool:
        """All candidates."""
        return self._pool

    def structure(self, candidate: str) -> Atoms:
        """Raises NotFoundError: a table holds no structures."""
        self._pool.positions([candidate])
        raise NotFoundError(
            f"candidate {candidate!r}: the table {self._file.path.name!r} holds values and features, no structures"
        )

    def elements(self) -> frozenset[str]:
        """Returns no elements: a table holds no structures."""
        return frozenset()

    def describe_systems(self) -> list[JsonDict]:
        """One dict per system: its name, its candidates and the columns of a lookup table by system, if there is one."""
        pool = self._pool
        counts = np.bincount(pool.system_codes, minlength=len(pool.systems))
        rows: list[JsonDict] = [
            {"system": name, "candidates": int(count)} for name, count in zip(pool.systems, counts, strict=True)
        ]
        for name, group in self._spec.features.items():
            if isinstance(group, FeatureLookupSpec) and group.key == self._spec.columns.system:
                self._describe(rows, self._lookups[name], group.key)
        return rows

    def columns(self) -> tuple[DescribedColumn, ...]:
        """Allowed values of the columns for a candidate that the table does not list."""
        return self._described

    @cached_property
    def _described(self) -> tuple[DescribedColumn, ...]:
        named, found = self._spec.columns, {}
        for name in (named.system, named.surface, named.formula):
            if name is not None:
                found[name] = DescribedColumn(name, allowed=_categories_of(self._table.text(name, "space.columns")))
        for name, group in self._spec.features.items():
            key = f"space.features.{name}"
            if isinstance(group, FeatureLookupSpec):
                known = self._lookups[name].read([group.key]).text(group.key, f"{key}.key")
                found[group.key] = DescribedColumn(group.key, allowed=_categories_of(known))
                continue
            for column in self._group_columns(group, key):
                if group.categories is None:
                    found[column] = DescribedColumn(column, group.units.get(column), tolerance=group.tolerance.get(column, 0.0))
                    continue
                listed = _categories_of(self._table.categories(column, key))
                found[column] = DescribedColumn(column, allowed=listed if group.categories == "one_hot" else group.categories)
        return tuple(found.values())

    def check_described(self, _candidate: str, cells: Mapping[str, str | float]) -> None:
        """Raises ValueError if a column is missing, or the surface belongs to another system: no table has such a row."""
        if missing := [column.name for column in self.columns() if column.name not in cells]:
            raise ValueError(f"{', '.join(missing)}: must be given too")
        named, pool = self._spec.columns, self._pool
        if named.system is None or named.surface is None:
            return
        surface = np.flatnonzero(pool.surface_codes == pool.surfaces.index(str(cells[named.surface])))[0]
        owner = pool.systems[pool.system_codes[surface]]
        if owner != cells[named.system]:
            raise ValueError(
                f"{named.surface}: {cells[named.surface]!r} is in the system {owner!r}, not {cells[named.system]!r}"
            )

    def descriptions(self, _proposed: Iterable[str]) -> Iterable[tuple[str, tuple[str | float, ...]]]:
        """Ids and cells of all candidates, NaN where a number is still to be measured."""
        cells = (column[self._order].tolist() for column in self._shown.values())
        return zip(self._pool.ids.tolist(), zip(*cells, strict=True), strict=True)

    def cells(self, candidate: str) -> Mapping[str, str | float]:
        """Returns the known cells of a candidate, by column. Raises NotFoundError."""
        row = int(self._order[self._pool.positions([candidate])[0]])
        found = {name: cells[row].item() for name, cells in self._shown.items()}
        return {name: cell for name, cell in found.items() if not (isinstance(cell, float) and np.isnan(cell))}

    @cached_property
    def _shown(self) -> dict[str, FloatArray | TextArray]:
        """Columns that describe candidates, in the order of the file."""
        key = "space.features"
        return {
            column.name: self._table.numbers(column.name, key)
            if column.allowed is None
            else self._table.categories(column.name, key)
            for column in self._described
        }

    def _row(self, table: TableColumns, item: OffPoolSpec) -> dict[str, str | float]:
        """A candidate that the table does not list, as a row of the table."""
        named, cells = self._spec.columns, dict(item.cells)
        cells[named.id] = item.id
        if named.cost is not None:
            listed = table.numbers(named.cost, "space.columns.cost")
            cells[named.cost] = float(np.nanmedian(listed)) if item.cost is None else item.cost
        return cells

    def _read_results(self, table: TableColumns, ids: TextArray, order: IntArray) -> None:
        """Reads nothing: no value is known yet."""

    def _needed_columns(self) -> list[str]:
        """Columns of the candidates table that the spec names."""
        named = self._spec.columns
        needed = [
            self._file.require(name, f"space.columns.{role}")
            for role in ("id", "system", "surface", "value", "cost", "formula")
            if (name := getattr(named, role)) is not None
        ]
        needed += [
            self._file.require(column.column, f"space.columns.quantities.{name}.column")
            for name, column in named.quantities.items()
        ]
        for name, group in self._spec.features.items():
            key = f"space.features.{name}"
            if isinstance(group, FeatureLookupSpec):
                needed.append(self._file.require(group.key, f"{key}.key"))
            else:
                needed.extend(self._group_columns(group, key))
        return needed

    def _group_columns(self, group: FeatureColumnsSpec, key: str) -> tuple[str, ...]:
        named = self._spec.columns
        columns = (named.id, named.system, named.surface, named.value, named.cost, named.formula)
        reserved = [*(name for name in columns if name is not None), *(column.column for column in named.quantities.values())]
        return self._file.matching(group.columns, f"{key}.columns", reserved=reserved)

    def _build_pool(self, table: TableColumns, ids: TextArray, order: IntArray) -> CandidatePool:
        named = self._spec.columns
        ids = ids[order]
        same = np.flatnonzero(ids[1:] == ids[:-1])
        if len(same):
            raise ConfigurationError(f"space.columns.id: id {str(ids[same[0]])!r} is in more than one row of {named.id!r}")
        systems, system_codes = (
            (("all",), np.zeros(len(ids), dtype=np.intp))
            if named.system is None
            else _labels(table.text(named.system, "space.columns.system")[order])
        )
        surfaces, surface_codes = (
            (systems, system_codes)
            if named.surface is None
            else _labels(table.text(named.surface, "space.columns.surface")[order])
        )
        _check_surfaces(systems, system_codes, surfaces, surface_codes)
        groups = {
            name: (
                self._lookup_group(name, group, table, order)
                if isinstance(group, FeatureLookupSpec)
                else self._column_group(name, group, table, order)
            )
            for name, group in self._spec.features.items()
        }
        return CandidatePool(
            ids=ids,
            systems=systems,
            system_codes=system_codes,
            surfaces=surfaces,
            surface_codes=surface_codes,
            groups=groups,
            cost=np.ones(len(ids)) if named.cost is None else self._read_cost(table, named.cost, ids, order),
            expectation=expectation(self._spec.prefers, self._cells, self._in_range),
            compositions=self._compositions(table, ids, order),
        )

    def _compositions(self, table: TableColumns, ids: TextArray, order: IntArray) -> Compositions | None:
        """Compositions by the formulas, None without any; formation energies in a table need no energies of elements."""
        if self._spec.columns.formula is None:
            return None
        from tansaku.spaces.competing import compositions  # with ASE, which other tables do without

        named = table.text(self._spec.columns.formula, _FORMULA_KEY)[order].tolist()
        self._counts = {name: self._counted(name, formula) for name, formula in zip(ids.tolist(), named, strict=True)}
        return compositions(list(self._counts.values()), None, Path(), relative=True)

    @staticmethod
    def _counted(candidate: str, formula: str) -> Mapping[str, int]:
        from tansaku.calculators.workflows.stability import counted

        try:
            return counted(formula, _FORMULA_KEY)
        except ConfigurationError:
            raise  # it says more
        except ValueError as error:
            raise ConfigurationError(
                f"{_FORMULA_KEY}: candidate {candidate!r} has {formula!r}; expected a chemical formula, e.g. Li3PO4"
            ) from error

    def composition(self, candidate: str) -> Mapping[str, int] | None:
        """Returns the atoms of each element in its formula; None in a table without formulas. Raises NotFoundError."""
        self._pool.positions([candidate])
        return self._counts.get(candidate)

    def _cells(self) -> dict[str, Cells]:
        """Cells of all candidates by column, without codes of categories, of which no range means anything."""
        coded = {
            column
            for name, group in self._spec.features.items()
            if isinstance(group, FeatureColumnsSpec) and group.categorical
            for column in self._group_columns(group, f"space.features.{name}")
        }
        return {name: cells[self._order] for name, cells in self._shown.items() if name not in coded}

    def _in_range(self, name: str, values: FloatArray) -> FloatArray:
        """Values in units of the range of their column, any shape."""
        own = np.asarray(self._shown[name], dtype=np.float64)
        return np.asarray(values / (float(np.nanmax(own) - np.nanmin(own)) or 1.0))

    def _read_cost(self, table: TableColumns, column: str, ids: TextArray, order: IntArray) -> FloatArray:
        cost = table.numbers(column, "space.columns.cost")[order]
        bad = np.flatnonzero(~(np.isfinite(cost) & (cost > 0)))
        if len(bad):
            raise ConfigurationError(
                f"space.columns.cost: candidate {str(ids[bad[0]])!r} has the cost {cost[bad[0]]}, expected a positive number"
            )
        return cost

    def _column_group(self, name: str, group: FeatureColumnsSpec, table: TableColumns, order: IntArray) -> FeatureGroup:
        columns = self._group_columns(group, f"space.features.{name}")
        if group.categories is not None:
            codes, names = _encoded(group, name, table, columns)
            return FeatureGroup.compact(name, codes[order], np.arange(len(codes)), tuple(names))
        for key, named in (("units", group.units), ("tolerance", group.tolerance)):
            strangers = [column for column in named if column not in columns]
            if strangers:
                raise ConfigurationError(f"space.features.{name}.{key}: {strangers[0]!r} is not a column of this group")
        free = [column for column in group.prices if column not in columns]
        if free:
            raise ConfigurationError(f"space.features.{name}.prices: {free[0]!r} is not a column of this group")
        rows = _matrix(table, columns, f"space.features.{name}.columns", order, tuple(group.prices))
        found = FeatureGroup.compact(
            name, rows, np.arange(len(rows)), columns, categorical=group.categorical, prices=group.prices
        )
        return _scaled(found, group)

    def _lookup_group(self, name: str, group: FeatureLookupSpec, table: TableColumns, order: IntArray) -> FeatureGroup:
        key, file = f"space.features.{name}", self._lookups[name]
        file.require(group.key, f"{key}.key")
        columns = file.matching(group.columns, f"{key}.columns", reserved=[group.key])
        lookup = file.read([group.key, *columns])
        ours, theirs = _comparable(table, lookup, group.key, f"{key}.key")
        wanted, wanted_codes = np.unique(ours, return_inverse=True)
        order_of_rows = np.argsort(theirs, kind="stable")
        sorted_keys = theirs[order_of_rows]
        twice = np.flatnonzero(sorted_keys[1:] == sorted_keys[:-1])
        if len(twice):
            raise ConfigurationError(f"{key}.lookup: {file.path.name!r} has two rows for {group.key} {sorted_keys[twice[0]]!s}")
        place = np.minimum(np.searchsorted(sorted_keys, wanted), len(sorted_keys) - 1)
        lost = np.flatnonzero(sorted_keys[place] != wanted)
        if len(lost):
            raise ConfigurationError(f"{key}.lookup: {file.path.name!r} has no row for {group.key} {wanted[lost[0]]!s}")
        rows = _matrix(lookup, columns, f"{key}.columns", order_of_rows[place])
        found = FeatureGroup.compact(name, rows, wanted_codes[order], columns, categorical=group.categorical)
        return _scaled(found, group)

    def _describe(self, rows: list[JsonDict], file: TableFile, key: str) -> None:
        """Adds a lookup table's columns to the systems' descriptions."""
        shown = [name for name in file.names if name != key and name not in rows[0]]
        if len(shown) > _DESCRIPTION_COLUMNS:
            return
        lookup = file.read([key, *shown])
        labels = lookup.text(key, "space.features")
        place = {str(label): row for row, label in enumerate(labels)}
        for name in shown:
            try:
                cells: list[float | str] = lookup.numbers(name, name).tolist()
            except ConfigurationError:
                cells = lookup.text(name, name).tolist()
            for row in rows:
                cell = cells[place[row["system"]]] if row["system"] in place else None
                row[name] = None if isinstance(cell, float) and np.isnan(cell) else cell


def _matrix(
    table: TableColumns, columns: tuple[str, ...], key: str, taken: IntArray, incomplete: Collection[str] = ()
) -> FloatArray:
    """Features of the rows ``taken``, shape ``(len(taken), len(columns))``.

    Rows that nobody uses, and the columns named ``incomplete``, may lack numbers.
    """
    rows = np.column_stack([table.numbers(column, key)[taken] for column in columns])
    may_lack = np.array([column in incomplete for column in columns], dtype=bool)
    bad = np.argwhere(~((np.abs(rows) <= LARGEST) | (np.isnan(rows) & may_lack)))
    if len(bad):
        row, column = bad[0]
        there = f"{key}: row {taken[row] + 1} of column {columns[column]!r}"
        if np.isnan(rows[row, column]):
            raise ConfigurationError(f"{there} is empty; fill it in, or leave out the row or the column")
        raise ConfigurationError(f"{there} is {rows[row, column]}; expected a finite number of at most {LARGEST:g}")
    return rows


def _comparable(ours: TableColumns, theirs: TableColumns, name: str, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Key columns of two tables in one type: text with text, numbers with numbers or with what a CSV wrote for them."""
    if ours.is_text(name) and theirs.is_text(name):
        return ours.text(name, key), theirs.text(name, key)
    return ours.numbers(name, key), theirs.numbers(name, key)


def _scaled(found: FeatureGroup, group: FeatureColumnsSpec | FeatureLookupSpec) -> FeatureGroup:
    """The group of features, marked if its columns have different units."""
    units = group.units if isinstance(group, FeatureColumnsSpec) else {}
    return replace(found, mixed=not group.categorical and have_different_units(group.scale, found.columns, units))


def _labels(labels: TextArray) -> tuple[tuple[str, ...], IntArray]:
    """Names in ascending order (as numbers if all are numbers), and the index of each row's name."""
    names, codes = np.unique(labels, return_inverse=True)
    try:
        rank = np.argsort(np.array([float(name) for name in names]), kind="stable")
    except ValueError:
        rank = np.arange(len(names))
    place = np.empty(len(names), dtype=np.intp)
    place[rank] = np.arange(len(names))
    return tuple(str(names[at]) for at in rank), place[codes]


def _check_surfaces(
    systems: tuple[str, ...], system_codes: IntArray, surfaces: tuple[str, ...], surface_codes: IntArray
) -> None:
    pairs = np.unique(surface_codes * len(systems) + system_codes)
    owners = pairs // len(systems)
    shared = np.flatnonzero(owners[1:] == owners[:-1])
    if len(shared):
        at = shared[0]
        first, second = (systems[pair % len(systems)] for pair in pairs[at : at + 2])
        raise ConfigurationError(
            f"space.columns.surface: surface {surfaces[owners[at]]!r} is in the systems {first!r} and {second!r}, "
            "expected one system for each surface",
            hint="join the system's name to the surface's",
        )


def _encoded(group: FeatureColumnsSpec, name: str, table: TableColumns, columns: Sequence[str]) -> tuple[FloatArray, list[str]]:
    """Rows of a group of categories, in the order of the file, shape ``(n_rows, d)``, and the names of their columns.

    With ``one_hot`` a column of two truth values is one column of 0 and 1; any other becomes one column for each category.
    """
    key = f"space.features.{name}"
    rows: list[FloatArray] = []
    names: list[str] = []
    for column in columns:
        cells = table.categories(column, f"{key}.columns")
        if group.categories != "one_hot":
            rows.append(_ranks(cells, group.categories or (), f"{key}.categories", column))
            names.append(column)
            continue
        known = _categories_of(cells)
        if known in _TRUTHS:
            rows.append((cells == known[1]).astype(np.float64))
            names.append(column)
        else:
            rows += [(cells == category).astype(np.float64) for category in known]
            names += [f"{column}={category}" for category in known]
    return np.column_stack(rows), names


def _categories_of(cells: TextArray) -> tuple[str, ...]:
    """The categories that occur, in ascending order."""
    return tuple(np.unique(cells).tolist())


def _ranks(cells: TextArray, order: Sequence[str], key: str, column: str) -> FloatArray:
    rank = {category: place for place, category in enumerate(order)}
    unknown = [(row, cell) for row, cell in enumerate(cells.tolist(), start=1) if cell not in rank]
    if unknown:
        row, cell = unknown[0]
        raise ConfigurationError(f"{key}: row {row} of column {column!r} is {cell!r}; expected one of {', '.join(order)}")
    return np.array([rank[cell] for cell in cells.tolist()], dtype=np.float64)


def open_table(spec: TableSpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> TableCandidates:
    """Opens a table; arguments and errors as of :class:`TableCandidates`."""
    kind = TableCandidates if spec.columns.value is None else TableSpace
    return kind(spec, base_path, limits)


class TableSpace(TableCandidates):
    """A space whose values are known; implements :class:`TabulatedSpace`."""

    def _read_results(self, table: TableColumns, ids: TextArray, order: IntArray) -> None:
        """Reads values and further results."""
        self._values = self._read_values(table, ids)[order]
        self._quantities = {name: self._read_quantity(table, name, ids)[order] for name in self._spec.columns.quantities}

    def values(self) -> FloatArray:
        """Objective of all candidates, NaN where it failed or is too large to be one, shape ``(n_candidates,)``."""
        return _accepted(self._values)

    def quantity(self, name: str, unit: str) -> FloatArray:
        """A further result of all candidates [``unit``], NaN where it has none or none of its size, shape ``(n_candidates,)``.

        Raises:
            ConfigurationError: The spec names no such quantity, or its unit is of another kind.
        """
        named = self._spec.columns.quantities
        if name not in named:
            known = ", ".join(named) or "none"
            raise ConfigurationError(f"space.columns.quantities: {name!r} is not among them; there are {known}")
        try:
            return in_unit(_accepted(self._quantities[name]), named[name].unit, unit)
        except ValueError as error:
            raise ConfigurationError(f"space.columns.quantities.{name}.unit: {error}, as the objective asks") from error

    def recorded(self, candidate: str) -> Outcome:
        """The recorded outcome of a candidate. Raises NotFoundError."""
        position = self._pool.positions([candidate])[0]
        value = float(self._values[position])
        if np.isnan(value):
            failure = Failure(
                kind=FailureKind.SCIENCE, reason="recorded_failure", message="the table holds no value for this candidate"
            )
            return Outcome(failure=failure, provenance=self.provenance)
        quantities = {
            name: Quantity(value=float(self._quantities[name][position]), unit=column.unit)
            for name, column in self._spec.columns.quantities.items()
            if not np.isnan(self._quantities[name][position])
        }
        return Outcome(value=value, quantities=quantities, provenance=self.provenance)

    @cached_property
    def provenance(self) -> Provenance:
        """The table, by content."""
        return Provenance(
            code="table",
            code_version="1",
            model=self._file.path.name,
            model_sha256=self._file.sha256,
            tansaku_version=tansaku.__version__,
        )

    def _read_values(self, table: TableColumns, ids: TextArray) -> FloatArray:
        if self._spec.columns.value is None:
            raise ConfigurationError("space.columns.value: missing; expected the column of the known values")
        return _results(table, self._spec.columns.value, "space.columns.value", ids)

    def _read_quantity(self, table: TableColumns, name: str, ids: TextArray) -> FloatArray:
        return _results(table, self._spec.columns.quantities[name].column, f"space.columns.quantities.{name}.column", ids)


def _accepted(values: FloatArray) -> FloatArray:
    """Values without those that an evaluation would refuse."""
    return np.where(np.abs(values) <= LARGEST, values, np.nan)


def _results(table: TableColumns, column: str, key: str, ids: TextArray) -> FloatArray:
    """Results of evaluations, NaN where they failed, in the order of the file."""
    values = table.numbers(column, key)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise ConfigurationError(
            f"{key}: candidate {str(ids[infinite[0]])!r} has the value {values[infinite[0]]}; "
            "expected a finite number, or NaN for a failed evaluation"
        )
    if np.isnan(values).all():
        raise ConfigurationError(f"{key}: no candidate has a value, all are NaN")
    return values
