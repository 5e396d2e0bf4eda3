"""Boundaries whose lowest energy with any number of atoms is known, and the searches that are compared."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ArmsProposerSpec, GPProposerSpec, ProposerBase, RandomProposerSpec

TOLERANCE = 1.0
"""An energy is the known one if it is at most so much above it [mJ/m^2]."""


@dataclass(frozen=True)
class Method:
    """A search.

    Attributes:
        proposer: How candidates are chosen.
        anneal: Molecular dynamics of the space; None: there is none. Without ``temperature`` it has GRIP's.
        even: Whether atoms are removed evenly where a case has given fractions.
    """

    proposer: ProposerBase
    anneal: JsonDict | None = None
    even: bool = True


SHORT: JsonDict = {"probability": 0.5, "temperature": [0.3, 0.9], "steps": [500, 1000]}
"""Molecular dynamics of ten relaxations or so, half of the candidates."""

METHODS = {
    "arms": Method(ArmsProposerSpec(across_systems=True, with_gp=True)),
    "arms-without-gp": Method(ArmsProposerSpec(across_systems=True)),
    "gp": Method(GPProposerSpec()),
    "random": Method(RandomProposerSpec()),
    "grip": Method(RandomProposerSpec(), {"probability": 0.95, "steps": [5000, 20_000]}, even=False),
    "annealed-third": Method(ArmsProposerSpec(), SHORT),
    "annealed-all": Method(ArmsProposerSpec(expensive=1), SHORT),
    "annealed-any": Method(RandomProposerSpec(), SHORT),
}
"""By name.

