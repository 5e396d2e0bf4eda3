"""A table as a user has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tansaku.models.domain.pool import FloatArray


@dataclass(frozen=True)
class Table:
    """Rows that can be measured.

    Attributes:
        rows: Numbers and categories, as given.
        values: To be minimised, shape ``(n_rows,)``.
    """

    rows: pd.DataFrame
    values: FloatArray

    @property
    def numbers(self) -> list[str]:
        """Names of the columns that are numbers."""
        return [name for name in map(str, self.rows) if pd.api.types.is_numeric_dtype(self.rows[name])]

    @property
    def categories(self) -> list[str]:
        """Names of the columns that are not."""
        return [name for name in map(str, self.rows) if name not in self.numbers]

    def options(self, name: str) -> list[str]:
        """The categories of a column."""
        return sorted(set(self.rows[name]))

    def bounds(self, name: str) -> tuple[float, float]:
        """Smallest and largest number of a column."""
        return float(self.rows[name].min()), float(self.rows[name].max())

    def one_hot(self) -> FloatArray:
        """Numbers, and a column of 0 and 1 for each category, shape ``(n_rows, d)``."""
        return pd.get_dummies(self.rows, columns=self.categories, dtype=float).to_numpy(dtype=float)

    def row(self, place: int) -> dict[str, Any]:
        """One row as parameters."""
        return {
            name: self.rows[name].iloc[place] if name in self.categories else float(self.rows[name].iloc[place])
            for name in map(str, self.rows)
        }

    def nearest(self, asked: Mapping[str, Any], measured: list[int]) -> int:
        """The unmeasured row nearest to asked parameters, columns in units of their range, another category counting one."""
        apart = np.zeros(len(self.rows))
        for name in self.numbers:
            low, high = self.bounds(name)
            apart += np.square((self.rows[name].to_numpy(dtype=float) - float(asked[name])) / ((high - low) or 1.0))
        for name in self.categories:
            apart += (self.rows[name] != asked[name]).to_numpy(dtype=float)
        apart[measured] = np.inf
        return int(np.argmin(apart))
