"""Detects relaxations with a free translation that ended in the same structure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.campaign import CampaignSpec

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


def slides_freely(spec: CampaignSpec) -> bool:
    """Returns whether the search's relaxations let grains slide, so that candidates are starts and may share a basin."""
    return spec.calculator is not None and spec.calculator.relaxation.translation == "free"


class Basins:
    """The basins of the evaluations seen so far.

    Two structures are considered equal if their energies and their excess openings agree; translations cannot be compared
    directly, because equivalent ones differ by symmetry.
    """

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[float, float, str]]] = defaultdict(list)

    def earlier(self, evaluation: Evaluation) -> str | None:
        """Candidate of the earliest evaluation of the same surface and basin; None if it is this one, or it has no basin.

        Args:
            evaluation: The next one in proposal order.
        """
        opening = excess_opening(evaluation)
        if opening is None or evaluation.outcome is None or evaluation.outcome.value is None:
            return None
        value, surface = evaluation.outcome.value, self._known[evaluation.proposal.surface]
        for energy, width, candidate in surface:
            if abs(value - energy) <= SAME_ENERGY * abs(energy) and abs(opening - width) <= SAME_OPENING:
                return candidate
        surface.append((value, opening, evaluation.proposal.candidate))
        return None


def same_basins(evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """Candidate of the earliest member of a basin, by id of each later member.

    Args:
        evaluations: In proposal order.
    """
    basins = Basins()
    found = ((evaluation.id, basins.earlier(evaluation)) for evaluation in evaluations)
    return {name: candidate for name, candidate in found if candidate is not None}
