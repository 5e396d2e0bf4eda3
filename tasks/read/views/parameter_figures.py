"""Figures of campaigns whose candidates are described by parameters or columns: what was evaluated, and what the model says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import IntArray
from tansaku.models.domain.ports import DescribingSpace, Space
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.specs.objective import Direction
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.campaign_figures import evenly
from tansaku.tasks.read.views.origins import best_place
from tansaku.tasks.read.views.points import contour, importance, slices
from tansaku.tasks.read.views.results import cells_of, row_cells
from tansaku_client.frames import point_column

FIGURES = "parameters"
"""Set of figures that the description of such a space names."""

MOST_AXES = 20
MOST_CATEGORIES = 30
"""Categories of an axis; columns with more are names rather than conditions."""

MOST_LINES = 500
MOST_CANDIDATES, MOST_VALUES = 100_000, 3000
"""Size of a campaign whose model is asked for a page; with more, it takes minutes, or more memory than there is."""

MOST_OPENED = 20_000
"""Candidates of a space that is opened for a table: a page must not wait for a file of many rows."""

Cell = str | float


class ParameterAxis(Record):
    """A parameter as an axis.

    Attributes:
        name: Of the parameter or column.
        unit: Of its numbers; None: none.
        categories: What it may be; None: a number.
    """

    name: str
    unit: str | None
    categories: tuple[str, ...] | None


class ParallelLines(Record):
    """Evaluations with a value as lines over the parameters; lists have one entry for each, the best last.

    Attributes:
        version: Of the campaign.
        quantity: Name of the objective's values.
        unit: Of the objective.
        direction: Whether low or high values are wanted.
        axes: The parameters, the first 20 that have at most 30 categories.
        left_out: Further parameters.
        cells: Of each axis, a list each; None: not known.
        numbers: Of the proposals.
        candidates: Their ids.
        values: Found [``unit``].
        outliers: Whether the value is far from all others.
        count: Evaluations with a value, shown or not.
        best: Number of the best proposal; None: none is an answer.
    """

    version: str
    quantity: str
    unit: str
    direction: Direction
    axes: tuple[ParameterAxis, ...]
    left_out: int
    cells: tuple[tuple[Cell | None, ...], ...]
    numbers: tuple[int, ...]
    candidates: tuple[str, ...]
    values: tuple[float, ...]
    outliers: tuple[bool, ...]
    count: int
    best: int | None


class ParameterSlice(Record):
    """Predictions along a parameter through the best candidate; lists have one entry for each point.

    Attributes:
        along: The parameter.
        at: Its numbers or categories.
        mean: Predicted [``unit``].
        deviation: Standard deviation of the prediction [``unit``].
        best: What the best candidate has.
    """

    along: str
    at: tuple[Cell, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    best: Cell


class ParameterShare(Record):
    """The share of a parameter, or of a group of features, of the variance that all of them cause in the model."""

    name: str
    share: float


class Importance(Record):
    """The importance of parameters or groups of features in the model of the last fit.

    Attributes:
        version: Of the campaign.
        shares: The largest first.
        problem: Why there are none; empty: there are.
    """

    version: str
    shares: tuple[ParameterShare, ...]
    problem: str = ""


class ParameterModel(Record):
    """Slices of the model, and the importance of the parameters.

    Attributes:
        version: Of the campaign.
        evaluation: The last one that the model knows.
        number: Of the best candidate's proposal.
        candidate: The best one.
        slices: Through it, one for each axis.
        shares: The largest first; empty: nothing was fitted yet.
    """

    version: str
    evaluation: int
    number: int
    candidate: str
    slices: tuple[ParameterSlice, ...]
    shares: tuple[ParameterShare, ...]


class ParameterContour(Record):
    """Predictions over two parameters through the best candidate.

    Attributes:
        version: Of the campaign.
        evaluation: The last one that the model knows.
        x: First parameter.
        y: Second parameter.
        at_x: Numbers or categories of the first.
        at_y: Numbers or categories of the second.
        mean: Predicted [``unit``], a list for each of the first.
        deviation: Standard deviation of the prediction [``unit``], as ``mean``.
    """

    version: str
    evaluation: int
    x: str
    y: str
    at_x: tuple[Cell, ...]
    at_y: tuple[Cell, ...]
    mean: tuple[tuple[float, ...], ...]
    deviation: tuple[tuple[float, ...], ...]


def space_of(campaign: Campaign) -> Space:
    """The space, opened once for all readings of it. Raises as :attr:`~tansaku.tasks.read.views.campaign.Campaign.space`."""
    base = Path(campaign.record.base_path)
    return campaign.lasting.get("described space", lambda: open_space(campaign.spec.space, base))


def axes_of(campaign: Campaign) -> tuple[tuple[ParameterAxis, ...], int]:
    """The parameters that are axes, and how many are not."""
    space = space_of(campaign)
    columns = space.columns() if isinstance(space, DescribingSpace) else ()
    few = [column for column in columns if column.allowed is None or len(column.allowed) <= MOST_CATEGORIES]
    units = [None if column.unit == "1" else column.unit for column in few]
    axes = tuple(
        ParameterAxis(name=column.name, unit=unit, categories=column.allowed)
        for column, unit in zip(few[:MOST_AXES], units, strict=False)
    )
    return axes, len(columns) - len(axes)


def described(campaign: Campaign, rows: Sequence[JsonDict]) -> tuple[tuple[ParameterAxis, ...], list[Mapping[str, Cell]]]:
    """Axes of a table but system and surface, and what describes the candidates of some rows of it.

    Nothing where no parameters do, or the space is large or closed.
    """
    numbers = [campaign.spec.space.read_id(str(row["candidate"])) for row in rows]
    if units := {name: unit for found in numbers for name, (_, unit) in found.items()}:
        axes = tuple(
            ParameterAxis(name=name, unit=None if unit == "1" else unit, categories=None) for name, unit in units.items()
        )
        return axes, [{name: value for name, (value, _) in found.items()} for found in numbers]
    prospects = campaign.prospects if campaign.spec.space.description.figures == FIGURES else None
    if prospects is None or len(prospects.pool) > MOST_OPENED:
        return (), []
    space = space_of(campaign)
    axes = tuple(axis for axis in axes_of(campaign)[0] if axis.name not in ("system", "surface"))
    return axes, [row_cells(space, row) for row in rows]


def parallel_lines(campaign: Campaign) -> ParallelLines | None:
    """Evaluations over the parameters, made once for a reading; None: nothing describes candidates, or has a value yet."""
    return campaign.once(ParallelLines, lambda: _lines(campaign))


def _lines(campaign: Campaign) -> ParallelLines | None:
    arrays, space = campaign.columns, space_of(campaign)
    (axes, left_out), valued = axes_of(campaign), _valued(campaign)
    if not axes or not len(valued) or not isinstance(space, DescribingSpace):
        return None
    ordered = valued[np.argsort(-campaign.sign * arrays.values[valued], kind="stable")]
    shown = ordered[evenly(len(ordered), MOST_LINES)]
    rows, best = [space.cells(arrays.candidates[place]) for place in shown], _best(campaign)
    return ParallelLines(
        version=campaign.version,
        quantity=campaign.spec.quantity,
        unit=campaign.spec.objective.unit,
        direction=campaign.spec.objective.direction,
        axes=axes,
        left_out=left_out,
        cells=tuple(tuple(row.get(axis.name) for row in rows) for axis in axes),
        numbers=tuple(arrays.numbers[shown].tolist()),
        candidates=tuple(arrays.candidates[place] for place in shown),
        values=tuple(arrays.values[shown].tolist()),
        outliers=tuple(campaign.outliers[shown].tolist()),
        count=len(valued),
        best=None if best is None else int(arrays.numbers[best]),
    )


def parameter_model(campaign: Campaign) -> ParameterModel:
    """Returns slices of the model and the importance of parameters, made once for a reading.

    Raises:
        ConfigurationError: As :func:`~tansaku.tasks.read.views.points.slices`, or there are too many candidates.
    """
    return campaign.once(ParameterModel, lambda: _model(campaign))


def _model(campaign: Campaign) -> ParameterModel:
    names = _asked(campaign)
    frame = slices(campaign, names)
    place = _best(campaign)
    assert place is not None
    best = cells_of(space_of(campaign), campaign.columns.candidates[place])
    return ParameterModel(
        version=campaign.version,
        evaluation=_last(campaign),
        number=int(campaign.columns.numbers[place]),
        candidate=campaign.columns.candidates[place],
        slices=tuple(
            ParameterSlice(
                along=name,
                at=tuple(rows[point_column(name)].tolist()),
                mean=tuple(rows["mean"].tolist()),
                deviation=tuple(rows["deviation"].tolist()),
                best=best[name],
            )
            for name in names
            if len(rows := frame[frame["along"] == name])
        ),
        shares=asked_importance(campaign).shares,
    )


def asked_importance(campaign: Campaign) -> Importance:
    """The importance of groups of features, or why there is none, made once for a reading."""
    return campaign.once(Importance, lambda: _importance(campaign))


def _importance(campaign: Campaign) -> Importance:
    try:
        shares = importance(campaign)
    except ConfigurationError as error:
        return Importance(version=campaign.version, shares=(), problem=error.message.removeprefix("importance: "))
    found = tuple(ParameterShare(name=str(name), share=share) for name, share in shares.items())
    return Importance(version=campaign.version, shares=found)


def parameter_contour(campaign: Campaign, x: str | None = None, y: str | None = None) -> ParameterContour:
    """Predictions over two parameters, made once for a reading.

    Args:
        x: First parameter; None: what matters most to the model.
        y: Second parameter; None: what matters most of those that can be changed without the first.

    Raises:
        ConfigurationError: As :func:`~tansaku.tasks.read.views.points.contour`, or there are too many candidates.
    """
    names = _asked(campaign)
    for name in filter(None, (x, y)):
        if name not in names:  # before anything is kept under its name
            raise ConfigurationError(f"contour: there is no axis {name[:64]!r}; expected one of {', '.join(names)}")
    if x is None or y is None:
        shares = [share.name for share in parameter_model(campaign).shares if share.name in names]
        ordered = list(dict.fromkeys((*shares, *names)))
        x = x or next((name for name in ordered if name != y), names[0])
        y = y or next((name for name in ordered if name != x and not _same_whole(name, x)), x)
    first, second = x, y
    return campaign.once((ParameterContour, first, second), lambda: _contour(campaign, first, second))


def _same_whole(name: str, other: str) -> bool:
    """Returns whether two parameters are parts of the same fractions."""
    return "." in name and name.split(".")[0] == other.split(".")[0]


def _contour(campaign: Campaign, x: str, y: str) -> ParameterContour:
    frame = contour(campaign, x, y)
    across = list(dict.fromkeys(frame[point_column(x)].tolist()))
    shape = (len(across), len(frame) // len(across))
    mean, deviation = (frame[name].to_numpy().reshape(shape) for name in ("mean", "deviation"))
    return ParameterContour(
        version=campaign.version,
        evaluation=_last(campaign),
        x=x,
        y=y,
        at_x=tuple(across),
        at_y=tuple(frame[point_column(y)].tolist()[: shape[1]]),
        mean=tuple(tuple(row) for row in mean.tolist()),
        deviation=tuple(tuple(row) for row in deviation.tolist()),
    )


def _asked(campaign: Campaign) -> list[str]:
    """Names of the axes. Raises ConfigurationError where a page cannot wait for the model."""
    numbers = {"candidates": (len(campaign.outline), MOST_CANDIDATES), "values": (len(_valued(campaign)), MOST_VALUES)}
    for what, (count, most) in numbers.items():
        if count > most:
            raise ConfigurationError(
                f"the model of {count:,} {what} is not drawn here; expected at most {most:,}",
                hint="`tansaku.Campaign.open(NAME).slices()` in Python has no limit",
            )
    return [axis.name for axis in axes_of(campaign)[0]]


def _valued(campaign: Campaign) -> IntArray:
    """Places of evaluations of the search with a value."""
    return np.flatnonzero(campaign.columns.searched & np.isfinite(campaign.columns.values))


def _best(campaign: Campaign) -> int | None:
    return best_place(campaign.columns, campaign.columns.counted & campaign.keeping, campaign.sign)


def _last(campaign: Campaign) -> int:
    return int(campaign.columns.numbers[_valued(campaign)].max())
