"""A table prepared for the search: standardised columns, centred target, and what may be chosen together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray
from tansaku.models.domain.errors import ConfigurationError


@dataclass(frozen=True)
class Constraints:
    """Columns that may, must or must together be used, and their prices.

    Attributes:
        required: Columns that every support contains.
        excluded: Columns that no support contains.
        groups: Columns that are used together or not at all.
        prices: Price of a column; 1 where none is given. A group is paid once per column.
    """

    required: tuple[int, ...] = ()
    excluded: tuple[int, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    prices: Mapping[int, float] = field(default_factory=dict)

    def check(self, n_columns: int) -> None:
        """Refuses columns that do not exist or contradict each other.

        Raises:
            ConfigurationError: With the column in question.
        """
        grouped = [column for group in self.groups for column in group]
        for column in (*self.required, *self.excluded, *grouped, *self.prices):
            if not 0 <= column < n_columns:
                raise ConfigurationError(f"column {column}: expected 0 to {n_columns - 1}")
        for column in set(self.required) & set(self.excluded):
            raise ConfigurationError(f"column {column} is both required and excluded")
        if len(set(grouped)) < len(grouped):
            raise ConfigurationError("a column belongs to two groups; expected disjoint groups")

    def units(self, n_columns: int) -> tuple[tuple[int, ...], ...]:
        """Returns the units of which supports consist: columns and groups that are neither required nor excluded."""
        fixed = {*self.required, *self.excluded}
        groups = [group for group in self.groups if not fixed & set(group)]
        grouped = {column for group in groups for column in group}
        single = [(column,) for column in range(n_columns) if column not in fixed | grouped]
        return tuple(sorted([*single, *(tuple(sorted(group)) for group in groups)]))

    def price(self, columns: Sequence[int]) -> float:
        """Price of a support."""
        return float(sum(self.prices.get(int(column), 1.0) for column in columns))


def near_one(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Columns divided by powers of two, exactly, so that squares of huge or tiny numbers are no infinity and not 0.

    Args:
        values: (n_rows,) or (n_rows, n_columns).

    Returns:
        Values of at most 1, and the exponents of the powers.
    """
    powers = np.frexp(np.abs(values).max(axis=0, initial=0.0))[1]
    return np.ldexp(values, -powers), powers


@dataclass(frozen=True, eq=False)
class Design:
    """A standardised table.

    Attributes:
        x: Columns with mean 0 and variance 1; constant columns are 0, (n_rows, n_columns).
        y: Target; for a regression with mean 0 and variance 1, else 0 or 1, (n_rows,).
        x_mean: Means of the columns.
        x_scale: Standard deviations of the columns; 1 for constant ones.
        y_mean: Mean of the target; 0 for classes.
        y_scale: Standard deviation of the target; 1 for classes.
        required: Columns of every support.
        units: Columns or groups that supports are made of.
    """

    x: FloatArray
    y: FloatArray
    x_mean: FloatArray
    x_scale: FloatArray
    y_mean: float
    y_scale: float
    required: tuple[int, ...]
    units: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, x: FloatArray, y: FloatArray, constraints: Constraints | None = None, *, classes: bool = False) -> Design:
        """Standardises a table.

        Args:
            x: Columns, (n_rows, n_columns).
            y: Target, (n_rows,).
            constraints: None: every column for itself.
            classes: Whether the target is a class, 0 or 1.
        """
        given = Constraints() if constraints is None else constraints
        given.check(x.shape[1])
        units, required = given.units(x.shape[1]), tuple(sorted(given.required))
        near, powers = near_one(x)
        mean, scale = near.mean(axis=0), near.std(axis=0)
        scale = np.where(scale <= 1e-12 * np.maximum(np.abs(mean), 1e-300), 1.0, scale)
        standard = (near - mean) / scale
        standard[:, np.ptp(x, axis=0) == 0.0] = 0.0
        mean, scale = np.ldexp(mean, powers), np.ldexp(scale, powers)
        if classes:
            return cls(standard, y, mean, scale, 0.0, 1.0, required, units)
        target, power = near_one(y)
        y_mean, y_scale = float(target.mean()), float(target.std()) or 1.0
        target = (target - y_mean) / y_scale
        y_mean, y_scale = float(np.ldexp(y_mean, power)), float(np.ldexp(y_scale, power))
        return cls(standard, target, mean, scale, y_mean, y_scale, required, units)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def n_units(self) -> int:
        """Number of columns and groups to choose from."""
        return len(self.units)

    @property
    def free_columns(self) -> IntArray | None:
        """The column of each unit; None if a unit is a group."""
        if any(len(unit) > 1 for unit in self.units):
            return None
        return np.array([unit[0] for unit in self.units], dtype=np.int64)

    def columns(self, supports: IntArray) -> IntArray:
        """Columns of supports of units, the required ones first, filled up with EMPTY.

        Args:
            supports: Units, filled up with EMPTY, (n_supports, size).
        """
        widest = max((len(unit) for unit in self.units), default=1)
        table = np.full((self.n_units + 1, widest), EMPTY, dtype=np.int64)
        for number, unit in enumerate(self.units):
            table[number, : len(unit)] = unit
        chosen = table[supports].reshape(len(supports), -1)  # EMPTY is the last row of the table
        fixed = np.tile(np.array(self.required, dtype=np.int64), (len(supports), 1))
        return np.concatenate([fixed, chosen], axis=1)
