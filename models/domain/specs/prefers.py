"""Spec of an expert's expectation: where good candidates are thought to lie, and how much that counts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PLAIN_TEXT, Spec

_Name = Annotated[str, Field(min_length=1, max_length=400), PLAIN_TEXT]
_Bound = Annotated[float, Field(ge=-1e12, le=1e12)]
_Names = Annotated[tuple[_Name, ...], Field(min_length=1, max_length=100)]


class PrefersSpec(Spec):
    """An expectation of where good candidates lie before anything is known. Values override it.

    Attributes:
        within: For each column, such as a parameter, or ``name.part`` of fractions, what is expected to be good: a range of
            numbers, or names of a category. Candidates of which all is expected to be good start one standard deviation of the
            values better than those of which nothing is.
        weight: How much that counts: as if so many results had said so.
    """

    within: Annotated[dict[_Name, tuple[_Bound, _Bound] | _Names], Field(min_length=1, max_length=20)]
    weight: Annotated[float, Field(gt=0, le=1000)] = 3.0

    @model_validator(mode="after")
    def _ranges_rise(self) -> PrefersSpec:
        for name, good in self.ranges.items():
            if good[0] > good[1]:
                raise ValueError(f"within.{name}: {good[0]:g} is above {good[1]:g}; expected the smaller number first")
        return self

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Ranges of numbers, by column."""
        return {name: (good[0], good[1]) for name, good in self.within.items() if isinstance(good[0], float)}

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Names of categories, by column."""
        return {name: tuple(map(str, good)) for name, good in self.within.items() if isinstance(good[0], str)}

    def describe(self) -> str:
        """Returns it in words, such as ``temperature 500 to 700, solvent water; counts as 3 results``."""
        ranges, names = self.ranges, self.names
        parts = [
            f"{name} {ranges[name][0]:g} to {ranges[name][1]:g}" if name in ranges else f"{name} {' or '.join(names[name])}"
            for name in self.within
        ]
        return f"{', '.join(parts)}; counts as {self.weight:g} result{'' if self.weight == 1 else 's'}"
