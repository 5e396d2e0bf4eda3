"""What campaign files say of calculator pair_potential. This module imports nothing that computes."""

from __future__ import annotations

from typing import ClassVar, Literal

from tansaku.models.domain.specs.base import PositiveFloat
from tansaku.models.domain.specs.calculators.contract import CalculatorFacts
from tansaku.models.domain.specs.calculators.plugin import PluginCalculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class PairPotentialSpec(PluginCalculator):
    """A pair potential: Morse's, with a smooth end.

    Attributes:
        depth: Depth of the well [eV].
        distance: Distance of two atoms at its bottom [Å].
        relaxation: How every candidate is relaxed.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku_pair_potential.engine", conforms=True, example={"depth": 0.27, "distance": 3.25}
    )

    type: Literal["pair_potential"] = "pair_potential"
    depth: PositiveFloat
    distance: PositiveFloat
    relaxation: RelaxationSpec = RelaxationSpec()
