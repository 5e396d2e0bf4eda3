"""The saddle point of one hop: by symmetry where it can be had that way, else by a band.

Saddle points of hops whose two ends are exchanged by a symmetry operation of the crystal.
The operation maps the way of the ion onto its own reverse, so the energy along it is even about the middle, and relaxing under
the operation leads to a stationary point there: the saddle point, if exactly one of the motions that the operation reverses
lowers the energy. This replaces a band of images by one relaxation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from ase import Atoms

from tansaku.calculators.workflows.migration.band import FLAT, ROUGH_STEPS, Band, climb
from tansaku.calculators.workflows.migration.crystal import Carrier, Crystal, carry
from tansaku.calculators.workflows.migration.curvature import guess
from tansaku.calculators.workflows.migration.joining import DIP, SAME_STATE, Way, over_both, split
from tansaku.calculators.workflows.migration.modes import FLAT_CURVATURE, STEP, Modes, lowest_modes
from tansaku.calculators.workflows.migration.network import Cell, Hop, HopClass
from tansaku.calculators.workflows.migration.passage import Passage, open_passage
from tansaku.calculators.workflows.migration.refine import PUSH, refine, unit
from tansaku.calculators.workflows.migration.relaxing import State, odd_part
from tansaku.calculators.workflows.migration.supercell import Mapping
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray, IntArray

Method = Literal["midpoint", "band", "band_to_intermediate", "refined", "refined_to_intermediate", "look", "at_most"]

_INTERMEDIATE_IMAGES = 3
"""Images of a band over half a hop."""

_LEAST_SHARE = 0.5
"""A saddle point is at least so high above the states of its hop, as a share of the relaxed midpoint's height."""

_TO_SEE = 6
"""Directions in which a motion that lowers the energy of a midpoint is looked for."""

_AT_END = 0.5
"""An ion nearer than this to where it started is still there [Å]."""


@dataclass(frozen=True)
class HopResult:
    """Saddle point of a hop, and how it was found.

    Attributes:
        method: ``midpoint``: relaxed under the symmetry that exchanges the ends; ``band``: a climbing-image band from end to
            end; ``band_to_intermediate``: one from the end to a state half way; ``refined``, ``refined_to_intermediate``: from
            the highest image of such a band, or from a midpoint that is none, to the saddle point, and down its two sides;
            ``look``: a midpoint after a few steps; ``at_most``: a midpoint that the saddle point is not above.
        energy: Of the saddle point [eV].
        profile: Way along the hop from 0 to 1 and energy [eV], ends and saddle point included.
        intermediate: Energy of the state half way, None where there is none [eV].
        eigenvalues: Lowest curvatures at the saddle point, of a midpoint those against the hop's symmetry [eV/Å^2]; empty where
            they were not measured.
        remaining: What forces left over would still bring at the saddle point [eV].
        note: Why the method was chosen, where it was not the first.
        kept: Atoms of the supercell in ``positions``.
        positions: At the saddle point [Å].
    """

    method: Method
    energy: float
    profile: tuple[tuple[float, float], ...]
    intermediate: float | None
    eigenvalues: tuple[float, ...]
    remaining: float
    note: str
    kept: IntArray
    positions: FloatArray


@dataclass(frozen=True)
class Bounds:
    """Energies between which the saddle point of a class of hops is expected.

    Attributes:
        least: It is not below [eV].
        middle: The relaxed midpoint, at whose energy is a way over it: the saddle point is not above. None where that is not
            known.
        start: Positions of the relaxed midpoint, None where there is none [Å], shape ``(n_atoms, 3)``.
    """

    least: float
    middle: HopResult | None
    start: FloatArray | None


def bound_saddle(crystal: Crystal, hop_class: HopClass, carriers: dict[int, Carrier]) -> Bounds:
    """Finds bounds of a hop's saddle point from its midpoint, as far as symmetry gives one.

    Args:
        carriers: Relaxed end states by site, for one site of each orbit.
    """
    hop, orbits = hop_class.hop, crystal.network.orbits
    ends = [carriers[orbits[site]].state.energy for site in (hop.first, hop.second)]
    mapping = crystal.supercell.swap(hop, crystal.network)
    if mapping is None:
        return Bounds(max(ends), None, None)
    try:
        middle = relax_midpoint(crystal, hop, mapping, most=_TO_SEE)
    except CalculationError:
        return Bounds(max(ends), None, None)
    energy = middle.state.energy
    way = None
    if middle.unstable and energy > max(ends) + FLAT:
        way = replace(_from_midpoint(middle, ends[1], 0.0, "not needed further"), method="at_most")
    return Bounds(max(ends) + _LEAST_SHARE * max(energy - max(ends), 0.0), way, middle.state.positions)


