"""A campaign's model at points, candidates or not: predictions, acquisition values, slices and contours; importance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import ConfigurationError, FitError
from tansaku.models.domain.evaluation_columns import RESULTS
from tansaku.models.domain.identifiers import proposal_rng, shown
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.ports import DescribedColumn, DescribingSpace, StructuralSpace
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.origins import best_place
from tansaku.tasks.read.views.predictions import Known, known_model, latest_shares, why_no_shares
from tansaku.tasks.read.views.results import cells_of
from tansaku_client.frames import OF_POINTS, importance_series, points_frame, slices_frame
from tansaku_client.points import StructurePoint

if TYPE_CHECKING:
    import pandas as pd

Points = Sequence[str | JsonDict | StructurePoint] | None
"""Ids of candidates, and columns or structures of points that need not be candidates; None: all candidates."""

_Columns = dict[str, FloatArray]
_Asked = Mapping[str, JsonDict | StructurePoint]

STEPS = 41
"""Points of a slice along a number, besides the best."""

CONTOUR_STEPS = 20
"""Points of a contour along a number, besides the best."""

_ROUNDING = 1e-9
_OF_FRAMES = frozenset((*(column.name for column in RESULTS), "others", "same_basin_as", "strained", *OF_POINTS))
"""Columns of frames of evaluations and points that do not describe a point: a row of such a frame is one too."""


def predicted_points(data: Campaign, points: Points) -> pd.DataFrame:
    """Returns what describes each point, with the current ``mean`` and ``deviation`` of its value.

    Raises:
        ConfigurationError: There is no model or no value yet, or the space cannot express a point.
        NotFoundError: There is no such candidate.
    """

    def expected(known: Known, places: IntArray) -> _Columns:
        mean, deviation = known.proposer.expected(known.pool, known.history, known.hyperparameters)
        return {"mean": data.sign * mean[places], "deviation": deviation[places]}

    return _table(data, points, "predict", expected)


def judged_points(data: Campaign, points: Points) -> pd.DataFrame:
    """Returns what describes each point, with its ``acquisition`` as the next proposal would see it; errors as above."""

    def judged(known: Known, places: IntArray) -> _Columns:
        count, most = len(data.evaluations), data.spec.budget.evaluations
        history = replace(known.history, remaining_evaluations=None if most is None else most - count)
        rng = proposal_rng(data.spec.seed, count + 1)
        return {"acquisition": known.proposer.scores(known.pool, history, places, rng, _refitted(data))}

    return _table(data, points, "acquisition", judged)


def slices(data: Campaign, along: Sequence[str] | None = None) -> pd.DataFrame:
    """Returns predictions along each parameter through the best candidate, as its ``along`` and the columns of predictions.

    Args:
        along: Only these parameters; None: all.

    Raises:
        ConfigurationError: No parameters describe the candidates, no value or model is there, or there are several objectives.
    """
    columns, best = _described_best(data, "slices")
    rows = [
        (name, {**best, **changed})
        for name, column in columns.items()
        if along is None or name in along
        for changed in _along(column, data, best)
    ]
    return slices_frame([name for name, _ in rows], predicted_points(data, [row for _, row in rows]))


def importance(data: Campaign) -> pd.Series[float]:
    """Returns shares of the variance that groups of features cause in the model of the last fit, the largest first.

    Raises:
        ConfigurationError: Nothing was fitted yet, or the proposer has no model over features.
    """
    shares = latest_shares(data)
    if not shares:
        raise ConfigurationError(f"importance: {why_no_shares(data)}")
    return importance_series(shares)


def contour(data: Campaign, x: str, y: str) -> pd.DataFrame:
    """Returns predictions over two parameters through the best candidate, ``y`` running fastest.

    Raises:
        ConfigurationError: As :func:`slices`, or they are no two parameters that can be changed independently.
    """
    columns, best = _described_best(data, "contour")
    for name in (x, y):
        if name not in columns:
            raise ConfigurationError(f"contour: there is no parameter {name[:64]!r}; expected one of {', '.join(columns)}")
    first = list(_along(columns[x], data, best, CONTOUR_STEPS))
    second = list(_along(columns[y], data, best, CONTOUR_STEPS))
    if any(y in changed for changed in first):
        raise ConfigurationError(f"contour: {x} and {y} cannot be changed independently")
    rows = [{**best, **across, **upwards} for across in first for upwards in second]
    return predicted_points(data, rows).reset_index(drop=True)


def _described_best(data: Campaign, verb: str) -> tuple[dict[str, DescribedColumn], JsonDict]:
    """Columns that describe the best candidate, and what describes it. Raises as :func:`slices`."""
    if data.spec.objective.goals:
        raise ConfigurationError(f"{verb}: there are several objectives, so that no candidate need be the best")
    place = best_place(data.columns, data.columns.counted & data.keeping, data.sign)
    if not isinstance(data.space, DescribingSpace) or place is None:
        raise ConfigurationError(f"{verb}: there is no value yet, or no parameters describe the candidates")
    best = cells_of(data.space, data.columns.candidates[place])
    return {column.name: column for column in data.space.columns() if column.name in best}, best


def _refitted(data: Campaign) -> JsonDict | None:
    """Hyper-parameters of the next proposal, which are fitted before it where that is due."""
    known = known_model(data)
    assert known is not None
    fits = [refit.hyperparameters for refit in data.refits if refit.ok and "hyperparameters" in refit.fitted]
    if known.proposer.refit_due(len(known.history.observed), [int(fit["n_observed"]) for fit in fits]):
        with suppress(FitError):
            return known.proposer.fit(known.pool, known.history, known.hyperparameters)
    return known.hyperparameters


def _along(column: DescribedColumn, data: Campaign, best: JsonDict, steps: int = STEPS) -> Iterator[JsonDict]:
    """Differences from the best candidate in the points of a slice: other categories, or numbers that candidates have.

    Args:
        steps: Points along a number, besides the best.
    """
    space, name = data.space, column.name
    assert isinstance(space, DescribingSpace)
    if column.allowed is not None:
        yield from ({name: value} for value in column.allowed)
        return
    at = [item.name for item in space.columns()].index(name)
    found = np.array([cells[at] for _, cells in space.descriptions([])])
    found = found[~np.isnan(found)]
    shares = {key: best[key] for key in best if "." in name and key.split(".")[0] == name.split(".")[0]}
    for value in np.unique([*np.quantile(found, np.linspace(0.0, 1.0, steps), method="nearest"), best[name]]).tolist():
        yield {name: value, **_rest(name, value, shares)}


def _rest(name: str, value: float, shares: JsonDict) -> JsonDict:
    """The other parts of fractions that add up to one, in the proportion that they had; nothing for other numbers."""
    others = {key: share for key, share in shares.items() if key != name}
    total = sum(others.values())
    if not others or abs(total + shares[name] - 1.0) > _ROUNDING:
        return {}
    return {key: (1.0 - value) * (share / total if total else 1.0 / len(others)) for key, share in others.items()}


def _table(data: Campaign, points: Points, verb: str, columns: Callable[[Known, IntArray], _Columns]) -> pd.DataFrame:
    """One row for each point.

    Args:
        points: See :data:`Points`.
        verb: Named in messages.
        columns: What is said of candidates at some positions.
    """
    asked = _named(data, [item for item in points or () if not isinstance(item, str)])
    names = iter(asked)
    ids = None if points is None else [item if isinstance(item, str) else next(names) for item in points]
    there = _with_points(data, asked, verb) if asked else data
    known = known_model(there)
    if known is None:
        raise ConfigurationError(f"{verb}: there is no model, or no value yet")
    if asked:
        known = known._replace(pool=known.pool.with_scales_of(data.pool))
    places = np.arange(len(known.pool)) if ids is None else known.pool.positions(ids)
    chosen = [str(name) for name in known.pool.ids[places]]
    return points_frame(chosen, (cells_of(there.space, name) for name in chosen), columns(known, places))


def _named(data: Campaign, asked: Sequence[JsonDict | StructurePoint]) -> _Asked:
    """Gives each point a name that no candidate has."""
    taken, prefix = set(data.pool.ids) if asked else set(), "point"
    while any(f"{prefix} {number}" in taken for number in range(1, len(asked) + 1)):
        prefix = f"asked {prefix}"
    return {f"{prefix} {number}": item for number, item in enumerate(asked, 1)}


def _with_points(data: Campaign, asked: _Asked, verb: str) -> Campaign:
    """The campaign with further candidates, which nobody proposed."""
    described = {name: item for name, item in asked.items() if not isinstance(item, StructurePoint)}
    return _with_described(data, described, verb) if len(described) == len(asked) else _with_structures(data, asked, verb)


def _with_structures(data: Campaign, asked: _Asked, verb: str) -> Campaign:
    from ase import Atoms

    space, found = data.space, {}
    if not isinstance(space, StructuralSpace):
        raise ConfigurationError(f"{verb}: candidates of a {data.spec.space.type} space are not given by their structures")
    for where, item in asked.items():
        if not isinstance(item, StructurePoint):
            raise ConfigurationError(f"{verb}: {where}: expected a structure or the id of a candidate")
        try:
            found[where] = Atoms(item.elements, item.positions, cell=item.cell, pbc=True, info=dict(item.info))
        except KeyError as error:
            raise ConfigurationError(f"{verb}: {where}: {shown(str(error.args[0]))} is no element") from error
    wider = data.with_space(space.with_structures(found))
    for where, place in zip(found, wider.pool.positions(list(found)), strict=True):
        system = wider.pool.systems[wider.pool.system_codes[place]]
        if system not in data.pool.systems:
            raise ConfigurationError(
                f"{verb}: {where}: it belongs to the system {shown(system)}, of which nothing is searched",
                hint="systems: all makes one system of all structures",
            )
    return wider


def _with_described(data: Campaign, asked: Mapping[str, JsonDict], verb: str) -> Campaign:
    spec, space = data.spec.space, data.space
    if not isinstance(space, DescribingSpace):
        raise ConfigurationError(f"{verb}: points of a {spec.type} space are named by the ids of its candidates")
    rows = [item.model_dump(mode="json") for item in getattr(spec, "off_pool", ())]
    where, columns = "", {column.name for column in space.columns()}
    try:
        for where, cells in asked.items():
            described = {name: cell for name, cell in cells.items() if name in columns or name not in _OF_FRAMES}
            plain = described | dict(_checked(space.columns(), described))
            space.check_described(where, plain)
            rows.append({"id": where, "cells": plain})
        return data.with_spec(data.spec.model_copy(update={"space": spec.with_off_pool(rows)}))
    except ValueError as error:
        raise ConfigurationError(f"{verb}: {where}: {error}") from error


def _checked(columns: Iterable[DescribedColumn], cells: JsonDict) -> Iterator[tuple[str, str | float]]:
    """The cells of a point in their columns. Raises ValueError for one that is no number, or no known category."""
    for column in columns:
        if column.name in cells:
            cell = cells[column.name]
            yield column.name, _finite(column.name, cell) if column.allowed is None else column.category(cell)


def _finite(name: str, cell: object) -> float:
    try:
        number = math.nan if isinstance(cell, bool) else float(cell)  # type: ignore[arg-type] # anything a script gives
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name}: {shown(cell)}; expected a number")
    return number
