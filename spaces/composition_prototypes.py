"""What the shipped prototypes bring beside their structure: ions, exclusions and marks. The lists are ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tansaku.calculators.structures.parent import Parent
from tansaku.calculators.structures.tavorite import tavorite
from tansaku.models.domain.specs.composition import CombinationSpec


@dataclass(frozen=True)
class Prototype:
    """A structure with the ions its sites may take.

    Attributes:
        parent: Makes the structure.
        ions: Ions of each site that takes others.
        exclude: Combinations left out.
        mark: Combinations marked as unlikely.
    """

    parent: Callable[[], Parent]
    ions: Mapping[str, tuple[str, ...]]
    exclude: tuple[CombinationSpec, ...]
    mark: tuple[CombinationSpec, ...]


_MARKS = (
    ({"M": ("Ca2+", "Cd2+", "Y3+")}, "M larger than 0.85 Å usually has more than six neighbours"),
    ({"M": ("Cu2+",)}, "Cu2+ distorts its octahedron (Jahn-Teller)"),
    ({"M": ("Fe2+", "V3+"), "X": ("Se6+",)}, "Se(VI) oxidises M"),
    ({"Z": ("Cl-",)}, "no tavorite with bridging chloride is known to us"),
    ({"X": ("Si4+", "Ge4+"), "Z": ("F-", "Cl-", "OH-")}, "no tavorite of this kind with SiO4 or GeO4 is known to us"),
    ({"X": ("S6+", "Se6+"), "Z": ("O2-",)}, "no oxide sulfate or selenate with this structure is known to us"),
)

PROTOTYPES: Mapping[str, Prototype] = {
    "tavorite": Prototype(
        parent=tavorite,
        ions={
            "A": ("Li+", "Na+"),
            "M": (
                *("Mg2+", "Ca2+", "Mn2+", "Fe2+", "Co2+", "Ni2+", "Cu2+", "Zn2+", "Cd2+"),
                *("Al3+", "Ga3+", "In3+", "Sc3+", "Y3+", "V3+", "Cr3+", "Fe3+"),
                *("Ti4+", "Zr4+", "Hf4+", "Sn4+", "Ge4+"),
                *("Nb5+", "Ta5+"),
            ),
            "X": ("S6+", "Se6+", "P5+", "As5+", "Si4+", "Ge4+"),
            "Z": ("F-", "Cl-", "OH-", "O2-"),
        },
        exclude=(CombinationSpec(ions={"M": ("Ge4+",), "X": ("Ge4+",)}, reason="one element on octahedra and tetrahedra"),),
        mark=tuple(CombinationSpec(ions=ions, reason=reason) for ions, reason in _MARKS),
    )
}
"""Prototypes by name."""
