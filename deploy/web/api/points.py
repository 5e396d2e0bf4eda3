"""A campaign's model: /predictions, /acquisitions, /slices and /importance below /api/v1/campaigns/NAME."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import Record
from tansaku.tasks.act.measurements.waiting import Cells
from tansaku.tasks.read.views.campaign import Campaign
from tansaku_client.frames import OF_POINTS, point_column
from tansaku_client.points import StructurePoint

if TYPE_CHECKING:
    import pandas as pd

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])
MOST_POINTS = 500
"""Points of one request."""

MOST_CANDIDATES = 20_000
"""Candidates of a request about all of them."""

Point = str | Cells | StructurePoint


class Points(Body):
    """Ids of candidates, columns or structures of points that need not be; null: all candidates, 20,000 at most."""

    points: list[Point] | None = Field(default=None, max_length=MOST_POINTS, examples=[["a", {"x": 0.5}]])


class PredictedPoint(Record):
    """A predicted point.

    Attributes:
        candidate: Its id.
        cells: Describes it.
        mean: Predicted value [the objective's unit].
        deviation: Standard deviation of the prediction, same unit.
    """

    candidate: str
    cells: Cells
    mean: float
    deviation: float


class JudgedPoint(Record):
    """A point with its acquisition value.

    Attributes:
        candidate: Its id.
        cells: Describes it.
        acquisition: The highest is proposed next; null: it is never proposed.
    """

    candidate: str
    cells: Cells
    acquisition: float | None


class SlicePoint(Record):
    """A predicted point of a slice.

    Attributes:
        along: Parameter in which it differs from the best candidate.
        cells: Describes it.
        mean: Predicted value [the objective's unit].
        deviation: Standard deviation of the prediction, same unit.
    """

    along: str
    cells: Cells
    mean: float
    deviation: float


class Share(Record):
    """A group of features, and its share of the variance that all groups cause.

    Attributes:
        group: Its name.
        share: Between 0 and 1.
    """

    group: str
    share: float


@router.post("/{name}/predictions")
def predict(request: Request, _: Viewer, name: str, asked: Points) -> list[PredictedPoint]:
    """Predicts the value at points, with all that is known now; stores nothing."""
    from tansaku.tasks.read.views.points import predicted_points

    frame = predicted_points(_reading(request, name, asked), asked.points)
    found = zip(frame.index, _cells(frame, "mean", "deviation"), frame["mean"], frame["deviation"], strict=True)
    return [PredictedPoint(candidate=str(point), cells=of, mean=mean, deviation=spread) for point, of, mean, spread in found]


@router.post("/{name}/acquisitions")
def judge(request: Request, _: Viewer, name: str, asked: Points) -> list[JudgedPoint]:
    """Scores points as the next proposal would; stores nothing."""
    from tansaku.tasks.read.views.points import judged_points

    frame = judged_points(_reading(request, name, asked), asked.points)
    found = zip(frame.index, _cells(frame, "acquisition"), frame["acquisition"], strict=True)
    return [
        JudgedPoint(candidate=str(point), cells=of, acquisition=score if math.isfinite(score) else None)
        for point, of, score in found
    ]


@router.get("/{name}/slices")
def slices(request: Request, _: Viewer, name: str) -> list[SlicePoint]:
    """Predicts along each parameter through the best candidate."""
    from tansaku.tasks.read.views.points import slices as slices_of

    frame = slices_of(services_of(request).readings.reading(name))
    found = zip(frame["along"], _cells(frame, "along", "mean", "deviation"), frame["mean"], frame["deviation"], strict=True)
    return [SlicePoint(along=along, cells=of, mean=mean, deviation=spread) for along, of, mean, spread in found]


@router.get("/{name}/importance")
def importance(request: Request, _: Viewer, name: str) -> list[Share]:
    """Shares of the variance that groups of features cause in the model of the last fit, the largest first."""
    from tansaku.tasks.read.views.points import importance as shares_of

    shares = shares_of(services_of(request).readings.reading(name))
    return [Share(group=str(group), share=share) for group, share in shares.items()]


def _reading(request: Request, name: str, asked: Points) -> Campaign:
    """The campaign of a request. Raises FieldError where it asks about too many candidates."""
    reading = services_of(request).readings.reading(name)
    if asked.points is None and len(reading.pool) > MOST_CANDIDATES:
        raise FieldError("points", f"there are {len(reading.pool):,} candidates; name up to {MOST_POINTS} of them")
    return reading


def _cells(frame: pd.DataFrame, *others: str) -> list[Cells]:
    """Descriptions of the points of a frame; a column that a point lacks is left out.

    Args:
        others: Columns that do not describe it.
    """
    described = frame.drop(columns=list(others)).rename(columns={point_column(name): name for name in OF_POINTS})
    rows = described.to_dict("records")
    return [{str(key): cell for key, cell in row.items() if isinstance(cell, str) or math.isfinite(cell)} for row in rows]
