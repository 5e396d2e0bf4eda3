"""State of a trainer between two cycles, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.surrogates.potential.problem import Problem


@dataclass(frozen=True)
class Stage:
    """State of a trainer.

    Attributes:
        weights: Shape ``(n_weights,)``.
        memory: The trainer's own state between cycles; empty at the start.
        cycle: Cycles done.
        converged: No further cycle would change anything.
        note: Description of the last cycle.
    """

    weights: FloatArray
    memory: Mapping[str, FloatArray] = field(default_factory=dict)
    cycle: int = 0
    converged: bool = False
    note: str = ""

    def number(self, name: str, otherwise: float) -> float:
        """A number in the trainer's state."""
        return float(self.memory[name][0]) if name in self.memory else otherwise


Cycle = Callable[[Problem, Stage, np.random.Generator], Stage]
"""One cycle of a trainer. All its random numbers come from the given generator."""
