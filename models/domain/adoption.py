"""Results that were adopted from another campaign, as outcomes carry them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import AwareDatetime

from tansaku.models.domain.records import Evaluation, Number, Record

ADOPTED = "adopted_from"
"""Property of an adopted outcome: its :class:`Origin` as plain data."""


class Origin(Record):
    """The origin of an adopted result.

    Attributes:
        campaign: Name of the campaign.
        created_at: Distinguishes it from a later campaign of its name.
        number: Its proposal.
        candidate: Id of the candidate there.
        core_seconds: Measured cost of computing it there; None if it was not measured.
    """

    campaign: str
    created_at: AwareDatetime
    number: Number
    candidate: str
    core_seconds: float | None = None

    def describe(self) -> str:
        """Describes the campaign and the proposal in words."""
        return f"{self.campaign}, proposal {self.number}"


def origin_of_outcome(properties: Mapping[str, object]) -> Origin | None:
    """Returns the origin of an outcome with these properties; None if it was computed in its own campaign."""
    found = properties.get(ADOPTED)
    return None if found is None else Origin.model_validate(found)


def adopted_from(evaluation: Evaluation) -> Origin | None:
    """Returns the origin of an evaluation's result; None if it was computed in its own campaign, or there is no result."""
    return None if evaluation.outcome is None else origin_of_outcome(evaluation.outcome.properties)
