"""Sites of an interstitial ion: the states it relaxes to from the voids of a crystal.

An ion that is put onto a high-symmetry place stays there even where that is a ridge, since no force leads off it. So the lowest
motions are measured: where one lowers the energy, its two sides are followed down, and the place is no site.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from tansaku.calculators.workflows.migration.checks import has_bonds
from tansaku.calculators.workflows.migration.crystal import Crystal
from tansaku.calculators.workflows.migration.modes import Modes, lowest_modes
from tansaku.calculators.workflows.migration.network import Network, Operation
from tansaku.calculators.workflows.migration.passage import Passage
from tansaku.calculators.workflows.migration.refine import PUSH, internal, unit
from tansaku.calculators.workflows.migration.relaxing import State
from tansaku.calculators.workflows.migration.voids import Dropped, Void, VoidMaker
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray

_MOST_DIRECTIONS = 12
_MOST_RELAXATIONS = 7
"""Largest number of relaxations from one void: a point with two unstable modes has up to four descents."""


@dataclass(frozen=True)
class Rest:
    """A state in which an ion rests.

    Attributes:
        place: Of the ion, as fractions of the crystal's cell vectors, less what the whole crystal has moved, shape ``(3,)``.
        frame: Positions of the crystal's atoms in the supercell [Å], shape ``(n_atoms, 3)``.
        ion: Position of the ion [Å], shape ``(3,)``.
        eigenvalue: The lowest curvature [eV/Å^2].
    """

    place: FloatArray
    frame: FloatArray
    ion: FloatArray
    eigenvalue: float


@dataclass(frozen=True)
class Settled:
    """Result of relaxing an ion in a void.

    Attributes:
        rests: New states.
        reason: Why the void itself is no site; empty where it is one.
        message: The reason in words.
    """

    rests: tuple[Rest, ...]
    reason: str
    message: str


@dataclass(frozen=True)
class Site:
    """A kind of interstitial site.

    Attributes:
        void: Where it is and what symmetry makes equal to it.
        rest: The state in which it was found.
    """

    void: Void
    rest: Rest


def with_sites(host: Atoms, ion: str, voids: Sequence[Void]) -> Atoms:
    """The crystal with an ion on every place, behind its own atoms; ions that move elsewhere in it count as any atom does."""
    places = np.concatenate([void.fractions for void in voids])
    full: Atoms = host.copy()
    if has_bonds(full):
        # What is named like the voids has no bonds that are kept, but a place.
        names = full.arrays["site"]
        full.set_array("site", np.where(names == full.info.get("mobile_site"), "", names))
    full += Atoms([ion] * len(places), positions=places @ host.cell.array)
    return full


def open_voids(host: Atoms, operations: tuple[Operation, ...], full: Atoms) -> Network:
    """The voids as sites without hops, for states in which the ion may go anywhere."""
    return Network(tuple(range(len(host), len(full))), {}, (), operations, "interstitial")


def find_sites(
    voids: Sequence[Void], maker: VoidMaker, settled: Callable[[int, Sequence[Void]], Settled]
) -> tuple[tuple[Site, ...], tuple[Dropped, ...]]:
    """Finds the kinds of sites.

    Args:
        voids: Where an ion is put.
        maker: Makes voids of the places that it goes to.
        settled: What becomes of the ion in one of them, given the sites that are known.

    Returns:
        Sites in the order in which they were found, and voids that are not sites.

    Raises:
        CalculationError: ``no_site``: there is none.
    """
    sites: list[Site] = []
    dropped: list[Dropped] = []
    for number, void in enumerate(voids):
        found = settled(number, [site.void for site in sites])
        for rest in found.rests:
            place = maker.void(rest.place)
            if not any(maker.near(place.fractions[0], site.void) for site in sites):
                sites.append(Site(place, rest))
        # An ion that leaves a symmetry element by little is still in the same void.
        if found.reason and not any(maker.near(void.fractions[0], site.void) for site in sites):
            dropped.append(Dropped(void.place, found.reason, found.message))
    if not sites:
        why = "; ".join(f"{item.reason}: {item.message}" for item in dropped)
        raise CalculationError("no_site", f"an ion rests in none of {len(voids)} voids: {why}")
    return tuple(sites), tuple(dropped)


def settle(crystal: Crystal, site: int, void: Void, maker: VoidMaker, known: Sequence[Void]) -> Settled:
    """Puts an ion into a void and relaxes it.

    Args:
        crystal: With the voids as sites.
        site: Index of the void's first place in the host.
        maker: Compares places.
        known: Sites that were found before.
    """
    index = crystal.supercell.index(site, (0, 0, 0))
    kept = crystal.kept(index)
    passage = Passage(crystal, kept, int(np.searchsorted(kept, index)))
    waiting = [passage.atoms().positions]
    rests: list[Rest] = []
    reason, message = "", ""
    for tried in range(_MOST_RELAXATIONS):
        if not waiting:
            break
        try:
            state = passage.relax(waiting.pop(0))
        except CalculationError as error:
            reason, message = reason or error.reason, message or error.message
            continue
        place = _place(passage, state)
        if not tried and not maker.near(place, void):
            reason, message = "unstable", "an ion put there goes elsewhere"
        known_here = [*known, *(maker.void(rest.place) for rest in rests)]
        if any(maker.near(place, known_void) for known_void in known_here):
            if not tried:
                reason, message = "merged", "an ion put there goes to a site that is known"
            continue
        modes = _modes(passage, state)
        if modes.unstable:
            if not tried:
                reason, message = "unstable", f"a motion lowers the energy there ({modes.values[0]:.2f} eV/Å^2)"
            way = PUSH * unit(modes.vectors[0].reshape(-1, 3))
            waiting += [state.positions + way, state.positions - way]
            continue
        rest = np.arange(len(kept)) != passage.ion
        rests.append(Rest(place, state.positions[rest], state.positions[passage.ion], float(modes.values[0])))
    return Settled(tuple(rests), reason, message)


def _place(passage: Passage, state: State) -> FloatArray:
    """Returns the ion's position less the drift of the whole crystal, as fractions of its cell vectors, shape ``(3,)``."""
    moved = state.positions - passage.atoms().positions
    drift = np.delete(moved, passage.ion, axis=0).mean(axis=0)
    cell = passage.crystal.supercell.host.cell.array
    return np.asarray(np.linalg.solve(cell.T, state.positions[passage.ion] - drift))


def _modes(passage: Passage, state: State) -> Modes:
    """The lowest motions of a state, those of the ion first."""
    size = state.positions.size
    guess = passage.curvature
    inverse = np.eye(size) if guess is None else np.asarray(np.linalg.inv(guess), dtype=np.float64)
    starts = [np.eye(size)[3 * passage.ion + axis] for axis in range(3)]

    def apply(direction: FloatArray) -> FloatArray:
        return passage.bend(state.positions, direction, state.forces)

    return lowest_modes(apply, starts, inverse, internal, _MOST_DIRECTIONS)
