"""Crystals whose hops are computed both ways: metals and alloys by effective-medium theory, tavorites by CHGNet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ase import Atoms
from ase.build import bulk

from tansaku.calculators.structures.tavorite import build_tavorite
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec

METALS = {"Cu": 3.6, "Al": 4.0, "Ni": 3.5, "Pd": 3.9, "Ag": 4.1, "Pt": 3.9, "Au": 4.1}
ALLOYS = (
    ("Cu", "Au"),
    ("Ni", "Pt"),
    ("Pd", "Cu"),
    ("Ag", "Au"),
    ("Cu", "Pt"),
    ("Ni", "Al"),
    ("Pd", "Ag"),
    ("Cu", "Ni"),
    ("Pt", "Pd"),
    ("Ag", "Cu"),
    ("Au", "Pd"),
)
TAVORITES = (
    ("Li+", "V3+", "P5+", "F-"),
    ("Li+", "Al3+", "P5+", "F-"),
    ("Li+", "Mg2+", "S6+", "F-"),
    ("Li+", "Ti4+", "P5+", "O2-"),
    ("Li+", "Fe2+", "S6+", "F-"),
    ("Li+", "Ga3+", "P5+", "F-"),
    ("Na+", "Mg2+", "S6+", "F-"),
    ("Na+", "V3+", "P5+", "F-"),
    ("Na+", "Ti4+", "P5+", "O2-"),
    ("Li+", "Zn2+", "S6+", "F-"),
    ("Li+", "Fe3+", "P5+", "OH-"),
    ("Na+", "Al3+", "P5+", "F-"),
    ("Li+", "Mg2+", "Se6+", "F-"),
    ("Na+", "Fe2+", "S6+", "F-"),
)


@dataclass(frozen=True)
class Case:
    """A crystal.

    Attributes:
        name: Of the crystal and the ion that hops.
        structure: As built.
        calculator: The calculator.
        workflow: The hopping ion and the search for its hops.
    """

    name: str
    structure: Callable[[], Atoms]
    calculator: CalculatorSpec
    workflow: MigrationBarrierSpec


def cases(family: str) -> list[Case]:
    """The crystals of ``metals``, ``tavorites`` or ``all`` families, cheap ones first."""
    found = [_metal(symbol, edge) for symbol, edge in METALS.items()]
    for ion, other in ALLOYS:
        found += [_alloy(ion, other, moving, ordered="L1_0") for moving in (ion, other)]
        found.append(_alloy(ion, other, ion, ordered="L1_2"))
    tavorites = [_tavorite(ions) for ions in TAVORITES]
    return {"metals": found, "tavorites": tavorites, "all": found + tavorites}[family]


def _metal(symbol: str, edge: float) -> Case:
    spec = MigrationBarrierSpec(ion=symbol, max_hop=0.78 * edge, image_distance=6.0)
    return Case(f"{symbol} fcc", lambda: bulk(symbol, "fcc", a=edge, cubic=True), EmtSpec(), spec)


def _alloy(first: str, second: str, ion: str, ordered: str) -> Case:
    edge = 0.5 * (METALS[first] + METALS[second])

    def build() -> Atoms:
        atoms = bulk(first, "fcc", a=edge, cubic=True)
        for atom in (1, 2) if ordered == "L1_0" else (0,):
            atoms.symbols[atom] = second
        return atoms

    name = f"{first}{second}" if ordered == "L1_0" else f"{first}3{second}"
    spec = MigrationBarrierSpec(ion=ion, max_hop=0.78 * edge, image_distance=6.0)
    return Case(f"{name} {ordered}, {ion}", build, EmtSpec(), spec)


def _tavorite(ions: tuple[str, ...]) -> Case:
    named = dict(zip("AMXZ", ions, strict=True))
    spec = MigrationBarrierSpec(ion=ions[0].rstrip("+"), max_hop=4.6, images=3)
    return Case("tavorite " + " ".join(ions), lambda: build_tavorite(named), ChgnetSpec(), spec)
