"""Checks of an energy surface's input before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase.neighborlist import neighbor_list

from tansaku.calculators.structures.oxide_prototypes import OXIDE_PROTOTYPES
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion

if TYPE_CHECKING:
    from ase import Atoms

INSIDE = 0.35
"""An ion nearer to an atom than this is inside it [Å]."""

_ANION = 2


def check_charges(prototype: str, cations: Sequence[Ion]) -> None:
    """Raises ConfigurationError unless there is one cation for each site and their charges cancel those of oxygen."""
    *counts, oxygen = OXIDE_PROTOTYPES[prototype].counts
    if len(cations) != len(counts):
        raise ConfigurationError(
            f"space.host.ions: {len(cations)} given, but {prototype} has {len(counts)} sites for cations; expected one for each"
        )
    charge = sum(count * ion.charge for count, ion in zip(counts, cations, strict=True)) - _ANION * oxygen
    if charge:
        raise ConfigurationError(
            f"space.host.ions: {', '.join(map(str, cations))} in {prototype}: the host would have a charge of {charge:+d} e in "
            "each primitive cell; expected charges that cancel"
        )


def check_host(host: Atoms) -> None:
    """Raises ConfigurationError if two atoms of a host are at the same position."""
    first, second, distance = neighbor_list("ijd", host, INSIDE)
    if len(distance):
        nearest = int(distance.argmin())
        raise ConfigurationError(
            f"space.host: atoms {first[nearest]} and {second[nearest]} are {distance[nearest]:.2f} Å apart; expected a crystal "
            "in which every site has one atom"
        )


def check_room(host: Atoms, shape: tuple[int, int, int], exclusion: Mapping[str, float], key: float) -> None:
    """Raises ConfigurationError if the ion may be inside an atom, or a step of the grid may lead across one.

    Args:
        host: Its cell.
        shape: Of the grid.
        exclusion: Radii of the excluded spheres by element [Å].
        key: ``space.exclusion``.
    """
    element, radius = _smallest(exclusion)
    if radius < INSIDE:
        least = f"; expected at least {key * INSIDE / radius:.2f}" if radius > 0 else "; expected a larger one, such as 0.6"
        raise ConfigurationError(
            f"space.exclusion: {key:g} lets the ion be {radius:.2f} Å from {element}, inside the atom{least}"
        )
    step = float((host.cell.lengths() / np.array(shape)).max())
    if step > radius:
        raise ConfigurationError(
            f"space.grid: steps of {step:.2f} Å lead across atoms: the excluded sphere around {element} has a radius of "
            f"{radius:.2f} Å; expected steps of at most {radius:.2f} Å"
        )


def check_steps(host: Atoms, shape: tuple[int, int, int], exclusion: Mapping[str, float]) -> None:
    """Raises ConfigurationError if a step to one of the 26 neighbours of a point may lead into an atom.

    A step of length L between two points outside a sphere of radius r comes as near to its centre as (r² - L²/4)^½.

    Args:
        host: Its cell.
        shape: Of the grid.
        exclusion: Radii of the excluded spheres by element [Å], as :func:`check_room` accepts them.
    """
    element, radius = _smallest(exclusion)
    around = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    steps = np.linalg.norm(around / np.array(shape) @ host.cell.array, axis=1)
    longest, most = float(steps.max()), 2.0 * float(np.sqrt(max(radius**2 - INSIDE**2, 0.0)))
    if longest > most:
        spacing = float((host.cell.lengths() / np.array(shape)).max()) * most / longest
        raise ConfigurationError(
            f"space.grid: steps of {longest:.2f} Å between neighbouring points lead into atoms: the excluded sphere around "
            f"{element} has a radius of {radius:.2f} Å; expected a grid of at most {spacing:.2f} Å, or a larger space.exclusion"
        )


def _smallest(exclusion: Mapping[str, float]) -> tuple[str, float]:
    return min(exclusion.items(), key=lambda item: item[1])
