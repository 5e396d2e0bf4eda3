"""Effective-medium theory: spec and facts."""

from __future__ import annotations

from typing import ClassVar, Literal

from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class EmtSpec(CalculatorBase):
    """Effective-medium theory of ASE, a cheap stand-in for tests and examples (Al, Cu, Ag, Au, Ni, Pd, Pt).

    Attributes:
        relaxation: How every candidate is relaxed.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.emt",
        code="ase-emt",
        licence=Licence("LGPL-2.1-or-later", "metadata of the package ase, which has the parameters"),
        elements=frozenset(("Al", "Cu", "Ag", "Au", "Ni", "Pd", "Pt", "H", "C", "N", "O")),
        silent=True,
        keeps_unconverged=True,
        atomic_energies=True,
    )

    type: Literal["emt"] = "emt"
    relaxation: RelaxationSpec = RelaxationSpec()
