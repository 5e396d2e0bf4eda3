"""Cells of oxides of a known structure, of the size and shape at which the bonds' valences add up to the ions' charges.

Brown and Altermatt 1985 (doi:10.1107/S0108768185002063): a bond of length d has the valence exp((R - d) / 0.37 Å).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from scipy.optimize import least_squares

from tansaku.calculators.structures.bond_valence import SOFTNESS
from tansaku.calculators.structures.oxide_prototypes import OXIDE_PROTOTYPES, OxidePrototype
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import FloatArray

BOND_LENGTHS: Mapping[str, float] = {
    "Li+": 1.466,
    "Na+": 1.80,
    "K+": 2.13,
    "Rb+": 2.26,
    "Cs+": 2.42,
    "Cu+": 1.593,
    "Ag+": 1.805,
    "Tl+": 2.172,
    "Be2+": 1.381,
    "Mg2+": 1.693,
    "Ca2+": 1.967,
    "Sr2+": 2.118,
    "Ba2+": 2.29,
    "Zn2+": 1.704,
    "Cd2+": 1.904,
    "Hg2+": 1.93,
    "Sn2+": 1.984,
    "Pb2+": 2.112,
    "Pd2+": 1.792,
    "B3+": 1.371,
    "Al3+": 1.651,
    "Ga3+": 1.730,
    "In3+": 1.902,
    "Tl3+": 2.003,
    "Sc3+": 1.849,
    "Y3+": 2.014,
    "La3+": 2.172,
    "Lu3+": 1.971,
    "Bi3+": 2.09,
    "Sb3+": 1.973,
    "Rh3+": 1.791,
    "C4+": 1.39,
    "Si4+": 1.624,
    "Ge4+": 1.748,
    "Sn4+": 1.905,
    "Pb4+": 2.042,
    "Ti4+": 1.815,
    "Zr4+": 1.937,
    "Hf4+": 1.923,
    "Pt4+": 1.879,
    "N5+": 1.432,
    "P5+": 1.604,
    "As5+": 1.767,
    "Sb5+": 1.942,
    "V5+": 1.803,
    "Nb5+": 1.911,
    "Ta5+": 1.920,
    "Bi5+": 2.06,
    "S6+": 1.624,
    "Se6+": 1.788,
    "Te6+": 1.917,
    "Cr6+": 1.794,
    "Mo6+": 1.907,
    "W6+": 1.921,
    "Cl7+": 1.632,
    "I7+": 1.93,
    "Re7+": 1.97,
}
"""R of a bond to oxygen [Å], Brese and O'Keeffe 1991 (doi:10.1107/S0108768190011041)."""

_OXYGEN = 2.0
_FAR = 4.5
_STIFF = 2.0
"""A parameter that changes by half of itself costs as much as a bond sum that is wrong by its whole."""
_DIGITS = 4
_TOKEN = re.compile(r"\d+/\d+|\d*\.?\d+|[a-z]")


def oxide_cell(name: str, cations: Sequence[Ion], volume: float = 1.0) -> Atoms:
    """The primitive cell of an oxide.

    Args:
        name: Of the structure, a key of :data:`~tansaku.calculators.structures.oxide_prototypes.OXIDE_PROTOTYPES`.
        cations: One for each of its sites, in their order.
        volume: In units of the volume at which the bonds' valences fit best.

    Raises:
        ConfigurationError: There is no such structure, or an ion of no known bond length to oxygen.
    """
    if name not in OXIDE_PROTOTYPES:
        raise ConfigurationError(f"{name!r} is not the structure of an oxide; expected {', '.join(OXIDE_PROTOTYPES)}")
    unknown = [str(ion) for ion in cations if str(ion) not in BOND_LENGTHS]
    if unknown:
        raise ConfigurationError(f"{', '.join(unknown)}: no bond length to oxygen is known; expected {', '.join(BOND_LENGTHS)}")
    edge, shape, free = _fitted(name, tuple(map(str, cations)))
    return _build(OXIDE_PROTOTYPES[name], [ion.element for ion in cations], edge * volume ** (1 / 3), dict(shape), dict(free))


def valence_sums(atoms: Atoms, charges: Mapping[str, float], lengths: Mapping[str, float]) -> FloatArray:
    """Sum of the valences of each atom's bonds [e], shape ``(n_atoms,)``.

    Args:
        atoms: An oxide.
        charges: Of the cations by element; only bonds between cations and oxygen count.
        lengths: R by element [Å].
    """
    first, second, distance = neighbor_list("ijd", atoms, _FAR)
    symbols = np.array(atoms.get_chemical_symbols())
    bonds = np.isin(symbols[first], list(charges)) & (symbols[second] == "O")
    first, second, distance = first[bonds], second[bonds], distance[bonds]
    valence = np.exp((np.array([lengths[symbol] for symbol in symbols[first]]) - distance) / SOFTNESS)
    return np.asarray(np.bincount(first, valence, len(atoms)) + np.bincount(second, valence, len(atoms)))


