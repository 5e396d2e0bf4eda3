"""The relaxed crystal that all parts of the workflow share, and states with one vacancy or one additional ion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from tansaku.calculators.workflows.migration.checks import check_state
from tansaku.calculators.workflows.migration.curvature import guess
from tansaku.calculators.workflows.migration.network import Hop, Network
from tansaku.calculators.workflows.migration.relaxing import Relaxer, State
from tansaku.calculators.workflows.migration.supercell import Mapping, Supercell
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray, IntArray

RESTART = 0.35
"""Share of the way to a hop's midpoint at which the relaxation of an end state is started again."""

_SAME = 0.06
"""A relaxation whose atoms are all nearer than this to a known state, and not below it, is on its way there [Å]."""


@dataclass(frozen=True)
class Crystal:
    """A relaxed crystal and how states in it are found.

    Attributes:
        network: Sites and hops.
        supercell: In which they are computed.
        relaxer: Relaxes.
        curvature: Second derivatives of the full supercell, or None.
    """

    network: Network
    supercell: Supercell
    relaxer: Relaxer
    curvature: FloatArray | None

    def kept(self, carrier: int) -> IntArray:
        """Indices of the atoms that are there while the carrier is on a site of the supercell."""
        every = np.arange(len(self.supercell.atoms))
        if self.network.carrier == "vacancy":
            return np.delete(every, carrier)
        return np.flatnonzero(~np.isin(every % len(self.supercell.host), self.network.sites) | (every == carrier))

    def carrier(self, hop: Hop, after: bool = False) -> int:
        """Returns the carrier's atom in the supercell before a hop of the ion, or after it: a vacancy moves the other way."""
        if after == (self.network.carrier == "vacancy"):
            return self.supercell.index(hop.first, (0, 0, 0))
        return self.supercell.index(hop.second, hop.cell)

    def atoms(self, kept: IntArray, positions: FloatArray | None = None) -> Atoms:
        """Some atoms of the supercell, on their sites or at given places."""
        chosen: Atoms = self.supercell.atoms[kept]
        if positions is not None:
            chosen.positions = positions
        return chosen

    def check(self, kept: IntArray, positions: FloatArray, free: int | None) -> None:
        """Raises CalculationError unless every atom but the free ion is where it belongs."""
        check_state(self.supercell, self.atoms(kept, positions), kept, free, self.network.sites)


@dataclass(frozen=True)
class Carrier:
    """The lowest state found with the carrier, a vacancy or an interstitial ion, on a site.

    Attributes:
        site: Index of the site in the host; its copy in the first cell is empty, or the only one taken.
        state: Relaxed; the atoms are those that :meth:`Crystal.kept` names.
        spread: Between the lowest state and the highest one that a start led to [eV].
    """

    site: int
    state: State
    spread: float
    starts: int


def find_carrier(crystal: Crystal, site: int, positions: FloatArray | None = None) -> Carrier:
    """Relaxes the crystal with one ion taken out, or put in, from several starts.

    Args:
        site: Index of the site in the host.
        positions: Where the atoms begin; None: on their sites.

    Raises:
        CalculationError: The first relaxation failed, or left the ions on other sites.
    """
    kept = crystal.kept(crystal.supercell.index(site, (0, 0, 0)))
    curvature = guess(crystal.curvature, kept, np.empty(0, dtype=np.intp))
    first = crystal.relaxer.at_fixed_cell(crystal.atoms(kept, positions), curvature)
    crystal.check(kept, first.positions, None)
    best, energies = first, [first.energy]
    hops = _ways(crystal, site)
    for hop in hops:
        again = _restart(crystal, kept, best, hop, curvature)
        if again is not None:
            energies.append(again.energy)
            best = min(best, again, key=lambda state: state.energy)
    return Carrier(site, best, max(energies) - min(energies), 1 + len(hops))


def _ways(crystal: Crystal, site: int) -> list[Hop]:
    """One hop of each class, and where they differ each of its two directions, before which the carrier is on a site."""
    found: list[Hop] = []
    for hop_class in crystal.network.classes:
        for forward in (True, False):
            hops = [hop if forward else hop.back for hop in hop_class.members]
            hop = next((hop for hop in hops if _starts_on(crystal, hop) == site), None)
            if hop is not None and hop not in found:
                found.append(hop)
    return found


def _starts_on(crystal: Crystal, hop: Hop) -> int:
    return hop.second if crystal.network.carrier == "vacancy" else hop.first


def _restart(crystal: Crystal, kept: IntArray, known: State, hop: Hop, curvature: FloatArray | None) -> State | None:
    """Starts again with the ion of a hop moved on its way; None where nothing new comes of it.

    The hop begins where the carrier is in the first cell.
    """
    supercell = crystal.supercell
    cell = (-hop.cell[0], -hop.cell[1], -hop.cell[2]) if crystal.network.carrier == "vacancy" else (0, 0, 0)
    ion = int(np.searchsorted(kept, supercell.index(hop.first, cell)))
    half = 0.5 * (supercell.place(hop) - supercell.host.positions[hop.first])
    start = crystal.atoms(kept, known.positions.copy())
    on_site = supercell.atoms.positions[kept[ion]]
    start.positions[ion] += RESTART * (on_site + half - start.positions[ion])

    def is_known(atoms: Atoms) -> bool:
        moved = np.linalg.norm(atoms.positions - known.positions, axis=1)
        return bool(moved.max() < _SAME and atoms.get_potential_energy() > known.energy - 1e-4)

    try:
        state = crystal.relaxer.until(is_known, start, curvature)
        if state is not None:
            crystal.check(kept, state.positions, None)
    except CalculationError:
        # One way to look for a lower state led nowhere; the state it was to better stands.
        return None
    return state


def carry(crystal: Crystal, carrier: Carrier, mapping: Mapping) -> tuple[IntArray, FloatArray]:
    """Applies a symmetry operation to a carrier's state.

    Returns:
        Atoms that are there, and their positions near their own sites [Å].
    """
    places = crystal.supercell.atoms.positions
    at = crystal.supercell.index(carrier.site, (0, 0, 0))
    kept = crystal.kept(at)
    shifts = np.zeros_like(places)
    shifts[kept] = find_mic(carrier.state.positions - places[kept], crystal.supercell.atoms.cell, pbc=True)[0]
    turned = mapping.turn(shifts)
    there = crystal.kept(int(mapping.onto[at]))
    return there, places[there] + turned[there]
