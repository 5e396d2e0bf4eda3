"""Structures of small oxides: space groups, positions and shapes of the compounds that they are named after.

Positions and shapes are where a fit to other ions begins (:mod:`tansaku.calculators.structures.oxide_cells`). They are those of
Wyckoff, Crystal Structures (2nd ed., volumes 1 to 3) and of the International Tables for the standard settings, rounded; they
belong to the compound in the remark beside each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class CationSite:
    """A site that cations may take.

    Attributes:
        position: Fractional coordinates of one atom of it: numbers, fractions and names of parameters.
        neighbours: Oxygen atoms around it.
        charges: Of the cations allowed on the site [e], those of all sites in the same order.
        radii: Smallest and largest radius of a cation on the site [Å]; None: as :data:`RADII` say.
    """

    position: str
    neighbours: int
    charges: tuple[int, ...]
    radii: tuple[float, float] | None = None


@dataclass(frozen=True)
class OxidePrototype:
    """A structure.

    Attributes:
        group: Number of the space group.
        counts: Atoms of each cation site, then of oxygen, in the primitive cell.
        oxygens: Positions of one atom of each oxygen site.
        shape: Lengths of the conventional cell's edges in units of the first, and an angle β [degrees] under ``beta``; a cubic
            cell has none, a hexagonal or tetragonal one ``c``.
        free: Where the free coordinates begin, by name.
        origin: Which of the International Tables' settings.
    """

    group: int
    counts: tuple[int, ...]
    cations: tuple[CationSite, ...]
    oxygens: tuple[str, ...]
    shape: Mapping[str, float] = field(default_factory=dict)
    free: Mapping[str, float] = field(default_factory=dict)
    origin: int = 1


RADII: Mapping[int, tuple[float, float]] = MappingProxyType(
    {
        2: (0.40, 1.10),
        3: (-0.20, 0.05),
        4: (0.05, 0.80),
        5: (0.40, 0.90),
        6: (0.38, 1.10),
        7: (0.60, 1.25),
        8: (0.70, 1.50),
        9: (0.95, 1.75),
        12: (1.00, 1.90),
    }
)
"""Smallest and largest ionic radius by number of oxygen neighbours [Å]: ours, wide, so that unlikely oxides are there too."""


def _cation(position: str, neighbours: int, *charges: int, radii: tuple[float, float] | None = None) -> tuple[CationSite, ...]:
    return (CationSite(position, neighbours, charges, radii),)


def _two(a: str, around_a: int, b: str, around_b: int, *charges: tuple[int, int]) -> tuple[CationSite, ...]:
    first, second = zip(*charges, strict=True)
    return CationSite(a, around_a, first), CationSite(b, around_b, second)


_PEROVSKITE = ((1, 5), (2, 4), (3, 3))
_TETRAHEDRAL = ((1, 7), (2, 6), (3, 5), (4, 4))

OXIDE_PROTOTYPES: Mapping[str, OxidePrototype] = MappingProxyType(
    {
        # A2O
        "antifluorite": OxidePrototype(225, (2, 1), _cation("1/4 1/4 1/4", 4, 1, radii=(0.4, 1.7)), ("0 0 0",)),  # Li2O
        "cuprite": OxidePrototype(224, (4, 2), _cation("1/4 1/4 1/4", 2, 1), ("0 0 0",)),  # Cu2O
        "anti-cdcl2": OxidePrototype(
            166, (2, 1), _cation("0 0 u", 3, 1, radii=(0.9, 1.9)), ("0 0 0",), {"c": 4.46}, {"u": 0.256}
        ),  # Cs2O
        # AO
        "rocksalt": OxidePrototype(225, (1, 1), _cation("0 0 0", 6, 2), ("1/2 1/2 1/2",)),  # MgO
        "zincblende": OxidePrototype(216, (1, 1), _cation("0 0 0", 4, 2), ("1/4 1/4 1/4",)),  # ZnS
        "wurtzite": OxidePrototype(186, (2, 2), _cation("1/3 2/3 0", 4, 2), ("1/3 2/3 u",), {"c": 1.602}, {"u": 0.382}),  # ZnO
        "cscl": OxidePrototype(221, (1, 1), _cation("0 0 0", 8, 2), ("1/2 1/2 1/2",)),  # BaO under pressure
        "nias": OxidePrototype(194, (2, 2), _cation("0 0 0", 6, 2), ("1/3 2/3 1/4",), {"c": 1.62}),  # NiAs
        "layered-zno": OxidePrototype(
            194, (2, 2), _cation("1/3 2/3 1/4", 5, 2), ("1/3 2/3 3/4",), {"c": 1.25}
        ),  # ZnO under strain
        "litharge": OxidePrototype(
            129, (2, 2), _cation("0 1/2 z", 4, 2, radii=(0.5, 1.3)), ("0 0 0",), {"c": 1.265}, {"z": 0.2385}
        ),  # PbO
        "cooperite": OxidePrototype(131, (2, 2), _cation("0 1/2 0", 4, 2, radii=(0.5, 1.0)), ("0 0 1/4",), {"c": 1.753}),  # PdO
        # AO2
        "fluorite": OxidePrototype(225, (1, 2), _cation("0 0 0", 8, 4), ("1/4 1/4 1/4",)),  # CeO2
        "rutile": OxidePrototype(136, (2, 4), _cation("0 0 0", 6, 4), ("u u 0",), {"c": 0.644}, {"u": 0.305}),  # TiO2
        "anatase": OxidePrototype(141, (2, 4), _cation("0 0 0", 6, 4), ("0 0 u",), {"c": 2.514}, {"u": 0.208}),  # TiO2
        "lead-dioxide": OxidePrototype(  # alpha-PbO2 (TiO2 II)
            60,
            (4, 8),
            _cation("0 y 1/4", 6, 4),
            ("u v w",),
            {"b": 1.2096, "c": 1.0804},
            {"y": 0.171, "u": 0.272, "v": 0.381, "w": 0.414},
        ),
        "modified-pyrite": OxidePrototype(
            205, (4, 8), _cation("0 0 0", 6, 4), ("u u u",), {}, {"u": 0.344}
        ),  # PdF2, SiO2 at 271 GPa
        "cristobalite": OxidePrototype(227, (2, 4), _cation("1/8 1/8 1/8", 4, 4), ("0 0 0",), origin=2),  # SiO2, ideal
        "quartz": OxidePrototype(  # alpha-SiO2
            154,
            (3, 6),
            _cation("x 0 2/3", 4, 4),
            ("u v w",),
            {"c": 1.0997},
            {"x": 0.4697, "u": 0.4135, "v": 0.2669, "w": 0.7858},
        ),
        "high-quartz": OxidePrototype(
            180, (3, 6), _cation("1/2 0 0", 4, 4), ("0.2072 0.4144 1/2",), {"c": 1.0925}
        ),  # beta-SiO2
        "baddeleyite": OxidePrototype(  # ZrO2
            14,
            (4, 8),
            _cation("0.2754 0.0395 0.2083", 7, 4),
            ("0.0700 0.3317 0.3447", "0.4496 0.7569 0.4792"),
            {"b": 1.0120, "c": 1.0324, "beta": 99.23},
        ),
        "tetragonal-zirconia": OxidePrototype(
            137, (2, 4), _cation("3/4 1/4 3/4", 8, 4), ("1/4 1/4 z",), {"c": 1.4416}, {"z": 0.4568}, 2
        ),
        "cdi2": OxidePrototype(164, (1, 2), _cation("0 0 0", 6, 4), ("1/3 2/3 z",), {"c": 1.5}, {"z": 0.22}),  # PtO2
        # A2O3
        "corundum": OxidePrototype(
            167, (4, 6), _cation("0 0 z", 6, 3), ("x 0 1/4",), {"c": 2.7302}, {"z": 0.3522, "x": 0.3062}
        ),  # Al2O3
        "lanthana": OxidePrototype(  # La2O3
            164, (2, 3), _cation("1/3 2/3 z", 7, 3), ("1/3 2/3 u", "0 0 0"), {"c": 1.557}, {"z": 0.2454, "u": 0.6471}
        ),
        # AO3
        "rhenium-trioxide": OxidePrototype(221, (1, 3), _cation("0 0 0", 6, 6), ("1/2 0 0",)),  # ReO3
        # ABO2
        "delafossite": OxidePrototype(  # CuAlO2
            166, (1, 1, 2), _two("0 0 0", 2, "0 0 1/2", 6, (1, 3)), ("0 0 u",), {"c": 5.93}, {"u": 0.1099}
        ),
        "layered-rocksalt": OxidePrototype(  # alpha-NaFeO2
            166, (1, 1, 2), _two("0 0 1/2", 6, "0 0 0", 6, (1, 3)), ("0 0 u",), {"c": 4.99}, {"u": 0.2605}
        ),
        "gamma-lifeo2": OxidePrototype(
            141, (2, 2, 4), _two("0 0 1/2", 6, "0 0 0", 6, (1, 3)), ("0 0 u",), {"c": 2.16}, {"u": 0.24}
        ),
        "chalcopyrite": OxidePrototype(  # CuFeS2
            122, (2, 2, 4), _two("0 0 0", 4, "0 0 1/2", 4, (1, 3)), ("x 1/4 1/8",), {"c": 2.0}, {"x": 0.25}
        ),
        # ABO3
        "perovskite": OxidePrototype(
            221, (1, 1, 3), _two("0 0 0", 12, "1/2 1/2 1/2", 6, *_PEROVSKITE), ("1/2 1/2 0",)
        ),  # SrTiO3
        "polar-perovskite": OxidePrototype(  # PbTiO3
            99, (1, 1, 3), _two("0 0 0", 12, "1/2 1/2 0.538", 6, *_PEROVSKITE), ("1/2 1/2 0.112", "1/2 0 0.612"), {"c": 1.065}
        ),
        "tilted-perovskite": OxidePrototype(  # SrTiO3 at low temperature
            140, (2, 2, 6), _two("0 1/2 1/4", 12, "0 0 0", 6, *_PEROVSKITE), ("0 0 1/4", "0.235 0.735 0"), {"c": 1.42}
        ),
        "post-perovskite": OxidePrototype(  # CaIrO3
            63,
            (2, 2, 6),
            _two("0 0.2498 1/4", 8, "0 0 0", 6, (2, 4), (3, 3)),
            ("0 0.9331 1/4", "0 0.6331 0.4407"),
            {"b": 3.1337, "c": 2.3178},
        ),
        "ilmenite": OxidePrototype(  # FeTiO3
            148, (2, 2, 6), _two("0 0 0.3553", 6, "0 0 0.1464", 6, (1, 5), (2, 4)), ("0.3174 0.0233 0.2451",), {"c": 2.768}
        ),
        "lithium-niobate": OxidePrototype(  # LiNbO3
            161, (2, 2, 6), _two("0 0 0.2787", 6, "0 0 0", 6, *_PEROVSKITE), ("0.0476 0.3433 0.0633",), {"c": 2.693}
        ),
        "hexagonal-manganate": OxidePrototype(  # YMnO3 at high temperature
            194,
            (2, 2, 6),
            _two("0 0 0", 6, "1/3 2/3 1/4", 5, (3, 3)),
            ("0 0 1/4", "1/3 2/3 u"),
            {"c": 3.155},
            {"u": 0.087},
        ),
        "calcite": OxidePrototype(  # CaCO3
            167, (2, 2, 6), _two("0 0 0", 6, "0 0 1/4", 3, (1, 5), (2, 4), (3, 3)), ("x 0 1/4",), {"c": 3.42}, {"x": 0.2568}
        ),
        # ABO4
        "scheelite": OxidePrototype(  # CaWO4
            88,
            (2, 2, 8),
            _two("0 0 1/2", 8, "0 0 0", 4, *_TETRAHEDRAL),
            ("x y z",),
            {"c": 2.1698},
            {"x": 0.2413, "y": 0.1511, "z": 0.0861},
        ),
        "zircon": OxidePrototype(  # ZrSiO4
            141,
            (2, 2, 8),
            _two("0 3/4 1/8", 8, "0 1/4 3/8", 4, *_TETRAHEDRAL),
            ("0 y z",),
            {"c": 0.9054},
            {"y": 0.066, "z": 0.1951},
            2,
        ),
        "wolframite": OxidePrototype(  # ZnWO4
            13,
            (2, 2, 8),
            _two("1/2 0.6833 1/4", 6, "0 0.1820 1/4", 6, (2, 6), (3, 5)),
            ("0.2547 0.3772 0.4005", "0.2171 0.8953 0.4360"),
            {"b": 1.2189, "c": 1.0504, "beta": 90.64},
        ),
        "boron-phosphate": OxidePrototype(  # BPO4
            82,
            (1, 1, 4),
            _two("0 1/2 1/4", 4, "0 0 0", 4, (2, 6), (3, 5)),
            ("x y z",),
            {"c": 1.532},
            {"x": 0.138, "y": 0.26, "z": 0.131},
        ),
        "ordered-cristobalite": OxidePrototype(  # high AlPO4, ideal
            216, (1, 1, 4), _two("0 0 0", 4, "1/4 1/4 1/4", 4, (2, 6), (3, 5)), ("u u u",), {}, {"u": 0.125}
        ),
        # A2BO4, AB2O4, AB2O6, A2BB'O6
        "layered-perovskite": OxidePrototype(  # K2NiF4
            139,
            (2, 1, 4),
            _two("0 0 z", 9, "0 0 0", 6, (1, 6), (2, 4), (3, 2)),
            ("0 1/2 0", "0 0 u"),
            {"c": 3.26},
            {"z": 0.354, "u": 0.155},
        ),
        "spinel": OxidePrototype(  # MgAl2O4
            227, (2, 4, 8), _two("1/8 1/8 1/8", 4, "1/2 1/2 1/2", 6, (2, 3), (4, 2), (6, 1)), ("u u u",), {}, {"u": 0.2624}, 2
        ),
        "rosiaite": OxidePrototype(  # PbSb2O6
            162, (1, 2, 6), _two("0 0 0", 6, "1/3 2/3 1/2", 6, (2, 5)), ("x 0 z",), {"c": 1.015}, {"x": 0.37, "z": 0.29}
        ),
        "double-perovskite": OxidePrototype(  # Ba2MgWO6
            225,
            (2, 1, 1, 6),
            (
                CationSite("1/4 1/4 1/4", 12, (2, 2, 2)),
                CationSite("0 0 0", 6, (2, 3, 1)),
                CationSite("1/2 1/2 1/2", 6, (6, 5, 7)),
            ),
            ("x 0 0",),
            {},
            {"x": 0.255},
        ),
    }
)
"""Structures by name."""