def find_saddle(
    crystal: Crystal,
    hop_class: HopClass,
    carriers: dict[int, Carrier],
    images: int,
    start: FloatArray | None = None,
) -> HopResult:
    """Finds a hop's saddle point.

    Args:
        carriers: Relaxed end states by site, for one site of each orbit.
        images: Intermediate images of a band.
        start: The relaxed midpoint, where it is known [Å], shape ``(n_atoms, 3)``. Beside it a saddle point is then looked for
            before a band is relaxed.

    Raises:
        CalculationError: No way to the saddle point worked; the reason of the last.
    """
    passage = open_passage(crystal, hop_class.hop)
    mapping = crystal.supercell.swap(hop_class.hop, crystal.network)
    if mapping is None:
        ends = hop_ends(crystal, hop_class.hop, carriers)
        return _between(passage, ends, images, "band", "no operation of the crystal exchanges the two sites")
    end = carriers[crystal.network.orbits[hop_class.hop.second]].state.energy
    try:
        middle = relax_midpoint(crystal, hop_class.hop, mapping, start)
    except CalculationError as error:
        return _between(
            passage, hop_ends(crystal, hop_class.hop, carriers), images, "band", f"midpoint: {error.reason}: {error.message}"
        )
    above = middle.state.energy - end > FLAT
    if above and middle.unstable == 1:
        return _from_midpoint(middle, end, middle.state.remaining(passage.curvature), "")
    ends = hop_ends(crystal, hop_class.hop, carriers)
    if above and middle.unstable > 1:
        return around_midpoint(middle, ends, images, search=start is not None)
    return _over_intermediate(middle, ends, images)


def band_hop(
    crystal: Crystal, hop: Hop, carriers: dict[int, Carrier], images: int, bend: FloatArray | None = None
) -> HopResult:
    """Finds a hop's saddle point by a band from end to end and nothing else, whatever its symmetry.

    Args:
        carriers: As for :func:`find_saddle`.
        images: Intermediate images.
        bend: Displacement of the middle of its start [Å], shape ``(n_atoms, 3)``.

    Raises:
        CalculationError: ``not_converged``, ``exploded``, ``no_barrier`` or ``intermediate``.
    """
    passage = open_passage(crystal, hop)
    ends = hop_ends(crystal, hop, carriers)
    band = climb(crystal.relaxer, passage.atoms(), ends, images, passage.curvature, bend)
    if not band.converged:
        raise _astray(band)
    dip = min(band.energies[0], band.energies[-1]) - min(band.energies)
    if dip > DIP:
        raise CalculationError("intermediate", f"a band leads through a state {dip:.3f} eV below both of its ends")
    return _from_band(passage, band, "band", "for comparison")


def around_midpoint(middle: Midpoint, ends: tuple[State, State], images: int, search: bool = False) -> HopResult:
    """Finds the saddle point of a hop whose midpoint is a summit between several.

    A band may end on a way of its own that is higher than the summit. Where the summit slides down to the end, the way over it
    is the lower one of the two that are known. Where no band leads to a saddle point, one beside the summit is looked for.

    Args:
        middle: Above the ends.
        ends: The states before and after the hop.
        images: Intermediate images of the band.
        search: Whether a saddle point beside the summit is looked for first, and a band is the second way.

    Raises:
        CalculationError: That of the first way; the summit alone would be too high.
    """
    note = f"midpoint: {middle.unstable} motions lower the energy there"
    end = ends[0].energy
    summit = _from_midpoint(middle, end, 0.0, f"{note}; the {'saddle point beside it' if search else 'band'} is higher")
    # Between equal ends a band is as symmetric as its start, and would stay on the ridge that the midpoint is part of.
    aside = PUSH * unit(middle.modes[-1])

    def by_band(note: str) -> HopResult:
        return _between(middle.passage, ends, images, "band", note, aside)

    def by_search(note: str) -> HopResult:
        beside = refine(middle.passage, middle.state.positions + aside, middle.modes[0])
        way = over_both(middle.passage, ends, beside, images, middle.turn)
        return _from_way(middle.passage, way, ends, "refined", f"{note}; there is one beside it")

    first, second = (by_search, by_band) if search else (by_band, by_search)
    try:
        found = first(note)
    except CalculationError as error:
        found = second(f"{note}; {error.message}")
    return summit if summit.energy < found.energy and _slides_to_end(middle, end) else found


