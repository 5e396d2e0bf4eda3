"""Properties from scans of a cubic crystal: equation of state, elastic constants, energies of other crystals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase.eos import EquationOfState
from ase.units import GPa

from benchmarks.potential.data import in_scan
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import Example

_SMALL = 6.0
"""Largest deformation that is fitted [% or degrees]."""


@dataclass(frozen=True)
class Crystal:
    """A cubic crystal and those it is compared with, by their names among the scans.

    Attributes:
        name: Of the crystal.
        atoms: In its cubic cell.
        others: Of the others.
    """

    name: str
    atoms: int
    others: tuple[str, ...]

    def of(self, examples: Sequence[Example]) -> list[Example]:
        """Structures from which its constants are computed."""
        scans = {f"{self.name}-{scan}" for scan in ("lattice", "tetragonal", "shear")}
        scans |= {f"{other}-lattice" for other in self.others}
        return [item for item in examples if item.group in scans and (item.group.endswith("-lattice") or _is_small(item))]


ALUMINIUM = Crystal("fcc", 4, ("bcc", "hcp", "diamond"))


def constants(crystal: Crystal, examples: Sequence[Example], energy: Callable[[Example], float]) -> JsonDict:
    """Lattice parameter [Å], bulk modulus and elastic constants [GPa], and energies of other crystals [meV/atom].

    All methods use the same structures.

    Args:
        crystal: The crystal.
        examples: All scans.
        energy: Of a structure [eV].
    """
    name = crystal.name
    volumes, energies = _curve(in_scan(examples, f"{name}-lattice"), energy, _volume)
    near = np.abs(volumes / volumes[np.argmin(energies)] - 1.0) < 0.2
    if near.sum() < 5:
        return {}
    volume, lowest, modulus = EquationOfState(volumes[near], energies[near], eos="birchmurnaghan").fit()
    found = {"lattice_parameter": float((crystal.atoms * volume) ** (1 / 3)), "bulk_modulus": float(modulus / GPa)}
    # E/V is 3/4 (C11 - C12) e² along the tetragonal scan, and C44 e² / 2 where the angle between two axes changes by e.
    scans = (("c11_minus_c12", "tetragonal", 4 / 3, 0.01, (2, 3, 4)), ("c44", "shear", 2.0, np.pi / 180.0, (2, 4)))
    for constant, scan, factor, unit, powers in scans:
        stiffness = _stiffness(in_scan(examples, f"{name}-{scan}"), energy, unit, powers)
        if stiffness is not None:
            found[constant] = factor * stiffness
    for other in crystal.others:
        curve = _curve(in_scan(examples, f"{other}-lattice"), energy, _change)
        if len(curve[1]) > 4:
            found[f"{other}_above_{name}"] = 1000.0 * (_minimum(*curve) - float(lowest))
    return found


def energy_curves(crystal: Crystal, examples: Sequence[Example], energy: Callable[[Example], float]) -> JsonDict:
    """Volumes [Å^3/atom] and energies [eV/atom] of each crystal stretched and pressed."""
    found: JsonDict = {}
    for name in (crystal.name, *crystal.others):
        volumes, energies = _curve(in_scan(examples, f"{name}-lattice"), energy, _volume)
        found[name] = {"volumes": volumes.round(4).tolist(), "energies": energies.round(5).tolist()}
    return found


def _curve(
    examples: Sequence[Example], energy: Callable[[Example], float], place: Callable[[Example], float]
) -> tuple[FloatArray, FloatArray]:
    """Places along a scan, ascending, and energies per atom [eV]."""
    ordered = sorted(examples, key=place)
    return np.array([place(item) for item in ordered]), np.array([energy(item) / len(item.structure) for item in ordered])


def _volume(example: Example) -> float:
    return float(example.structure.get_volume() / len(example.structure))


def _change(example: Example) -> float:
    return float(example.structure.info["lattice_change"])


def _is_small(example: Example) -> bool:
    """Returns whether a structure is deformed little from the crystal at the middle of its scan."""
    info = example.structure.info
    return bool(abs(info["change"]) <= _SMALL and info["lattice_change"] == 0.0)


def _stiffness(
    scan: Sequence[Example], energy: Callable[[Example], float], unit: float, powers: tuple[int, ...]
) -> float | None:
    """K of E/V = k e² + …, e being the strain [GPa]; None where the scan has too few structures."""
    mine = [item for item in scan if _is_small(item)]
    if len(mine) <= len(powers):
        return None
    strain, energies = _curve(mine, energy, lambda item: unit * float(item.structure.info["change"]))
    columns = np.stack([np.ones_like(strain), *(strain**power for power in powers)], axis=1)
    coefficients = np.linalg.lstsq(columns, energies, rcond=None)[0]
    volume = mine[0].structure.get_volume() / len(mine[0].structure)
    return float(coefficients[1] / volume / GPa)


def _minimum(places: FloatArray, energies: FloatArray) -> float:
    best = int(np.clip(np.argmin(energies), 2, len(places) - 3))
    near = slice(best - 2, best + 3)
    curve = np.polynomial.Polynomial.fit(places[near], energies[near], 3)
    return float(curve(np.linspace(places[near][0], places[near][-1], 200)).min())
