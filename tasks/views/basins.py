"""Detects relaxations with a free translation that ended in the same structure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tansaku.models.domain.records import Evaluation

SAME_ENERGY = 1e-3
"""Largest relative energy difference within a basin."""

SAME_OPENING = 0.01
"""Largest difference of excess openings within a basin [Å]."""


def excess_opening(evaluation: Evaluation) -> float | None:
    """Opening of a relaxed boundary against the cell built without any [Å]; None where no structure was relaxed."""
    outcome = evaluation.outcome
    if outcome is None or "expansion" not in outcome.quantities or "final_translation" not in outcome.properties:
        return None
    return float(outcome.properties["final_translation"][2] + outcome.quantities["expansion"].value)


def same_basins(evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """Finds evaluations that fell into the basin of an earlier one of the same surface.

    Two structures are considered equal if their energies and their excess openings agree; translations cannot be compared
    directly, because equivalent ones differ by symmetry.

    Args:
        evaluations: In proposal order.

    Returns:
        Candidate of the earliest member of the basin, by id of each later member.
    """
    basins: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    found: dict[str, str] = {}
    for evaluation in evaluations:
        opening = excess_opening(evaluation)
        if opening is None or evaluation.outcome is None or evaluation.outcome.value is None:
            continue
        value, surface = evaluation.outcome.value, basins[evaluation.proposal.surface]
        for energy, width, candidate in surface:
            if abs(value - energy) <= SAME_ENERGY * abs(energy) and abs(opening - width) <= SAME_OPENING:
                found[evaluation.id] = candidate
                break
        else:
            surface.append((value, opening, evaluation.proposal.candidate))
    return found
