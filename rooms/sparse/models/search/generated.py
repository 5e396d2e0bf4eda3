"""Columns generated from others, with their origin: products, ratios, logarithms, powers; screened before the search.

A column named ``mass [kg]`` has a unit: logarithms are taken of dimensionless columns only, and every generated column gets
its unit. Columns without a unit are not checked. Screening keeps the columns that correlate most with the target and are not
a multiple of a column that is already kept (sure independence screening, as SISSO does; doi:10.1103/PhysRevMaterials.2.083802).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tansaku.models.averaging.design import near_one
from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.errors import ConfigurationError, installed

KINDS = ("product", "ratio", "log", "square", "root", "inverse")
KEPT = 30
"""Number of generated columns that pass the screening."""
_SAME = 1.0 - 1e-9
_UNIT = re.compile(r"^(?P<name>.+?)\s*\[(?P<unit>[^\]]+)\]$")


@dataclass(frozen=True, eq=False)
class Generated:
    """A generated column.

    Attributes:
        name: Its formula.
        parents: Names of the columns it is made of.
        kind: One of :data:`KINDS`.
        unit: Its unit; empty if a parent's is not known.
        values: Its values, (n_rows,).
    """

    name: str
    parents: tuple[str, ...]
    kind: str
    unit: str
    values: FloatArray


def units_of(names: Sequence[str]) -> list[Any]:
    """Units that columns have in brackets, as pint's; None where there is none.

    Raises:
        ConfigurationError: A unit is not known.
        MissingComponentError: There are units and pint is not installed.
    """
    found = [_UNIT.match(name) for name in names]
    if not any(found):
        return [None] * len(names)
    with installed("columns with units need the package pint", hint="pip install 'tansaku[sparse]'"):
        from pint import UndefinedUnitError, UnitRegistry
    registry: Any = UnitRegistry()
    units = []
    for name, match in zip(names, found, strict=True):
        try:
            units.append(None if match is None else registry.parse_units(match["unit"]))
        except (UndefinedUnitError, ValueError, TypeError) as error:
            raise ConfigurationError(f"column {name!r}: its unit is not known: {error}") from error
    return units


def candidates(names: Sequence[str], x: FloatArray, kinds: Sequence[str]) -> Iterator[Generated]:
    """All columns of some kinds whose values are finite and whose units allow them."""
    units = units_of(names)
    short = [match["name"] if (match := _UNIT.match(name)) else name for name in names]
    for place, (name, unit) in enumerate(zip(names, units, strict=True)):
        for kind in kinds:
            if kind in ("product", "ratio"):
                continue
            made = _of_single(short[place], x[:, place], unit, kind)
            if made is not None and np.isfinite(made[1]).all():
                yield Generated(made[0], (name,), kind, made[2], made[1])
    for kind in kinds:
        if kind not in ("product", "ratio"):
            continue
        for first in range(len(names)):
            for second in range(len(names)):
                if second == first or (kind == "product" and second < first):
                    continue
                made_of = (names[first], names[second])
                known = units[first] is not None and units[second] is not None
                if kind == "product":
                    unit_name = _text(units[first] * units[second]) if known else ""
                    yield Generated(f"{short[first]}*{short[second]}", made_of, kind, unit_name, x[:, first] * x[:, second])
                elif np.all(x[:, second] != 0.0):
                    unit_name = _text(units[first] / units[second]) if known else ""
                    yield Generated(f"{short[first]}/{short[second]}", made_of, kind, unit_name, x[:, first] / x[:, second])


def _text(unit: Any) -> str:  # noqa: ANN401 - pint's type
    return str(unit) or "dimensionless"


def _of_single(name: str, x: FloatArray, unit: Any, kind: str) -> tuple[str, FloatArray, str] | None:  # noqa: ANN401
    """Name, values and unit of a column made of another; None if it does not exist."""
    known = unit is not None
    if kind == "log" and np.all(x > 0.0) and (not known or unit.dimensionless):
        return f"log({name})", np.log(x), "dimensionless" if known else ""
    if kind == "square":
        return f"{name}^2", x**2, _text(unit**2) if known else ""
    if kind == "root" and np.all(x >= 0.0):
        return f"sqrt({name})", np.sqrt(x), _text(unit**0.5) if known else ""
    if kind == "inverse" and np.all(x != 0.0):
        return f"1/{name}", 1.0 / x, _text(unit**-1) if known else ""
    return None


def generated_table(
    names: Sequence[str], x: FloatArray, y: FloatArray, kinds: Sequence[str], kept: int = KEPT
) -> list[Generated]:
    """Generated columns that pass the screening, those that correlate most with the target first.

    Args:
        names: Of the columns; a unit is in brackets at the end.
        x: Their values, (n_rows, n_columns).
        y: Target.
        kinds: Some of :data:`KINDS`.
        kept: Largest number of columns that pass.
    """
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):  # what does not exist is left out
        made = [column for column in candidates(names, x, kinds) if np.isfinite(column.values).all()]
    near = [near_one(column.values)[0] for column in made]
    varies = [values.std() > 1e-12 * np.abs(values).max() for values in near]
    made = [column for column, varied in zip(made, varies, strict=True) if varied]
    if not made:
        return []
    standard = np.array([_standard(values) for values, varied in zip(near, varies, strict=True) if varied])
    order = np.argsort(-np.abs(standard @ _standard(near_one(y)[0])), kind="stable")
    basis = [_standard(column) for column in near_one(x)[0].T if column.std() > 0.0]
    chosen: list[Generated] = []
    for place in order:
        if len(chosen) == kept:
            break
        if not basis or np.abs(np.array(basis) @ standard[place]).max() < _SAME * len(y):
            chosen.append(made[place])
            basis.append(standard[place])
    return chosen


def _standard(values: FloatArray) -> FloatArray:
    """Values with mean 0 and variance 1."""
    return np.asarray((values - values.mean()) / values.std())
