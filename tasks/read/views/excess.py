"""Excess volume and stress of boundaries, as results show them."""

from __future__ import annotations

from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.tasks.node.jobs.document import BOUNDARY_STRESS, EXCESS_VOLUME


def excess_volume(evaluation: Evaluation | None) -> float | None:
    """Returns the excess volume per area [Å]; None if it is not known."""
    outcome = evaluation.outcome if evaluation is not None else None
    if outcome is None or EXCESS_VOLUME not in outcome.quantities:
        return None
    return outcome.quantities[EXCESS_VOLUME].value


def boundary_stress(evaluation: Evaluation | None) -> JsonDict | None:
    """Returns the excess stress in the plane per area [J/m^2], by component; None if it is not known."""
    outcome = evaluation.outcome if evaluation is not None else None
    found = {
        name.removeprefix(BOUNDARY_STRESS): quantity.value
        for name, quantity in (outcome.quantities if outcome is not None else {}).items()
        if name.startswith(BOUNDARY_STRESS)
    }
    return found or None


def stress_text(stress: JsonDict | None) -> str | None:
    """The components across and along the tilt axis, for a table; None where they are not known."""
    return None if stress is None else f"{stress['xx']:.2f}, {stress['yy']:.2f}"
