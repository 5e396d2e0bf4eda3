"""Selects combinations of cations for the sites of an oxide's structure, by charge, size and compatibility."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tansaku.calculators.structures.ion_data import ionic_radius
from tansaku.calculators.structures.oxide_cells import BOND_LENGTHS
from tansaku.calculators.structures.oxide_prototypes import OXIDE_PROTOTYPES, RADII
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion

CLOSED_SHELLS = tuple(ion for ion in BOND_LENGTHS if ion not in ("Sn2+", "Cl7+", "I7+"))
"""Cations without a magnetic moment. Shannon gives no radius for Sn2+; oxides of heptavalent halogens are left out."""

_OXYGEN = Ion("O", -2)


@dataclass(frozen=True)
class Oxide:
    """A composition in a structure.

    Attributes:
        prototype: Name of the structure.
        cations: One for each of its sites.
        formula: Cations in order of the sites, then oxygen, in lowest terms (``SrTiO3``).
        atoms: In the primitive cell.
    """

    prototype: str
    cations: tuple[Ion, ...]
    formula: str
    atoms: int


def oxides(name: str, ions: Sequence[Ion]) -> Iterator[Oxide]:
    """All oxides of a structure with compatible ions, in the order of the ions."""
    sites, counts = OXIDE_PROTOTYPES[name].cations, OXIDE_PROTOTYPES[name].counts
    fits = _TOGETHER.get(name, _always)
    for charges in dict.fromkeys(zip(*(site.charges for site in sites), strict=True)):
        lists = [
            [ion for ion in ions if ion.charge == charge and _has_room(name, place, ion)]
            for place, charge in enumerate(charges)
        ]
        for cations in itertools.product(*lists):
            if len({ion.element for ion in cations}) == len(cations) and fits(cations):
                yield Oxide(name, cations, _formula(cations, counts), sum(counts))


def cations_of(texts: Sequence[str]) -> tuple[Ion, ...]:
    """Ions as a spec writes them.

    Raises:
        ConfigurationError: No bond length or radius of one is known.
    """
    found = []
    for number, text in enumerate(texts):
        if text not in BOND_LENGTHS:
            raise ConfigurationError(f"space.ions[{number}]: {text!r}; expected one of {', '.join(BOND_LENGTHS)}")
        ion = Ion.parse(text)
        try:
            ionic_radius(ion, 6)
        except ConfigurationError as error:
            raise ConfigurationError(f"space.ions[{number}]: {error.message}") from error
        found.append(ion)
    return tuple(found)


def _has_room(name: str, place: int, ion: Ion) -> bool:
    site = OXIDE_PROTOTYPES[name].cations[place]
    least, most = site.radii or RADII[site.neighbours]
    return least <= ionic_radius(ion, site.neighbours) <= most


def _formula(cations: Sequence[Ion], counts: Sequence[int]) -> str:
    divisor = math.gcd(*counts)
    parts = zip((*(ion.element for ion in cations), "O"), (count // divisor for count in counts), strict=True)
    return "".join(symbol if count == 1 else f"{symbol}{count}" for symbol, count in parts)


Fits = Callable[[Sequence[Ion]], bool]


def _always(_: Sequence[Ion]) -> bool:
    return True


def _tolerance(least: float, most: float, of_b: Callable[[Sequence[Ion]], float]) -> Fits:
    """Goldschmidt's factor (r_A + r_O) / √2 (r_B + r_O) within a window."""
    oxygen = ionic_radius(_OXYGEN, 6)

    def fits(cations: Sequence[Ion]) -> bool:
        factor = (ionic_radius(cations[0], 12) + oxygen) / (math.sqrt(2.0) * (of_b(cations) + oxygen))
        return least <= factor <= most

    return fits


def _second(cations: Sequence[Ion]) -> float:
    return ionic_radius(cations[1], 6)


def _mean_of_others(cations: Sequence[Ion]) -> float:
    return sum(ionic_radius(ion, 6) for ion in cations[1:]) / len(cations[1:])


def _first_within(least: float, most: float, neighbours: int) -> Fits:
    return lambda cations: least <= ionic_radius(cations[0], neighbours) <= most


def _larger(by: float) -> Fits:
    """The first cation is larger than the second, both with six neighbours."""
    return lambda cations: ionic_radius(cations[0], 6) >= ionic_radius(cations[1], 6) + by


_TOGETHER: Mapping[str, Fits] = MappingProxyType(
    {
        "perovskite": _tolerance(0.80, 1.10, _second),
        "polar-perovskite": _tolerance(0.97, 1.10, _second),
        "tilted-perovskite": _tolerance(0.85, 1.00, _second),
        "layered-perovskite": _tolerance(0.80, 1.05, _second),
        "double-perovskite": _tolerance(0.88, 1.05, _mean_of_others),
        "post-perovskite": _larger(0.1),
        "lithium-niobate": _larger(-0.05),
        "ilmenite": _larger(-0.05),
        "layered-rocksalt": _larger(0.05),
        "hexagonal-manganate": _larger(0.2),
        "scheelite": _first_within(0.95, 1.50, 8),
        "zircon": _first_within(0.70, 1.15, 8),
        "wolframite": _first_within(0.55, 0.97, 6),
    }
)
"""Further conditions on the ions of a structure; these limits are our own choice."""
