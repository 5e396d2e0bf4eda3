"""Programs and calculators of a campaign: which there are, and whether this machine can start them."""

from __future__ import annotations

from collections.abc import Iterator

from tansaku.calculators.calculator_registry import require_program
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.campaign import CampaignSpec


def calculators_of(spec: CampaignSpec) -> Iterator[tuple[str, CalculatorSpec]]:
    """Returns all calculators of a campaign by key."""
    several = [("calculator", spec.calculator), ("label.calculator", None if spec.label is None else spec.label.calculator)]
    several += [(f"levels[{i}].calculator", level.calculator) for i, level in enumerate(spec.levels)]
    for key, calculator in several:
        if calculator is not None:
            yield key, calculator
            yield from ((f"{key}.{name}", part) for name, part in calculator.parts.items())


def check_startable(spec: CampaignSpec) -> None:
    """Checks that this machine has the programs which the calculators of a campaign start.

    Raises:
        ConfigurationError: A program of the site is missing or does not start: every evaluation would fail.
        MissingComponentError: The same, of a program that has to be installed.
    """
    for _, calculator in calculators_of(spec):
        require_program(calculator)
