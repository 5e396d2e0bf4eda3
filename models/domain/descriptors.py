"""Descriptors that a campaign may buy before the next value."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import Record


class DescriptorOffer(Record):
    """Numbers of one column that are expected to gain more per price than the value of any candidate.

    Attributes:
        column: Whose numbers.
        candidates: Of which candidates.
        price: Of all of them, where a value costs 1.
        gain: Expected improvement by the value that is bought next, once they are known [the objective's unit].
        per_price: Gain by the price of the numbers and of that value.
        value_per_price: The same for the value of the best candidate, bought at once.
    """

    column: str
    candidates: tuple[str, ...]
    price: float
    gain: float
    per_price: float
    value_per_price: float


DESCRIPTOR = "descriptor"
"""Kind of the event of a driver that waits for a descriptor: an offer, the ``number`` of the next proposal, and the number of
the campaign's ``commands``."""


@runtime_checkable
class DescriptorBuyer(Protocol):
    """A proposer that weighs descriptors against values."""

    def descriptor(self, pool: CandidatePool, history: History) -> DescriptorOffer | None:
        """The numbers to measure before the next value; None: the value comes first."""
        ...
