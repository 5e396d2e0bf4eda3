"""Random numbers of a candidate: from its id alone, on every machine and in every version."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from tansaku.models.domain.annealing import AnnealRun
from tansaku.models.domain.pool import IntArray
from tansaku.models.domain.specs.boundary_density import LARGEST_LAMMPS_SEED, AnnealSpec

_DIGITS = 53


@dataclass(frozen=True)
class Draws:
    """Random numbers by name: none depends on how many others were drawn.

    Attributes:
        candidate: Whose they are.
    """

    candidate: str

    def uniform(self, name: str) -> float:
        """A number from 0 to below 1."""
        digest = hashlib.sha256(f"{self.candidate}/{name}".encode()).digest()
        return (int.from_bytes(digest[:8], "big") >> (64 - _DIGITS)) / (1 << _DIGITS)

    def choose(self, count: int, sites: int) -> list[int]:
        """``count`` different numbers below ``sites``, ascending."""
        return sorted(sorted(range(sites), key=lambda site: (self.uniform(f"site {site}"), site))[:count])

    def choose_evenly(self, count: int, rows: IntArray) -> list[int]:
        """``count`` different numbers from rows: as many of each row, give or take one, and evenly spaced in it.

        Args:
            count: At most as many as there are.
            rows: Shape ``(n_rows, length)``.

        Returns:
            Ascending.
        """
        number, length = rows.shape
        longer = sorted(range(number), key=lambda row: (self.uniform(f"row {row}"), row))[: count % number]
        chosen: list[int] = []
        for row in range(number):
            own = count // number + (row in longer)
            begin = self.whole(f"begin {row}", 0, length - 1)
            chosen += [int(rows[row, (begin + place * length // own) % length]) for place in range(own)]
        return sorted(chosen)

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + math.floor(self.uniform(name) * (high - low + 1))


def anneal_of(candidate: str, spec: AnnealSpec | None, element: str) -> AnnealRun | None:
    """Draws the annealing run of a candidate; None: it is not annealed.

    Args:
        candidate: Its id.
        spec: The ranges; None: no candidate is annealed.
        element: Of the crystal.
    """
    draws = Draws(candidate)
    if spec is None or draws.uniform("annealed") >= spec.probability:
        return None
    low, high = spec.temperature
    return AnnealRun(
        temperature=(low + (high - low) * draws.uniform("temperature")) * spec.melting_point_of(element),
        steps=draws.whole("steps", *spec.steps),
        seed=draws.whole("seed", 1, LARGEST_LAMMPS_SEED - 1),
    )
