"""What a campaign wants of its objective: goals, as data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from tansaku.models.domain.specs.base import PositiveFloat, PositiveInt, Spec
from tansaku.models.domain.units import parse_quantity


def _with_unit(value: object) -> object:
    parse_quantity(value)
    return value


QuantityText = Annotated[str, BeforeValidator(_with_unit), StringConstraints(strip_whitespace=True)]
"""A number with its unit, such as ``0.3 eV``."""


class BestPerSystemSpec(Spec):
    """The best candidate of every system."""

    type: Literal["best_per_system"] = "best_per_system"


class BestOverallSpec(Spec):
    """The best candidate of all, whichever system it is in."""

    type: Literal["best_overall"] = "best_overall"


class TopKSpec(Spec):
    """The best few candidates of all systems together.

    Attributes:
        k: How many.
    """

    type: Literal["top_k"] = "top_k"
    k: PositiveInt


class AllBelowSpec(Spec):
    """All candidates at or below a threshold; at or above it with ``direction: maximize``.

    Attributes:
        threshold: A number with its unit, such as ``0.3 eV``; it is converted to the objective's unit.
    """

    type: Literal["all_below"] = "all_below"
    threshold: QuantityText


class StopRuleSpec(Spec):
    """When the answer counts as known.

    Attributes:
        within: A number with its unit, such as ``5 mJ/m2``: what is better by less is not worth more money.
        probability: The search stops when nothing better by more than ``within`` remains with this probability, in all systems
            together.
        every: Proposals from one look to the next.
    """

    within: QuantityText
    probability: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    every: PositiveInt = 10


class ConstraintsSpec(Spec):
    """Which candidates are left alone.

    Attributes:
        max_cost: Candidates predicted to be dearer are never proposed [the space's cost unit].
        avoid_failures: Learn from evaluations whose science failed (not converged, atoms overlap) which others will fail, and
            multiply the acquisition by the probability of success. Proposer ``gp`` only.
    """

    max_cost: PositiveFloat | None = None
    avoid_failures: bool = False


GoalSpec = Annotated[BestPerSystemSpec | BestOverallSpec | TopKSpec | AllBelowSpec, Field(discriminator="type")]
