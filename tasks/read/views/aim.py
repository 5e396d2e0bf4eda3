"""The aim of a campaign in one sentence."""

from __future__ import annotations

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.objective import AllBelowSpec, BestPerSystemSpec, BottleneckSpec, OnHullSpec, TopKSpec
from tansaku.models.domain.wording import counted, headed, in_words
from tansaku.tasks.read.views.campaign import Campaign


def aim_of(campaign: Campaign) -> str:
    """The sentence; without numbers of candidates where the space cannot be opened."""
    spec, prospects = campaign.spec, campaign.prospects
    systems = 1 if prospects is None else len(prospects.pool.systems)
    among = "" if prospects is None else f" among {counted(len(prospects.pool), 'candidate')}"
    return f"{_wanted(spec, systems)}{among}, {_source(spec)}."


def quantity_name(spec: CampaignSpec) -> str:
    """Quantity that is searched, in words, such as ``grain boundary energy``."""
    return in_words(spec.space.description.meant(spec.objective.property) or spec.quantity)


def _wanted(spec: CampaignSpec, systems: int) -> str:
    """Names the result that is wanted.

    Args:
        systems: Number of search problems.
    """
    objective, goal, name = spec.objective, spec.objective.goal, quantity_name(spec)
    is_low = objective.direction == "minimize"
    wanted = f"{'lowest' if is_low else 'highest'} {headed(name, objective.unit)}"
    if said := goal.describe(name, objective.direction):
        return f"Searches for {said}"
    if isinstance(goal, OnHullSpec):
        return "Searches for stable crystals"
    if isinstance(goal, BottleneckSpec):
        return "Searches for the path with the lowest barrier"
    if isinstance(goal, AllBelowSpec):
        return f"Searches for each {name} {'up to' if is_low else 'from'} {goal.threshold}"
    if isinstance(goal, TopKSpec):
        return f"Searches for the {goal.k} {wanted}"
    each = isinstance(goal, BestPerSystemSpec) and systems > 1
    word, _ = spec.space.description.system_words
    return f"Searches for the {wanted}" + (f" of each {word} ({systems})" if each else "")


def _source(spec: CampaignSpec) -> str:
    """Names the origin of values."""
    if spec.calculator is None:
        return "looked up"
    return "reported by people" if spec.manual else f"computed by {spec.calculator.type}"
