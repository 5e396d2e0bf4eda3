"""Reports on candidates: those that the space does not list, and descriptors that were measured."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tansaku.models.domain.specs.base import PLAIN_TEXT, PositiveFloat, Spec

Cell = float | Annotated[str, Field(min_length=1, max_length=400), PLAIN_TEXT]


class OffPoolSpec(Spec):
    """A candidate that a report of values described.

    Attributes:
        id: Id of the candidate.
        cells: Its values of the table's columns.
        cost: Its cost; null: the median of the listed candidates.
    """

    id: Annotated[str, Field(min_length=1, max_length=200), PLAIN_TEXT]
    cells: dict[Annotated[str, Field(min_length=1, max_length=400), PLAIN_TEXT], Cell]
    cost: PositiveFloat | None = None


class DescribedSpec(Spec):
    """Numbers of one candidate that reports gave.

    Attributes:
        id: Id of the candidate.
        numbers: By column.
    """

    id: Annotated[str, Field(min_length=1, max_length=200), PLAIN_TEXT]
    numbers: dict[Annotated[str, Field(min_length=1, max_length=400), PLAIN_TEXT], float]
