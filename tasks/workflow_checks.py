"""What can be told of a workflow before anything is spent: whether it finds in a space's structures what it needs."""

from __future__ import annotations

from collections.abc import Sequence

from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import Space
from tansaku.models.domain.specs.calculator import workflow_of
from tansaku.models.domain.specs.campaign import CampaignSpec


def check_phases(spec: CampaignSpec, space: Space, pool: CandidatePool) -> None:
    """Raises ConfigurationError unless every candidate has a mixture of the competing phases to be compared with."""
    workflow = workflow_of(spec.calculator)
    if workflow is None or workflow.phases is None:
        return
    from tansaku.calculators.workflows.stability import energy_above_hull

    for candidate in pool.ids.tolist():
        energy_above_hull(space.structure(candidate).get_chemical_symbols(), 0.0, workflow.phases)


def check_structures(spec: CampaignSpec, space: Space, candidates: Sequence[str]) -> None:
    """Raises ConfigurationError where the first structures as built show that a workflow finds nothing in them to compute."""
    workflow = workflow_of(spec.calculator)
    if workflow is None:
        return
    from tansaku.calculators.workflows.migration_barrier import check_structure

    for candidate in candidates:
        try:
            check_structure(space.structure(candidate), workflow)
        except CalculationError as error:
            raise ConfigurationError(f"calculator.workflow.mechanism: {candidate}: {error.message}") from error
