"""Bond-valence sums of a structure that has only been built, not relaxed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tansaku.calculators.structures.ion_data import bond_valence_length
from tansaku.calculators.structures.parent import Parent
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion

SOFTNESS = 0.37
"""Decay of a bond's valence with its length [Å], https://doi.org/10.1107/S0108768190011041."""


def bond_valence_sums(parent: Parent, ions: Mapping[str, Ion], factor: float) -> dict[str, float]:
    """Sum of the valences exp((R - d) / b) of an atom's bonds to ions of the other sign, mean over the atoms of each site [e].

    Args:
        ions: Ion of each site.
        factor: The cell's lengths over the parent's.

    Raises:
        ConfigurationError: No bond-valence parameters are tabulated for a pair of ions.
    """
    names = list(parent.multiplicity)
    sums = dict.fromkeys(names, 0.0)
    for (cation, anion), distances in parent.opposite_distances.items():
        length = bond_valence_length(ions[cation], ions[anion])
        if length is None:
            raise ConfigurationError(
                f"no bond-valence parameters are tabulated for {ions[cation]} and {ions[anion]}", hint="leave one of them out"
            )
        valence = float(np.exp((length - factor * distances) / SOFTNESS).sum())
        sums[cation] += valence / parent.multiplicity[cation]
        sums[anion] += valence / parent.multiplicity[anion]
    return sums
