"""The saddle point of one hop: by symmetry where it can be had that way, else by a band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tansaku.calculators.workflows.migration.band import FLAT, Band, climb
from tansaku.calculators.workflows.migration.crystal import Crystal, Vacancy, carry
from tansaku.calculators.workflows.migration.curvature import guess
from tansaku.calculators.workflows.migration.network import Cell, Hop, HopClass
from tansaku.calculators.workflows.migration.relaxing import State
from tansaku.calculators.workflows.migration.saddle import Midpoint, relax_midpoint
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray, IntArray

Method = Literal["midpoint", "band", "band_to_intermediate"]

_INTERMEDIATE_IMAGES = 3
"""Images of a band over half a hop."""

_DIP = 0.02
"""A band's image that lies below both ends by more than this is a state of its own [eV]."""

_SAME_END = 5e-3
"""Two relaxations to one state end within this of each other [eV]."""

_PUSH = 0.15
"""Displacement along an unstable motion before an intermediate state is relaxed freely [Å]."""


@dataclass(frozen=True)
class HopResult:
    """What is known of a hop's saddle point.

    Attributes:
        method: ``midpoint``: relaxed under the symmetry that exchanges the ends; ``band``: a climbing-image band from end to
            end; ``band_to_intermediate``: one from the end to a state half way.
        energy: Of the saddle point [eV].
        profile: Way along the hop from 0 to 1 and energy [eV], ends and saddle point included.
        intermediate: Energy of the state half way, None where there is none [eV].
        eigenvalues: Lowest curvatures against the hop's symmetry [eV/Å^2]; empty where there is none.
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


def find_saddle(crystal: Crystal, one: HopClass, vacancies: dict[int, Vacancy], images: int) -> HopResult:
    """Finds a hop's saddle point.

    Args:
        crystal: The crystal.
        one: The hop.
        vacancies: Relaxed end states by site, for one site of each orbit.
        images: Intermediate images of a band.

    Raises:
        CalculationError: No way to the saddle point worked; the reason of the last.
    """
    mapping = crystal.supercell.swap(one.hop, crystal.network)
    if mapping is None:
        return band_hop(crystal, one.hop, vacancies, images, "no operation of the crystal exchanges the two sites")
    end = vacancies[crystal.network.orbits[one.hop.second]].state.energy
    try:
        middle = relax_midpoint(crystal, one.hop, mapping)
    except CalculationError as error:
        return band_hop(crystal, one.hop, vacancies, images, f"midpoint: {error.reason}: {error.message}")
    above = middle.state.energy - end > FLAT
    if above and middle.unstable == 1:
        curvature = guess(crystal.curvature, middle.kept, np.array([middle.ion]))
        return _from_midpoint(middle, end, middle.state.remaining(curvature), "")
    if above and middle.unstable > 1:
        return around_midpoint(crystal, one.hop, vacancies, middle, images)
    return _over_intermediate(crystal, one.hop, vacancies, middle, images)


def band_hop(
    crystal: Crystal, hop: Hop, vacancies: dict[int, Vacancy], images: int, note: str, bend: FloatArray | None = None
) -> HopResult:
    """Finds a hop's saddle point by a band from end to end, whatever its symmetry.

    Args:
        crystal: The crystal.
        hop: The hop.
        vacancies: As for :func:`find_saddle`.
        images: Intermediate images.
        note: Why a band.
        bend: Displacement of the middle of its start [Å], shape ``(n_atoms, 3)``.

    Raises:
        CalculationError: ``not_converged``, ``exploded``, ``no_barrier`` or ``intermediate``.
    """
    supercell = crystal.supercell
    kept = crystal.without(supercell.index(hop.second, hop.cell))
    ion = np.searchsorted(kept, [supercell.index(hop.first, (0, 0, 0))])
    curvature = guess(crystal.curvature, kept, ion)
    band = climb(crystal.relaxer, crystal.atoms(kept), _ends(crystal, hop, vacancies), images, curvature, bend)
    return _from_band(crystal, hop, band, "band", note)


def around_midpoint(crystal: Crystal, hop: Hop, vacancies: dict[int, Vacancy], middle: Midpoint, images: int) -> HopResult:
    """Finds the saddle point of a hop whose midpoint is a summit between several.

    A band may end on a way of its own that is higher than the summit. Where the summit slides down to the end, the way over it
    is the lower one of the two that are known.

    Args:
        crystal: The crystal.
        hop: The hop.
        vacancies: As for :func:`find_saddle`.
        middle: Above the ends.
        images: Intermediate images of the band.

    Raises:
        CalculationError: The band's; the summit alone would be too high.
    """
    note = f"midpoint: {middle.unstable} motions lower the energy there"
    end = vacancies[crystal.network.orbits[hop.second]].state.energy
    over = _from_midpoint(middle, end, 0.0, f"{note}; the band is higher")
    # Between equal ends a band is as symmetric as its start, and would stay on the ridge that the midpoint is part of.
    found = band_hop(crystal, hop, vacancies, images, note, _PUSH * _unit(middle.modes[-1]))
    return over if over.energy < found.energy and _slides_to_end(crystal, middle, end) else found


def _slides_to_end(crystal: Crystal, middle: Midpoint, end: float) -> bool:
    """Whether the motion that lowers a midpoint's energy most leads to the end; by symmetry its reverse leads to the other."""
    start = crystal.atoms(middle.kept, middle.state.positions + _PUSH * _unit(middle.modes[0]))
    curvature = guess(crystal.curvature, middle.kept, np.array([middle.ion]))
    try:
        state = crystal.relaxer.at_fixed_cell(start, curvature)
        if state is not None:
            crystal.check(middle.kept, state.positions, middle.ion)
    except CalculationError:
        return False
    return state is not None and abs(state.energy - end) < _SAME_END


