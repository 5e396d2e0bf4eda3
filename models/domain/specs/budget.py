"""Limits of what a campaign may spend."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, WithJsonSchema, model_validator

from tansaku.models.domain.specs.base import LONGEST_TIME, PositiveFloat, PositiveInt, Spec
from tansaku.models.domain.specs.objective import StopRuleSpec


def _is_text(value: object) -> object:
    # A number would be taken for seconds since 1970.
    if not isinstance(value, str | datetime):
        raise ValueError(f"expected a date and a time with a zone, such as {_MOMENT!r}")
    return value


_MOMENT = "2027-01-31T18:00:00+01:00"
Deadline = Annotated[AwareDatetime, BeforeValidator(_is_text), WithJsonSchema({"type": "string", "format": "date-time"})]


class BudgetSpec(Spec):
    """Limits of what the campaign may spend; it ends at the first limit reached.

    At ``hours``, ``core_hours`` and ``deadline``, evaluations in progress still finish, and final relaxations are left out.

    Attributes:
        cost: Total cost in the space's cost unit (core-seconds where the cost is learned); failures and initial points count.
        fraction: Share of the cost of evaluating all candidates (0.003 = 0.3 %); not where the cost is learned.
        evaluations: Number of proposals.
        hours: Total time during which a driver runs the campaign [h]. Waiting for jobs and outages count; the time between two
            drivers, as after a pause or a kill, does not.
        core_hours: Total core-hours of all evaluations: measured time x cores of every result, failures included.
        deadline: Nothing is proposed from this moment on: date and time with a zone, such as ``2027-01-31T18:00:00+01:00``.
        stop: Stop when the answer is known; without this key the search does not stop for that reason.
        max_failed_fraction: The campaign stops when more than this share of at least 20 finished evaluations failed.
    """

    cost: PositiveFloat | None = None
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    evaluations: PositiveInt | None = None
    hours: Annotated[float, Field(gt=0, le=LONGEST_TIME / 3600)] | None = None
    core_hours: PositiveFloat | None = None
    deadline: Deadline | None = None
    stop: StopRuleSpec | None = None
    max_failed_fraction: Annotated[float, Field(gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _one_cost(self) -> BudgetSpec:
        if self.cost is not None and self.fraction is not None:
            raise ValueError("cost, fraction: both are given; expected one of them")
        return self
