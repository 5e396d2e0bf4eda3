"""Checks before anything is computed: calculators and workflows must support the elements and structures of a space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tansaku.calculators.calculator_registry import known_elements
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import Proposer, Space
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit

_SHOWN = 20


def check_elements(spec: CampaignSpec, space: Space, base_path: Path) -> None:
    """Checks that each calculator of a campaign supports the elements of its space.

    Args:
        spec: The campaign.
        space: Its space.
        base_path: Folder in which its relative paths start.

    Raises:
        ConfigurationError: A calculator does not support one of them: every evaluation with it would fail.
        MissingComponentError: A calculator's package is not installed.
    """
    wanted = space.elements()
    if not wanted:
        return
    workflow = workflow_of(spec.calculator)
    wanted |= {workflow.ion} if workflow is not None and workflow.ion is not None else frozenset()
    for key, calculator in _calculators(spec):
        known = known_elements(calculator, base_path)
        if known is not None and (unknown := sorted(wanted - known)):
            there = ", ".join(sorted(known)) if len(known) <= _SHOWN else f"{len(known)} others"
            raise ConfigurationError(
                f"{key}: type {calculator.type} does not support {', '.join(unknown)} of the space; it supports {there}",
                hint="choose a calculator that supports all elements of the space, or remove these elements from the space",
            )


def _calculators(spec: CampaignSpec) -> Iterator[tuple[str, CalculatorSpec]]:
    """Returns all calculators of a campaign by key."""
    several = [("calculator", spec.calculator), ("label.calculator", None if spec.label is None else spec.label.calculator)]
    for key, calculator in several:
        if calculator is not None:
            yield key, calculator
            yield from ((f"{key}.{name}", part) for name, part in calculator.parts.items())


def check_initial(proposer: Proposer, pool: CandidatePool, limits: LimitsSpec) -> None:
    """Raises ConfigurationError if an initial design has more evaluations than the site allows."""
    check_limit(limits, "initial", proposer.initial_count(pool), "proposer.initial_points: evaluations of the initial design")


def check_phases(spec: CampaignSpec, space: Space, pool: CandidatePool) -> None:
    """Raises ConfigurationError unless every candidate has a mixture of the competing phases to be compared with."""
    workflow = workflow_of(spec.calculator)
    if workflow is None or workflow.phases is None:
        return
    from tansaku.calculators.workflows.stability import energy_above_hull

    # Every composition is a mixture of its elements; if all are present, one candidate suffices to test reading the phases.
    elemental = space.elements() <= workflow.phases.keys()
    for candidate in pool.ids[:1].tolist() if elemental else pool.ids.tolist():
        energy_above_hull(space.structure(candidate).get_chemical_symbols(), 0.0, workflow.phases)


def check_structures(spec: CampaignSpec, space: Space, candidates: Sequence[str]) -> None:
    """Raises ConfigurationError if a workflow finds nothing to compute in the first structures of the space."""
    workflow = workflow_of(spec.calculator)
    if workflow is None:
        return
    from tansaku.calculators.workflows.migration_barrier import check_structure

    for candidate in candidates:
        try:
            check_structure(space.structure(candidate), workflow)
        except CalculationError as error:
            raise ConfigurationError(f"calculator.workflow.mechanism: {candidate}: {error.message}") from error