def _from_midpoint(middle: Midpoint, end: float, remaining: float, note: str) -> HopResult:
    return HopResult(
        method="midpoint",
        energy=middle.state.energy,
        profile=((0.0, end), (0.5, middle.state.energy), (1.0, end)),
        intermediate=None,
        eigenvalues=middle.eigenvalues,
        remaining=remaining,
        note=note,
        kept=middle.kept,
        positions=middle.state.positions,
    )


def _over_intermediate(crystal: Crystal, hop: Hop, vacancies: dict[int, Vacancy], middle: Midpoint, images: int) -> HopResult:
    """The midpoint is a state on the way: the saddle point lies between it and the end."""
    state, note = middle.state, "the midpoint is no saddle point but a state on the way"
    if middle.unstable:
        start = crystal.atoms(middle.kept, state.positions + _PUSH * _unit(middle.modes[0]))
        curvature = guess(crystal.curvature, middle.kept, np.array([middle.ion]))
        relaxed = crystal.relaxer.at_fixed_cell(start, curvature)
        if relaxed is None:
            raise CalculationError("not_converged", "the relaxation of an intermediate state was stopped")
        crystal.check(middle.kept, relaxed.positions, middle.ion)
        state, note = relaxed, "near the midpoint is a state on the way"
    first, _ = _ends(crystal, hop, vacancies)
    if np.linalg.norm(state.positions[middle.ion] - first.positions[middle.ion]) < 0.5:
        return band_hop(crystal, hop, vacancies, images, "midpoint: it relaxes to the end state")
    curvature = guess(crystal.curvature, middle.kept, np.array([middle.ion]))
    band = climb(crystal.relaxer, crystal.atoms(middle.kept), (first, state), min(images, _INTERMEDIATE_IMAGES), curvature)
    return _from_band(crystal, hop, band, "band_to_intermediate", note)


def _from_band(crystal: Crystal, hop: Hop, band: Band, method: Method, note: str) -> HopResult:
    supercell = crystal.supercell
    kept = crystal.without(supercell.index(hop.second, hop.cell))
    ion = int(np.searchsorted(kept, supercell.index(hop.first, (0, 0, 0))))
    lower, upper = sorted((band.energies[0], band.energies[-1]))
    energy, dip = band.saddle, min(band.energies[1:-1])
    if energy <= upper + FLAT:
        if method == "band":
            raise CalculationError("no_barrier", f"a band's highest image is {energy - lower:.3f} eV above its lower end")
        # The higher of the two states slides into the other: it is what has to be climbed.
        energy, note = upper, f"{note}; nothing lies between it and the end"
    if dip < lower - _DIP:
        raise CalculationError("intermediate", f"a band leads through a state {lower - dip:.3f} eV below both of its ends")
    steps = [np.linalg.norm(b[ion] - a[ion]) for a, b in zip(band.positions, band.positions[1:], strict=False)]
    way = np.concatenate([[0.0], np.cumsum(steps)]) / sum(steps)
    profile = [(float(x), energy) for x, energy in zip(way, band.energies, strict=True)]
    intermediate = None
    if method == "band_to_intermediate":
        intermediate = band.energies[-1]
        half = [(0.5 * x, energy) for x, energy in profile]
        profile = half + [(1.0 - x, energy) for x, energy in reversed(half[:-1])]
    return HopResult(
        method=method,
        energy=energy,
        profile=tuple(profile),
        intermediate=intermediate,
        eigenvalues=(),
        remaining=0.0,
        note=note,
        kept=kept,
        positions=band.positions[band.highest],
    )


def _ends(crystal: Crystal, hop: Hop, vacancies: dict[int, Vacancy]) -> tuple[State, State]:
    """The states before and after a hop; atoms in the order of the supercell less the hop's second site."""
    supercell = crystal.supercell
    here, there = supercell.index(hop.first, (0, 0, 0)), supercell.index(hop.second, hop.cell)
    before, after = (_empty(crystal, site, cell, vacancies) for site, cell in ((hop.second, hop.cell), (hop.first, (0, 0, 0))))
    kept, others = crystal.without(there), crystal.without(here)
    places = np.zeros((len(kept) + 1, 3))
    places[others] = after.positions
    # The ion that hops keeps its index, on the other's site, in the cell the hop leads to.
    places[here] = places[there] + supercell.place(hop) - supercell.atoms.positions[there]
    return before, State(places[kept], after.energy, np.zeros_like(after.forces), after.steps)


def _empty(crystal: Crystal, site: int, cell: Cell, vacancies: dict[int, Vacancy]) -> State:
    """The state with one site of the supercell empty, from the one that was relaxed for its orbit."""
    vacancy = vacancies[crystal.network.orbits[site]]
    for operation in crystal.network.operations:
        if operation.onto[vacancy.site] != site:
            continue
        mapping = crystal.supercell.mapping(operation, np.array(cell) - operation.cells[vacancy.site])
        if mapping is not None:
            _, positions = carry(crystal, vacancy, mapping)
            return State(positions, vacancy.state.energy, np.zeros_like(positions), vacancy.state.steps)
    kept = crystal.without(crystal.supercell.index(site, cell))
    curvature = guess(crystal.curvature, kept, np.empty(0, dtype=np.intp))
    state = crystal.relaxer.at_fixed_cell(crystal.atoms(kept), curvature)
    if state is None:
        raise CalculationError("not_converged", "the relaxation of an end state was stopped")
    return state


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / float(np.linalg.norm(vectors, axis=1).max())
