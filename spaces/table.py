"""A table of candidates as a space: with known values, or without, when they are to be measured."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

import tansaku
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import Failure, Outcome, Provenance, Quantity
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.table import TableSpaceSpec
from tansaku.models.domain.states import FailureKind
from tansaku.models.domain.units import convert
from tansaku.spaces.table_candidates import TableCandidates
from tansaku.spaces.table_file import TableColumns, TextArray


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
            factor = convert(1.0, named[name].unit, unit)
        except ValueError as error:
            raise ConfigurationError(f"space.columns.quantities.{name}.unit: {error}, as the objective asks") from error
        return _accepted(self._quantities[name]) * factor

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
