"""Specs of cheaper levels at which candidates may be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import PLAIN_TEXT, PositiveFloat, Spec
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.units import Unit

Relation: TypeAlias = Literal["rises", "falls", "unknown"]

_Column = Annotated[str, Field(min_length=1, max_length=400), PLAIN_TEXT]


WANTED = "full"
"""Name of the level that a campaign wants."""


class LevelSpec(Spec):
    """A cheaper level at which a candidate may be looked at before its full evaluation.

    Attributes:
        name: Of the level in results.
        cost: Of a look: as a share of the full evaluation's cost; or, in a table, the column of the costs of looks, in the unit
            of ``space.columns.cost``.
        column: In a table: column of the level's values; an empty cell is a failed look.
        calculator: Else: keys that replace those of the campaign's calculator, or another calculator; not where values are
            reported.
        resumes: Whether more expensive levels begin from the relaxed structure of a look. In a table: whether they cost less
            after it.
        spares: Share of their cost that a look then spares; None: the look's own share of the full cost.
        relation: ``rises`` with the wanted value, ``falls``, or ``unknown``: whichever explains the values better. A level may
            be another quantity in another unit.
        unit: Of the level's values where these are recorded or reported; null: that of the objective.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
    cost: Annotated[PositiveFloat, Field(lt=1)] | _Column
    column: _Column | None = None
    calculator: CalculatorSpec | None = None
    resumes: Annotated[bool, Field(exclude_if=lambda resumes: not resumes)] = False
    spares: Annotated[PositiveFloat | None, Field(lt=1, exclude_if=lambda spares: spares is None)] = None
    relation: Annotated[Relation, Field(exclude_if=lambda relation: relation == "rises")] = "rises"
    unit: Annotated[Unit | None, Field(exclude_if=lambda unit: unit is None)] = None


def check_levels(levels: Sequence[LevelSpec], full: CalculatorSpec | None, *, recorded: bool, priced: bool) -> None:
    """Checks the levels of a campaign.

    Args:
        levels: Of a campaign.
        full: Its calculator.
        recorded: Whether the space records values, so that a look is a column.
        priced: Whether it records costs.

    Raises:
        ValueError: One lacks its column or calculator, or has what the space cannot use.
    """
    wanted, other = ("column", "calculator") if recorded else ("calculator", "column")
    for i, level in enumerate(levels):
        if level.name == WANTED:
            raise ValueError(f"levels[{i}].name: {WANTED!r} is the level that the campaign wants; expected another name")
        if level.name in [before.name for before in levels[:i]]:
            raise ValueError(f"levels[{i}].name: {level.name!r} is there twice")
        if level.column is not None and level.column in [before.column for before in levels[:i]]:
            raise ValueError(f"levels[{i}].column: {level.column!r} is there twice")
        if getattr(level, other) is not None:
            raise ValueError(f"levels[{i}].{other}: the space {'records' if recorded else 'has no'} values; expected {wanted}")
        if level.spares is not None and not level.resumes:
            raise ValueError(f"levels[{i}].spares: {level.spares:g}; only a look with resumes: true spares a cost")
        if level.unit is not None and not (recorded or (full is not None and full.facts.manual)):
            raise ValueError(f"levels[{i}].unit: {level.unit!r}; values are computed in the objective's unit, remove it")
        if level.calculator is not None and level.calculator == full and not full.facts.manual:
            raise ValueError(f"levels[{i}].calculator: that of the campaign; expected keys that differ")
        if getattr(level, wanted) is None:
            raise ValueError(f"levels[{i}].{wanted}: missing; a look needs it")
        if isinstance(level.cost, str) and not priced:
            hint = "; a column needs space.columns.cost" if recorded else ""
            raise ValueError(f"levels[{i}].cost: {level.cost!r}; expected a share of the full cost, between 0 and 1{hint}")


def completed(data: Mapping[str, object]) -> Mapping[str, object]:
    """A campaign's plain data whose levels have whole calculators.

    Args:
        data: In whose levels a calculator without ``type``, or none, has only the keys that differ from the campaign's.
    """
    levels, calculator = data.get("levels"), data.get("calculator")
    if not isinstance(levels, list | tuple) or not isinstance(calculator, Mapping):
        return data
    return {**data, "levels": [_completed(level, calculator) for level in levels]}


def _completed(level: object, calculator: Mapping[str, object]) -> object:
    if not isinstance(level, Mapping):
        return level
    own = level.get("calculator")
    own = {} if own is None and level.get("column") is None else own
    if not isinstance(own, Mapping) or "type" in own:
        return level
    return {**level, "calculator": _merged(calculator, own)}


def _merged(old: Mapping[str, object], new: Mapping[str, object]) -> JsonDict:
    found: JsonDict = dict(old)
    for key, value in new.items():
        before = found.get(key)
        found[key] = _merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return found