def _slides_to_end(middle: Midpoint, end: float) -> bool:
    """Returns whether a midpoint's steepest descent leads to the end; by symmetry its reverse leads to the other end."""
    try:
        state = middle.passage.relax(middle.state.positions + PUSH * unit(middle.modes[0]))
    except CalculationError:
        return False
    return abs(state.energy - end) < SAME_STATE


def _from_midpoint(middle: Midpoint, end: float, remaining: float, note: str) -> HopResult:
    return HopResult(
        method="midpoint",
        energy=middle.state.energy,
        profile=((0.0, end), (0.5, middle.state.energy), (1.0, end)),
        intermediate=None,
        eigenvalues=middle.eigenvalues,
        remaining=remaining,
        note=note,
        kept=middle.passage.kept,
        positions=middle.state.positions,
    )


def _over_intermediate(middle: Midpoint, ends: tuple[State, State], images: int) -> HopResult:
    """The midpoint is a state on the way: the saddle point lies between it and the end."""
    passage, state, note = middle.passage, middle.state, "the midpoint is no saddle point but a state on the way"
    if middle.unstable:
        state = passage.relax(state.positions + PUSH * unit(middle.modes[0]))
        note = "near the midpoint is a state on the way"
    if np.linalg.norm(state.positions[passage.ion] - ends[0].positions[passage.ion]) < _AT_END:
        return _between(passage, ends, images, "band", "midpoint: it relaxes to the end state")
    return _between(passage, (ends[0], state), min(images, _INTERMEDIATE_IMAGES), "band_to_intermediate", note)


def _between(
    passage: Passage, ends: tuple[State, State], images: int, method: Method, note: str, bend: FloatArray | None = None
) -> HopResult:
    """The saddle point between two states: a band's where it converges soon, else that near its highest image."""
    relaxer = passage.crystal.relaxer
    # A code that relaxes bands by itself is left to end what it has begun.
    steps = relaxer.max_steps if relaxer.through.has_bands else min(relaxer.max_steps, ROUGH_STEPS)
    soon = replace(relaxer, max_steps=steps)
    band = climb(soon, passage.atoms(), ends, images, passage.curvature, bend)
    dip = min(band.energies[0], band.energies[-1]) - min(band.energies)
    # Up to a state that is higher than the other a band may have no highest image, and the way a saddle point.
    hidden = method == "band" and band.saddle <= max(band.energies[0], band.energies[-1]) + FLAT
    if band.converged and dip <= DIP and not hidden:
        return _from_band(passage, band, method, note)
    why = _astray(band).message
    if band.converged:
        why = f"a band leads through a state {dip:.3f} eV below its ends" if dip > DIP else "a band is highest at its end"
    try:
        way = split(passage, ends, band, images)
    except CalculationError as error:
        raise CalculationError(error.reason, f"{why}; {error.message}") from error
    refined: Method = "refined" if method == "band" else "refined_to_intermediate"
    if way.saddle is None:
        why += "; no saddle point is found beside it"
    return _from_way(passage, way, ends, refined, f"{note}; {why}")


def _astray(band: Band) -> CalculationError:
    return CalculationError("not_converged", f"a band did not converge: forces of {band.left:.3f} eV/Å are left")


