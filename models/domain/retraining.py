"""What a campaign keeps of the trainings that its results set off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from tansaku.models.domain.records import Record


class Retrain(Record):
    """A training, stored before it begins.

    Attributes:
        number: Counted from 1.
        at_proposal: The proposal number that it belongs to.
        horizon: Largest number whose result it learns from.
        uses_from: First proposal number that may use it.
        model: Its name in the registry.
        dataset: Content hash of what it learns from: all computed results up to the horizon.
        observations: How many these are.
        reason: Why it was due.
    """

    schema_version: Literal[1] = 1
    kind: Literal["begun"] = "begun"
    campaign: str
    number: Annotated[int, Field(ge=1)]
    at_proposal: int
    horizon: int
    uses_from: int
    model: str
    dataset: str
    observations: int
    reason: Literal["first", "every", "drift"]
    begun_at: AwareDatetime


class RetrainEnd(Record):
    """How a training ended, stored before the first proposal that could use it.

    Attributes:
        number: Of the retrain.
        uses_from: First proposal number that uses it.
        ok: Whether there is a new version.
        version: ``NAME@VERSION``, None without one.
        weights: SHA-256 of the weights in the artifact store.
        promoted: Whether it takes the place of the version before; a worse one is kept and not used.
        message: Why it failed, or was promoted or not.
        seconds: Training took so long [s].
    """

    schema_version: Literal[1] = 1
    kind: Literal["ended"] = "ended"
    campaign: str
    number: Annotated[int, Field(ge=1)]
    uses_from: int
    ok: bool
    version: str | None = None
    weights: str | None = None
    promoted: bool = False
    message: str = ""
    seconds: float = 0.0
    ended_at: AwareDatetime


def in_use(ends: Sequence[RetrainEnd], number: int | None = None) -> RetrainEnd | None:
    """The end of the retrain whose version a proposal uses, None before the first.

    Args:
        ends: In order.
        number: Of the proposal; None: after all of them.
    """
    return next((one for one in reversed(ends) if one.promoted and (number is None or one.uses_from <= number)), None)


def describe(retrain: Retrain, end: RetrainEnd | None) -> str:
    """A retrain in words."""
    what = f"retrain {retrain.number} of {retrain.model} on {retrain.observations} results, for proposal {retrain.at_proposal}"
    if end is None:
        return f"{what} begins"
    if not end.ok:
        return f"{what} failed, the version before stays in use: {end.message}"
    return f"{what}: {end.version}, {'' if end.promoted else 'kept, '}{end.message}"
