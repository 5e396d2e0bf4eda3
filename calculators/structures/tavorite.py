"""The tavorite prototype A M X O4 Z: chains of corner-sharing MO4Z2 octahedra joined by XO4 tetrahedra, space group P-1.

Cell and coordinates are those of LiVPO4F refined by Ateba Mba et al., Chem. Mater. 24, 1223 (2012), ICSD 184601,
shifted so that M stands on the inversion centres (0, 0, 0) and (0, 0, ½).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from ase import Atoms
from ase.cell import Cell

from tansaku.calculators.structures.parent import Parent
from tansaku.calculators.structures.substitution import substitute
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion

TAVORITE_SITES = ("A", "M", "X", "Z")
"""Sites that take other ions; the oxygens on ``O`` stay."""

_CELL = (5.1708, 5.3083, 7.2631, 107.6, 107.97, 98.4)
_CENTRES = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.5))
_GENERAL = (
    ("A", (0.7090, 0.3930, 0.2210)),
    ("X", (0.3193, 0.6456, 0.2514)),
    ("Z", (-0.1204, 0.0925, 0.2439)),
    ("O", (0.3690, 0.2446, 0.5811)),
    ("O", (0.1140, 0.6696, 0.3628)),
    ("O", (0.3210, 0.3380, 0.1388)),
    ("O", (0.2775, 0.7968, 0.0920)),
)


@lru_cache(maxsize=1)
def tavorite() -> Parent:
    """The parent: LiVPO4F, 16 atoms."""
    pairs = [(site, sign * np.array(place)) for site, place in _GENERAL for sign in (1, -1)]
    places = [*(("M", np.array(centre)) for centre in _CENTRES), *pairs]
    return Parent(
        name="tavorite",
        cell=np.asarray(Cell.fromcellpar(_CELL)[:]),
        fractions=np.array([place for _, place in places]),
        sites=tuple(site for site, _ in places),
        ions={"A": Ion("Li", 1), "M": Ion("V", 3), "X": Ion("P", 5), "Z": Ion("F", -1), "O": Ion("O", -2)},
        mobile="A",
    )


def build_tavorite(ions: Mapping[str, Ion | str]) -> Atoms:
    """A tavorite with the given ions, unrelaxed, in a cell scaled to their radii.

    Args:
        ions: For each of the sites A, M, X and Z an ion or how it is written, e.g. ``V3+``.

    Returns:
        16 atoms (18 with hydroxide) with inversion symmetry, as :func:`substitute` describes them.

    Raises:
        ConfigurationError: A site is missing or unknown, an ion is not known, or the charges do not balance.
    """
    if set(ions) != set(TAVORITE_SITES):
        raise ConfigurationError(
            f"tavorite: ions for the sites {sorted(ions)}; expected one for each of {', '.join(TAVORITE_SITES)}"
        )
    chosen = {site: ion if isinstance(ion, Ion) else Ion.parse(ion) for site, ion in ions.items()}
    parent = tavorite()
    full = {"O": parent.ions["O"], **chosen}
    charge = sum(count * full[site].charge for site, count in parent.multiplicity.items())
    if charge:
        names = " ".join(str(chosen[site]) for site in TAVORITE_SITES)
        raise ConfigurationError(f"tavorite: {names} leaves a charge of {charge:+d} per cell; expected 0")
    return substitute(parent, full)