Fitted = tuple[float, tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]]


@lru_cache(maxsize=4096)
def _fitted(name: str, ions: tuple[str, ...]) -> Fitted:
    """Edge [Å], shape and free coordinates at which the bond sums of all atoms are closest to the charges."""
    prototype = OXIDE_PROTOTYPES[name]
    cations = [Ion.parse(ion) for ion in ions]
    elements = [ion.element for ion in cations]
    charges = {ion.element: float(ion.charge) for ion in cations}
    lengths = {ion.element: BOND_LENGTHS[str(ion)] for ion in cations}
    shape, free = dict(prototype.shape), dict(prototype.free)
    varied = [key for key in shape if key != "beta"] + list(free)
    start = np.array([shape[key] if key in shape else free[key] for key in varied])
    whole = _build(prototype, elements, 1.0, shape, free)
    wanted = np.array([charges.get(symbol, _OXYGEN) for symbol in whole.get_chemical_symbols()])
    edge = _first_edge(whole, charges, lengths)

    def cell(changes: FloatArray) -> Atoms:
        values = dict(zip(varied, start * (1.0 + changes[1:]), strict=True))
        shapes = {key: values.get(key, value) for key, value in shape.items()}
        return _build(prototype, elements, edge * float(np.exp(changes[0])), shapes, {key: values[key] for key in free})

    def misfit(changes: FloatArray) -> FloatArray:
        found = cell(changes)
        wrong = (
            valence_sums(found, charges, lengths) / wanted - 1.0 if len(found) == len(wanted) else np.full(len(wanted), 10.0)
        )
        return np.append(np.clip(wrong, -10.0, 10.0) / np.sqrt(len(wanted)), _STIFF * changes[1:] / np.sqrt(len(start) + 1))

    best = least_squares(misfit, np.zeros(1 + len(start)), x_scale=0.05, diff_step=1e-4).x
    # Rounded, so that a last digit of the fit on another machine does not matter.
    edge = round(edge * float(np.exp(best[0])), _DIGITS)
    values = {key: round(float(value), _DIGITS) for key, value in zip(varied, start * (1.0 + best[1:]), strict=True)}
    return (
        edge,
        tuple((key, values.get(key, value)) for key, value in shape.items()),
        tuple((key, values[key]) for key in free),
    )


def _first_edge(unit: Atoms, charges: Mapping[str, float], lengths: Mapping[str, float]) -> float:
    """Edge at which the bonds of the prototype's own shape add up to all charges [Å]."""
    from scipy.optimize import brentq

    total = sum(charges.get(symbol, 0.0) for symbol in unit.get_chemical_symbols())

    def excess(log_edge: float) -> float:
        edge = float(np.exp(log_edge))
        scaled = unit.copy()
        scaled.set_cell(unit.cell * edge, scale_atoms=True)
        sums = valence_sums(scaled, charges, lengths)
        cations = [symbol != "O" for symbol in unit.get_chemical_symbols()]
        return float(np.log(sums[cations].sum() / total + 1e-12))

    return float(np.exp(brentq(excess, np.log(1.5), np.log(25.0), xtol=1e-6)))


def _build(
    prototype: OxidePrototype, elements: Sequence[str], edge: float, shape: Mapping[str, float], free: Mapping[str, float]
) -> Atoms:
    """The primitive cell with given parameters."""
    from ase.spacegroup import crystal

    third = edge * shape.get("c", 1.0)
    hexagonal = 143 <= prototype.group <= 194
    angles = [90.0, shape.get("beta", 90.0), 120.0 if hexagonal else 90.0]
    positions = [site.position for site in prototype.cations] + list(prototype.oxygens)
    atoms = crystal(
        [*elements, *["O"] * len(prototype.oxygens)],
        [_coordinates(position, free) for position in positions],
        spacegroup=prototype.group,
        setting=prototype.origin,
        cellpar=[edge, edge * shape.get("b", 1.0), third, *angles],
        primitive_cell=True,
    )
    return Atoms(atoms.get_chemical_symbols(), scaled_positions=atoms.get_scaled_positions(), cell=atoms.cell, pbc=True)


def _coordinates(position: str, free: Mapping[str, float]) -> list[float]:
    return [free[token] if token in free else float(Fraction(token)) for token in _TOKEN.findall(position)]