def _from_band(passage: Passage, band: Band, method: Method, note: str) -> HopResult:
    lower, upper = sorted((band.energies[0], band.energies[-1]))
    energy = band.saddle
    if energy <= upper + FLAT:
        if method == "band":
            raise CalculationError("no_barrier", f"a band's highest image is {energy - lower:.3f} eV above its lower end")
        # The higher of the two states slides into the other: it is what has to be climbed.
        energy, note = upper, f"{note}; nothing lies between it and the end"
    intermediate = band.energies[-1] if method == "band_to_intermediate" else None
    return HopResult(
        method=method,
        energy=energy,
        profile=_profile(passage, list(zip(band.positions, band.energies, strict=True)), intermediate is not None),
        intermediate=intermediate,
        eigenvalues=(),
        remaining=0.0,
        note=note,
        kept=passage.kept,
        positions=band.positions[band.highest],
    )


def _from_way(passage: Passage, way: Way, ends: tuple[State, State], method: Method, note: str) -> HopResult:
    lower, upper = sorted(state.energy for state in ends)
    half = method == "refined_to_intermediate"
    if way.saddle is None and not half and upper - lower < SAME_STATE:
        raise CalculationError("no_barrier", "nothing lies between the two ends of a hop")
    energy, positions = (upper, max(way.points, key=lambda point: point[1])[0])
    if way.saddle is not None:
        energy, positions = way.saddle.state.energy, way.saddle.state.positions
    lowest = min(way.lowest, ends[1].energy if half else np.inf)
    return HopResult(
        method=method,
        energy=energy,
        profile=_profile(passage, list(way.points), half),
        intermediate=lowest if half or lowest < lower - SAME_STATE else None,
        eigenvalues=way.saddle.eigenvalues if way.saddle is not None else (),
        remaining=way.saddle.state.remaining(passage.curvature) if way.saddle is not None else 0.0,
        note=note,
        kept=passage.kept,
        positions=positions,
    )


def _profile(passage: Passage, points: list[tuple[FloatArray, float]], half: bool) -> tuple[tuple[float, float], ...]:
    """Way along a hop from 0 to 1 and energy [eV]; of half a way the other half is the same."""
    ion = np.array([positions[passage.ion] for positions, _ in points])
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ion, axis=0), axis=1))])
    profile = [(float(x), energy) for x, (_, energy) in zip(way / way[-1], points, strict=True)]
    if half:
        first = [(0.5 * x, energy) for x, energy in profile]
        profile = first + [(1.0 - x, energy) for x, energy in reversed(first[:-1])]
    return tuple(profile)


def hop_ends(crystal: Crystal, hop: Hop, carriers: dict[int, Carrier]) -> tuple[State, State]:
    """The states before and after a hop; atoms in the order of those before it, the ion among them."""
    supercell = crystal.supercell
    here, there = supercell.index(hop.first, (0, 0, 0)), supercell.index(hop.second, hop.cell)
    ways = [(hop.first, (0, 0, 0)), (hop.second, hop.cell)]
    if crystal.network.carrier == "vacancy":
        ways.reverse()
    before, after = (_occupied(crystal, site, cell, carriers) for site, cell in ways)
    kept, others = crystal.kept(crystal.carrier(hop)), crystal.kept(crystal.carrier(hop, after=True))
    places = np.zeros((len(supercell.atoms), 3))
    places[others] = after.positions
    # The ion that hops keeps its index, on the other's site, in the cell the hop leads to.
    places[here] = places[there] + supercell.place(hop) - supercell.atoms.positions[there]
    return before, State(places[kept], after.energy, np.zeros_like(after.forces), after.steps)


def _occupied(crystal: Crystal, site: int, cell: Cell, carriers: dict[int, Carrier]) -> State:
    """The state with the carrier on a site of the supercell, from the one that was relaxed for its orbit."""
    carrier = carriers[crystal.network.orbits[site]]
    for operation in crystal.network.operations:
        if operation.onto[carrier.site] != site:
            continue
        mapping = crystal.supercell.mapping(operation, np.array(cell) - operation.cells[carrier.site])
        if mapping is not None:
            _, positions = carry(crystal, carrier, mapping)
            return State(positions, carrier.state.energy, np.zeros_like(positions), carrier.state.steps)
    kept = crystal.kept(crystal.supercell.index(site, cell))
    curvature = guess(crystal.curvature, kept, np.empty(0, dtype=np.intp))
    return crystal.relaxer.at_fixed_cell(crystal.atoms(kept), curvature)


