"""Results that no calculation can mean: one of their numbers is larger than its property can be."""

from __future__ import annotations

from collections.abc import Iterator

from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.objectives import OBJECTIVES
from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.states import FailureKind
from tansaku.models.domain.units import recorded_in

ABSURD_VALUE = "absurd_value"
"""Reason of a failed evaluation with a number beyond its limit."""


def absurd(message: str) -> Failure:
    """Returns the failure of an evaluation with a number beyond its limit."""
    return Failure(kind=FailureKind.SCIENCE, reason=ABSURD_VALUE, message=message)


def believable(outcome: Outcome, objective: ObjectiveSpec, space: SpaceSpec) -> Outcome:
    """Returns an outcome; without its value and as a failure if one of its numbers is beyond its limit.

    Args:
        objective: Of the campaign: its value has that unit.
        space: Says whether values are computed: the columns of a table may have any name and unit, so that only the limit for
            all values holds there.
    """
    described = space.description
    wrong = next(_beyond(outcome, objective, described.meant(objective.property), computed=not described.recorded), None)
    if wrong is None or outcome.failure is not None:
        return outcome
    sound = {name: item for name, item in outcome.quantities.items() if abs(item.value) <= LARGEST}
    return outcome.model_copy(update={"value": None, "deviation": None, "failure": absurd(wrong), "quantities": sound})


def _beyond(outcome: Outcome, objective: ObjectiveSpec, meant: str | None, *, computed: bool) -> Iterator[str]:
    """Describes the numbers beyond their limits."""
    numbers = [("value", meant, outcome.value, objective.unit), ("deviation", None, outcome.deviation, objective.unit)]
    numbers += [(name, name, item.value, item.unit) for name, item in outcome.quantities.items()]
    for what, name, number, unit in numbers:
        if number is None:
            continue
        largest, shared = _limit(name if computed else None, unit)
        if not abs(number) <= largest:
            yield f"{what}: {number:.6g} {unit}; expected a size of at most {largest:.6g} {unit}" + (
                "" if shared else f" of {name}"
            )


def _limit(name: str | None, unit: str) -> tuple[float, bool]:
    """Limit of a property in a unit, and whether it is that of all values."""
    about = OBJECTIVES.get(name or "")
    if about is None:
        return LARGEST, True
    try:
        return min(LARGEST, recorded_in(about.largest, about.units[0], unit)), about.largest == LARGEST
    except ValueError:  # a quantity of this name that means something else
        return LARGEST, True
