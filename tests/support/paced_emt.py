"""ASE's EMT for tests that stop processes in the middle of a relaxation: it takes as long as ASE's, but mostly sleeps."""

from __future__ import annotations

import time
from typing import Any

import ase.calculators.emt
from ase.calculators.emt import EMT

from tansaku.calculators.engines.emt import PairwiseEMT

PER_ATOM = 6e-5
"""What an evaluation takes [s]: ASE's loop over the atoms, on the machine on which these tests were written."""


class PacedEMT(PairwiseEMT):
    """The same energies and forces, after a time that grows with the number of atoms."""

    def __init__(self, **keywords: Any) -> None:
        EMT.__init__(self, **keywords)

    def calculate(self, *arguments: Any, **options: Any) -> None:
        until = time.monotonic() + PER_ATOM * len(arguments[0] if arguments else options["atoms"])
        super().calculate(*arguments, **options)
        time.sleep(max(0.0, until - time.monotonic()))


def pace() -> None:
    """From now on this process finds the paced EMT where ASE's was: calculators of type ase open it by name."""
    ase.calculators.emt.EMT = PacedEMT
