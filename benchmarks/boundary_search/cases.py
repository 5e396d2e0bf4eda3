"""Boundaries whose lowest energy with any number of atoms is known, and the searches that are compared."""

from __future__ import annotations

from dataclasses import dataclass

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ArmsProposerSpec, GPProposerSpec, ProposerSpec, RandomProposerSpec

METHODS: dict[str, tuple[ProposerSpec, bool]] = {
    "arms": (ArmsProposerSpec(), False),
    "gp": (GPProposerSpec(), False),
    "random": (RandomProposerSpec(), False),
    "grip": (RandomProposerSpec(), True),
}
"""By name: how candidates are chosen, and whether they are annealed.

``grip``: the schedule of GRIP (Chen et al. 2024, doi:10.1038/s41467-024-51330-9): everything at random, molecular dynamics with
probability 0.95 at 300 to 1200 K. Its 5,000 to 300,000 steps are cut to 20,000.
"""

_GRIP = {"probability": 0.95, "temperature": [300 / 1358, 1200 / 1358], "steps": [5000, 20_000], "melting_point": 1358}


@dataclass(frozen=True)
class Case:
    """A boundary of copper (Mishin 2001).

    Attributes:
        known: Lowest known energy with cells of at most ``max_atoms`` [mJ/m^2].
    """

    name: str
    plane: tuple[int, int, int]
    max_atoms: int
    known: float

    def space(self, *, annealed: bool) -> JsonDict:
        """The space as a campaign file gives it."""
        found: JsonDict = {
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.615, "own_lattice_parameter": 3.615},
            "axis": [0, 0, 1],
            "boundaries": {"planes": [list(self.plane)]},
            "cell": {"boundaries": 1, "reach": 5.6},
            "replication": {"max_atoms": self.max_atoms},
            "translation": {"sample": "full"},
        }
        return found | ({"anneal": _GRIP} if annealed else {})


CASES = (Case("cu-s5-210", (2, 1, 0), 300, 942.1), Case("cu-s5-310", (3, 1, 0), 300, 904.7))
