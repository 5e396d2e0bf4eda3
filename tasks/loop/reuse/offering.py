"""Data with which a process without a database finds the results that a new campaign may adopt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tansaku.models.domain.errors import ConfigurationError, StoreError, TransientError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Evaluation
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.reuse.freezing import computes_the_same, is_own, others_of

MOST_RESULTS = 10_000
"""Results that are offered to a campaign from the dashboard; with more, the command line creates it."""


@dataclass
class Offer:
    """Campaigns that compute the same as a new one, with their results.

    Attributes:
        campaigns: Their records, the oldest first.
        evaluations: Those with a result that may be adopted, by name of the campaign; of their attempts the accepted ones.
        left_out: Campaigns that cannot be read, and why.
    """

    campaigns: list[CampaignRecord] = field(default_factory=list)
    evaluations: dict[str, tuple[Evaluation, ...]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def offer_results(name: str, computation: str, store: CampaignStore, may_view: Callable[[str], bool]) -> Offer:
    """Collects what a new campaign may adopt; opens no space, and therefore no file.

    Args:
        computation: Its :func:`~tansaku.tasks.loop.reuse.keys.computation_key`.
        may_view: Whether its author may see a campaign: of others nothing is offered or said.

    Raises:
        ConfigurationError: There are more than :data:`MOST_RESULTS`.
    """
    offer, count = Offer(), 0
    for record in others_of(name, store, offer.left_out):
        if not may_view(record.name):
            continue
        try:
            if not computes_the_same(stored_spec(record), computation):
                continue
            found = [_slim(evaluation) for evaluation in store.evaluations(record.name) if is_own(evaluation)]
        except TransientError:
            raise
        except (StoreError, ConfigurationError) as error:
            offer.left_out[record.name] = error.message
            continue
        count += len(found)
        if count > MOST_RESULTS:
            raise ConfigurationError(f"more than {MOST_RESULTS:,} results; create this campaign with `tansaku run`")
        offer.campaigns.append(record)
        offer.evaluations[record.name] = tuple(found)
    offer.left_out = {name: why for name, why in offer.left_out.items() if may_view(name)}
    return offer


def _slim(evaluation: Evaluation) -> Evaluation:
    return evaluation.model_copy(update={"attempts": evaluation.attempts[-1:]})