_MOST_DIRECTIONS = 12


@dataclass(frozen=True)
class Midpoint:
    """A relaxed state half way.

    Attributes:
        passage: Its atoms.
        mapping: The operation, on them.
        eigenvalues: Of the lowest motions that the operation reverses, ascending [eV/Å^2].
        modes: The lowest two of them, or one where there is no other, shape ``(2, n_atoms, 3)``.
        evaluations: Spent on them.
    """

    state: State
    passage: Passage
    mapping: Mapping
    eigenvalues: tuple[float, ...]
    modes: FloatArray
    evaluations: int

    @property
    def unstable(self) -> int:
        """Number of motions that lower the energy."""
        return sum(value < -FLAT_CURVATURE for value in self.eigenvalues)

    def turn(self, positions: FloatArray) -> FloatArray:
        """Positions after applying the operation [Å], shape ``(n_atoms, 3)``."""
        return self.state.positions + self.mapping.turn(positions - self.state.positions)


def relax_midpoint(
    crystal: Crystal, hop: Hop, mapping: Mapping, start: FloatArray | None = None, most: int | None = None
) -> Midpoint:
    """Relaxes a hop's midpoint under the symmetry operation that exchanges its ends.

    Args:
        mapping: The operation, on the full supercell.
        start: As for :func:`find_saddle`.
        most: Directions in which motions that lower the energy are looked for, until there is one; None: the lowest are found.

    Raises:
        CalculationError: Not converged, or an atom has left its place.
    """
    passage, atoms = midpoint_start(crystal, hop)
    if start is not None:
        atoms.positions = start
    bound = restrict(mapping, passage.kept, passage.ion)
    state = crystal.relaxer.at_fixed_cell(atoms, passage.curvature, bound)
    passage.check(state.positions)
    before = crystal.relaxer.through.evaluations
    modes = _odd_modes(passage, state, bound, most)
    return Midpoint(
        state=state,
        passage=passage,
        mapping=bound,
        eigenvalues=tuple(float(value) for value in modes.values[:3]),
        modes=modes.vectors[:2].reshape(-1, len(passage.kept), 3),
        evaluations=crystal.relaxer.through.evaluations - before,
    )


def midpoint_start(crystal: Crystal, hop: Hop) -> tuple[Passage, Atoms]:
    """Returns a hop's passage, and its atoms on their sites but for the ion, which is half way."""
    supercell, passage = crystal.supercell, open_passage(crystal, hop)
    start = passage.atoms()
    start.positions[passage.ion] = 0.5 * (supercell.host.positions[hop.first] + supercell.place(hop))
    return passage, start


def restrict(mapping: Mapping, kept: IntArray, ion: int) -> Mapping:
    """Returns an operation restricted to the atoms in the supercell; the ion is mapped onto itself."""
    onto = np.searchsorted(kept, mapping.onto[kept]).astype(np.intp)
    onto[ion] = ion
    return Mapping(onto, mapping.rotation)


def _odd_modes(passage: Passage, state: State, mapping: Mapping, most: int | None) -> Modes:
    """The lowest motions that the operation reverses; with ``most``, until one of them lowers the energy.

    One evaluation a direction: the forces on the other side follow from the operation.
    """
    count = len(passage.kept)

    def apply(direction: FloatArray) -> FloatArray:
        shape = direction.reshape(count, 3)
        step = STEP / float(np.linalg.norm(shape, axis=1).max())
        _, forces = passage.forces(state.positions + step * shape)
        return np.asarray(-odd_part(forces, mapping).ravel() / step)

    def odd(direction: FloatArray) -> FloatArray:
        vectors = odd_part(direction.reshape(count, 3), mapping)
        # An inversion also reverses a translation of all atoms, which costs no energy; it is projected out.
        return np.asarray((vectors - vectors.mean(axis=0)).ravel())

    guess = passage.curvature
    inverse = np.eye(3 * count) if guess is None else np.asarray(np.linalg.inv(guess), dtype=np.float64)
    starts = [np.eye(3 * count)[3 * passage.ion + axis] for axis in range(3)]
    return lowest_modes(apply, starts, inverse, odd, most or _MOST_DIRECTIONS, until_unstable=most is not None)