``grip``: the schedule of GRIP (Chen et al. 2024, doi:10.1038/s41467-024-51330-9): everything at random, molecular dynamics with
probability 0.95 at 300 to 1200 K, with other metals than copper up to the same share of the melting point. Its 5,000 to 300,000
steps are cut to 20,000. ``annealed-third``, ``annealed-all`` and ``annealed-any``: short molecular dynamics of half of the
candidates, which ``arms`` proposes for the best third of the surfaces, as it does unless a file says otherwise, or for all; the
last one is random choice.
"""

CU_MELTS = 1358
"""[K]"""


@dataclass(frozen=True)
class Metal:
    """A crystal and its potential.

    Attributes:
        edge: Of the cubic cell, the potential's own [Å].
        reach: At least the potential's cutoff [Å].
        melting: Melting point, of which GRIP's temperatures are shares [K].
        sha1: Of the potential's file, where LAMMPS does not bring it.
    """

    element: str
    structure: str
    edge: float
    potential: str
    reach: float
    melting: float
    sha1: str | None = None

    def missing(self, folder: Path) -> str | None:
        """Reason why its potential cannot be used with a folder of potentials, None where it can."""
        if self.sha1 is None:
            return None
        file = folder / self.potential
        if not file.is_file():
            return f"{file}: not there; give the folder of {self.potential} as --potential"
        found = hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()
        return None if found == self.sha1 else f"{file}: another potential, with SHA-1 {found}; expected {self.sha1}"

    def anneal(self, of: JsonDict) -> JsonDict:
        """A method's molecular dynamics, at GRIP's temperatures where it names none."""
        return {"temperature": [300 / self.melting, 1200 / CU_MELTS], "melting_point": self.melting} | of


CU = Metal("Cu", "fcc", 3.615, "Cu_mishin1.eam.alloy", 5.6, CU_MELTS)
AL = Metal("Al", "fcc", 4.05, "NiAlH_jea.eam.alloy", 7, 933)
AL99 = Metal("Al", "fcc", 4.05, "Al99.eam.alloy", 7, 933, "fd0ef42ac3c46795a88edf53b07a4d4b331b64a7")
"""Mishin et al. 1999."""
FE = Metal("Fe", "bcc", 2.8553, "Fe_mm.eam.fs", 5.6, 1811)


WHOLE_PERIOD: JsonDict = {
    "normal": [0.3],
    "in_plane": {"step": 0.3},
    "along_axis": {"step": 0.3},
    "positions": "general",
}


@dataclass(frozen=True)
class Case:
    """A boundary.

    Attributes:
        known: Lowest known energy with cells of at most ``max_atoms`` [mJ/m^2].
        longest: Repeats along the tilt axis, at most.
        fractions: Of a plane; None: all. Where they are given, atoms are removed evenly, but for GRIP's schedule.
        whole: Whether atoms leave in whole planes only: the candidates are the translations of the whole period, from general
            positions. GRIP's schedule has any number of atoms.
        fmax: Largest force at convergence [eV/Å].
        seconds: Most core-seconds of a search, in place of the command's.
    """

    name: str
    metal: Metal
    axis: tuple[int, int, int]
    plane: tuple[int, int, int]
    max_atoms: int
    known: float
    longest: int = 11
    fractions: tuple[float, ...] | None = None
    whole: bool = False
    fmax: float = 0.01
    seconds: float | None = None

    def space(self, method: Method) -> JsonDict:
        """The space of a method as a campaign file gives it."""
        metal = self.metal
        found: JsonDict = {
            "type": "grain_boundary",
            "crystal": {
                "structure": metal.structure,
                "element": metal.element,
                "lattice_parameter": metal.edge,
                "own_lattice_parameter": metal.edge,
            },
            "axis": list(self.axis),
            "boundaries": {"planes": [list(self.plane)]},
            "cell": {"boundaries": 1, "reach": metal.reach},
        }
        if self.whole and method.anneal is None:
            return found | {"translation": WHOLE_PERIOD}
        found["replication"] = {"max_atoms": self.max_atoms, "max": [2, self.longest]}
        found["translation"] = {"sample": "full"}
        if self.fractions is not None:
            found["atoms"] = {"fractions": list(self.fractions), "even": int(method.even)}
        return found | ({"anneal": metal.anneal(method.anneal)} if method.anneal else {})


CASES = (
    Case("cu-s5-210", CU, (0, 0, 1), (2, 1, 0), 300, 942.1),
    Case("cu-s5-310", CU, (0, 0, 1), (3, 1, 0), 300, 904.7),
    Case("al-s3-112", AL, (1, 1, 0), (1, 1, 2), 300, 158.0),
    Case("fe-s5-310", FE, (0, 0, 1), (3, 1, 0), 300, 986.7),
    Case("cu-s13-320", CU, (0, 0, 1), (3, 2, 0), 300, 789.7),
    Case("cu-s13-510", CU, (0, 0, 1), (5, 1, 0), 300, 864.4),
    Case("al-s9-114", AL, (1, 1, 0), (1, 1, 4), 300, 176.7),
    Case("al-s9-221", AL, (1, 1, 0), (2, 2, 1), 300, 201.8),
    Case("al-s11-332", AL, (1, 1, 0), (3, 3, 2), 300, 205.6),
    Case("fe-s5-210", FE, (0, 0, 1), (2, 1, 0), 300, 1096.2),
    Case("fe-s3-112", FE, (1, 1, 0), (1, 1, 2), 300, 262.9),
    Case("fe-s11-332", FE, (1, 1, 0), (3, 3, 2), 300, 1018.0),
    Case("cu-s5-210-long", CU, (0, 0, 1), (2, 1, 0), 1500, 936.2, fractions=(0.4286, 0.4444, 0.4545, 0.5)),
    Case("al-s89-229", AL99, (1, 1, 0), (2, 2, 9), 600, 364.4, whole=True, fmax=0.005, seconds=40),
    Case("al-s33-118", AL99, (1, 1, 0), (1, 1, 8), 600, 399.0, whole=True, fmax=0.005, seconds=40),
    Case("al-s33-554", AL99, (1, 1, 0), (5, 5, 4), 600, 319.0, whole=True, fmax=0.005, seconds=40),
    Case("al-s59-3-3-10", AL99, (1, 1, 0), (3, 3, 10), 620, 284.0, whole=True, fmax=0.005, seconds=40),
    Case("al-s67-776", AL99, (1, 1, 0), (7, 7, 6), 700, 278.4, whole=True, fmax=0.005, seconds=40),
    Case("al-s57-227", AL99, (1, 1, 0), (2, 2, 7), 600, 302.4, whole=True, fmax=0.005, seconds=40),
    Case("al-s19-116", AL99, (1, 1, 0), (1, 1, 6), 600, 386.7, whole=True, fmax=0.005, seconds=40),
    Case("al-s27-115", AL99, (1, 1, 0), (1, 1, 5), 600, 355.7, whole=True, fmax=0.005, seconds=40),
    Case("al99-s11-332", AL99, (1, 1, 0), (3, 3, 2), 600, 387.8, whole=True, fmax=0.005, seconds=40),
    Case("al99-s9-114", AL99, (1, 1, 0), (1, 1, 4), 600, 330.8, whole=True, fmax=0.005, seconds=40),
    Case("cu-s5-210-43", CU, (0, 0, 1), (2, 1, 0), 900, 941.3, longest=7, fractions=(0.4286,), fmax=0.005, seconds=40),
    Case("cu-s5-310-40", CU, (0, 0, 1), (3, 1, 0), 900, 910.8, longest=5, fractions=(0.4,), fmax=0.005, seconds=40),
)
"""Twelve boundaries of the pools, whose lowest energies they are, one in a cell of 1 x 11, and those of issue 22.

Ten of these are aluminium's with whole planes: independent builders found 364.0, 398.8, 318.6, 279.3 and 277.0 for the first
five, of which those here are the energies in grains of 14 Å, and the same within 1 for the others. Two are copper's with a
given fraction, in cells of 1 x 7 and 2 x 5.
"""
