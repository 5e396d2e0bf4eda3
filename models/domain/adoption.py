"""Results that were adopted from another campaign or a table, as outcomes carry them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AwareDatetime, Field, TypeAdapter

from tansaku.models.domain.records import Evaluation, Number, Outcome, Record

ADOPTED = "adopted_from"
"""Property of an adopted outcome: its :class:`Origin` as plain data."""

KNOWN_BEFORE = "known_before"
"""Property of a reported outcome of a candidate whose result was adopted before: it counts as that one."""


class Origin(Record):
    """The origin of an adopted result.

    Attributes:
        campaign: Name of the campaign; empty for a table.
        created_at: Distinguishes it from a later campaign of its name; None for a table.
        number: Its proposal; of a table the row.
        candidate: Id of the candidate there.
        file: Name of the table; None: the result is that of a campaign.
        core_seconds: Measured cost of computing it there; None if it was not measured.
    """

    campaign: str
    created_at: AwareDatetime | None
    number: Number
    candidate: str
    core_seconds: float | None = None
    file: Annotated[str | None, Field(exclude_if=lambda file: file is None)] = None

    def describe(self) -> str:
        """Describes the campaign and the proposal, or the table and its row, in words."""
        return f"{self.campaign}, proposal {self.number}" if self.file is None else f"{self.file}, row {self.number}"


class Known(Record):
    """One result that may be adopted.

    Attributes:
        origin: Where it was computed.
        outcome: As a job of the campaign that adopts it would have given it.
        candidates: Candidates of that campaign that are known to have it.
    """

    origin: Origin
    outcome: Outcome
    candidates: Annotated[tuple[str, ...], Field(exclude_if=lambda candidates: not candidates)] = ()


Kept = TypeAdapter(dict[str, Known])
"""Results by the key of their structure, those of a table by their candidate."""


def origin_of_outcome(properties: Mapping[str, object]) -> Origin | None:
    """Returns the origin of an outcome with these properties; None if it was computed in its own campaign."""
    found = properties.get(ADOPTED)
    return None if found is None else Origin.model_validate(found)


def is_adopted(evaluation: Evaluation) -> bool:
    """Returns whether the evaluation began with an adopted result, which people may have corrected or measured again."""
    outcome = evaluation.outcome
    return outcome is not None and not outcome.properties.keys().isdisjoint((ADOPTED, KNOWN_BEFORE))


def adopted_from(evaluation: Evaluation) -> Origin | None:
    """Returns the origin of an evaluation's result; None if it was computed in its own campaign, or there is no result."""
    return None if evaluation.outcome is None else origin_of_outcome(evaluation.outcome.properties)
