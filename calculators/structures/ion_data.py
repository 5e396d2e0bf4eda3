"""Tabulated properties of ions, from pymatgen's own data.

Radii are Shannon's effective ionic radii (https://doi.org/10.1107/S0567739476001551), high spin where he gives two.
Bond-valence lengths follow O'Keeffe and Brese (https://doi.org/10.1021/ja00009a002).
"""

from __future__ import annotations

import importlib
import math
import warnings
from functools import lru_cache
from typing import Any

from tansaku.models.domain.errors import ConfigurationError, installed
from tansaku.models.domain.ions import HYDROXIDE, Ion

INSTALL_HINT = "install it with: pip install 'tansaku[composition]'"

HYDROXIDE_RADIUS = 1.37
"""Shannon's radius of six-coordinate OH- [Å]; pymatgen's table of elements has none."""

_ROMAN = {
    "I": 1,
    "II": 2,
    "III": 3,
    "IV": 4,
    "V": 5,
    "VI": 6,
    "VII": 7,
    "VIII": 8,
    "IX": 9,
    "X": 10,
    "XI": 11,
    "XII": 12,
    "XIV": 14,
}


def load_pymatgen(module: str) -> Any:  # noqa: ANN401 - a module
    """Imports a module of pymatgen.

    Raises:
        MissingComponentError: pymatgen is not installed.
    """
    with installed("composition spaces need pymatgen", hint=INSTALL_HINT):
        return importlib.import_module(module)


@lru_cache(maxsize=256)
def element_of(ion: Ion) -> Any:  # noqa: ANN401 - the package's types are not ours
    """Pymatgen's element of an ion.

    Raises:
        ConfigurationError: There is no such element.
    """
    try:
        return load_pymatgen("pymatgen.core").Element(ion.element)
    except ValueError as error:
        raise ConfigurationError(f"{str(ion)!r}: no element {ion.element!r}; expected a chemical symbol") from error


@lru_cache(maxsize=1024)
def ionic_radius(ion: Ion, coordination: int) -> float:
    """Shannon's effective ionic radius [Å] at the tabulated coordination nearest to ``coordination``, the larger of two.

    Raises:
        ConfigurationError: Shannon has no radius for this oxidation state; the message lists those he has.
    """
    if ion == HYDROXIDE:
        return HYDROXIDE_RADIUS
    radii = element_of(ion).data.get("Shannon radii") or {}
    by_coordination = radii.get(str(ion.charge), {})
    known = {_ROMAN[name]: entry for name, entry in by_coordination.items() if name in _ROMAN}
    if not known:
        states = ", ".join(str(Ion(ion.symbol, int(state))) for state in radii if int(state)) or "none"
        raise ConfigurationError(f"{str(ion)!r}: Shannon's table has no radius for this ion; it has {states}")
    entry = known[min(known, key=lambda number: (abs(number - coordination), -number))]
    spin = entry.get("High Spin") or entry.get("") or next(iter(entry.values()))
    return float(spin["ionic_radius"])


@lru_cache(maxsize=256)
def electronegativity(ion: Ion) -> float:
    """Pauling's electronegativity of the element that takes the site.

    Raises:
        ConfigurationError: Pauling gives none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # said below, as an error
        value = float(element_of(ion).X)
    if not math.isfinite(value):
        raise ConfigurationError(f"{str(ion)!r}: no electronegativity is tabulated for {ion.element}")
    return value


def mass(ion: Ion) -> float:
    """Mass of the ion, hydrogen of a hydroxide included [u]."""
    hydrogen = float(load_pymatgen("pymatgen.core").Element("H").atomic_mass) if ion == HYDROXIDE else 0.0
    return float(element_of(ion).atomic_mass) + hydrogen


def period_and_group(ion: Ion) -> tuple[int, int]:
    """Row and column of the periodic table, columns counted 1 to 18."""
    element = element_of(ion)
    return int(element.row), int(element.group)


def d_electrons(ion: Ion) -> int:
    """Electrons in the open d shell of the ion; 0 outside the transition metals and for full shells given away."""
    element = element_of(ion)
    if not element.is_transition_metal or ion.charge <= 0:
        return 0
    return max(0, min(10, int(element.group) - ion.charge))


@lru_cache(maxsize=4096)
def bond_valence_length(cation: Ion, anion: Ion) -> float | None:
    """Length of a bond of valence 1, R_ij = r_i + r_j - r_i r_j (√c_i - √c_j)² / (c_i r_i + c_j r_j) [Å].

    An estimate from two numbers per element: within 0.1 Å of lengths fitted to one pair.

    Returns:
        None where O'Keeffe and Brese give no parameters.
    """
    table = load_pymatgen("pymatgen.analysis.bond_valence").BV_PARAMS
    first, other = table.get(element_of(cation)), table.get(element_of(anion))
    if first is None or other is None:
        return None
    (r_i, c_i), (r_j, c_j) = (first["r"], first["c"]), (other["r"], other["c"])
    return float(r_i + r_j - r_i * r_j * (math.sqrt(c_i) - math.sqrt(c_j)) ** 2 / (c_i * r_i + c_j * r_j))
