"""Minima and saddle points of an ion beside the points of a grid: relaxed minima, a climbing-image band along each hop.

The bands are those of the migration barriers (:mod:`..migration.band`); they start from the path over the grid, and only the
ion moves where the host is rigid. In place of a band there may be a search from the pass (:mod:`.saddle_search`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from ase import Atoms, units
from ase.constraints import FixAtoms

from tansaku.calculators.workflows.migration.band import climb_along
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.modes import STEP
from tansaku.calculators.workflows.migration.plain import plain_state, read_state
from tansaku.calculators.workflows.migration.relaxing import Relaxer, State, Through
from tansaku.calculators.workflows.pinned_ion import relax_in_plane
from tansaku.diffusion.hops.grid_path import GridPath, GridPaths
from tansaku.diffusion.hops.hop_network import Fraction, HopNetwork, Pass, Site
from tansaku.diffusion.hops.report import pass_label
from tansaku.diffusion.hops.saddle_search import climb_by_dimer, distance_to, local_direction
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict

StructureAt = Callable[[FloatArray], Atoms]
"""The cell that is computed, with the ion, which is the last atom, at fractional coordinates of the host's cell."""

SaddleMethod = Literal["band", "dimer", "plane"]


@dataclass(frozen=True)
class RefinementSettings:
    """Settings by which hops are refined.

    Attributes:
        method: ``band``: a climbing-image band along the hop; ``dimer``: the dimer method from the pass of the grid; ``plane``:
            the ion relaxes in the plane through the pass of the grid that is perpendicular to the path there.
        images: Between the ends of a band.
        fmax: Largest force at the end [eV/Å].
        max_steps: Of an optimiser.
        rigid: Whether only the ion moves.
        vibrations: Whether the ion's vibrations are computed.
    """

    method: SaddleMethod = "band"
    images: int = 5
    fmax: float = 0.02
    max_steps: int = 400
    rigid: bool = True
    vibrations: bool = True


@dataclass(frozen=True)
class RefinedHop:
    """A hop after its band was relaxed, or its saddle point found.

    Attributes:
        number: Of the pass in the network that was refined.
        energies: Along the band, ends included [eV]; without a band: of the first minimum, the saddle point and the second.
        distance: Of the ion along the band [Å].
        structures: The images.
        converged: Whether the band's forces are below the threshold.
        method: How the saddle point was found.
        direction: Of the path at the pass, where the method needs it: a plane is perpendicular to it, a dimer starts along it.
        force_along: Force on the ion along it where the ion was kept in a plane [eV/Å].
    """

    number: int
    energies: tuple[float, ...]
    distance: tuple[float, ...]
    structures: tuple[Atoms, ...]
    converged: bool
    method: SaddleMethod = "band"
    direction: tuple[float, ...] | None = None
    force_along: float | None = None


@dataclass(frozen=True)
class Refinement:
    """Result of a refinement.

    Attributes:
        network: With the better energies.
        hops: Hops that were refined, one of those that symmetry makes equal.
        failures: Why others were not, by name of the hop.
        evaluations: Energies and forces that were computed.
        earlier: How many of them were found in the checkpoint of an earlier run.
    """

    network: HopNetwork
    hops: tuple[RefinedHop, ...]
    failures: Mapping[str, str]
    evaluations: int
    earlier: int = 0


class Refiner:
    """Refines hops of a network.

    Args:
        calculator: Of the campaign.
        structure_at: Builds the cell that is computed.
        checkpoint: Finished parts, from which a killed refinement continues.
    """

    def __init__(
        self, calculator: Calculator, structure_at: StructureAt, settings: RefinementSettings, checkpoint: Checkpoint
    ) -> None:
        self._through = Through(calculator)
        self._relaxer = Relaxer(self._through, settings.fmax, settings.max_steps)
        self._structure_at = structure_at
        self._settings = settings
        self._checkpoint = checkpoint
        self._earlier = 0

    def refine(self, network: HopNetwork, paths: GridPaths, highest: float) -> Refinement:
        """Refines all hops up to an energy.

        Args:
            network: From the grid.
            paths: Over the same surface.
            highest: Passes up to this one are refined [eV].
        """
        known: dict[int, Site] = {}
        better: dict[int, Pass] = {}
        hops: list[RefinedHop] = []
        failures: dict[int, str] = {}
        for number, item in enumerate(network.passes):
            if item.energy > highest or item.orbit in better or item.orbit in failures:
                continue
            try:
                for site in (item.hop.first, item.hop.second):
                    self._site(network, site, known)
                found, refined = self._pass(network, number, paths, known)
            except CalculationError as error:
                failures[item.orbit] = f"{error.reason}: {error.message}"
                continue
            better[item.orbit] = refined
            hops.append(found)
        # What symmetry makes equal has the same energies; positions stay those of the grid, on which diffusion does not depend.
        sites = {
            number: replace(site, energy=known[site.candidate].energy, frequencies=known[site.candidate].frequencies)
            for number, site in enumerate(network.sites)
            if site.candidate in known
        }
        passes = {
            number: replace(
                item,
                energy=better[item.orbit].energy,
                frequencies=better[item.orbit].frequencies,
                method=better[item.orbit].method,
            )
            for number, item in enumerate(network.passes)
            if item.orbit in better
        }
        named = {pass_label(item): failures[item.orbit] for item in network.passes if item.orbit in failures}
        spent = self._through.evaluations + self._earlier
        return Refinement(network.refined(sites, passes), tuple(hops), named, spent, self._earlier)

    def _site(self, network: HopNetwork, number: int, known: dict[int, Site]) -> None:
        site = network.sites[number]
        if site.candidate in known:
            return
        state, frequencies = self._end(site.fraction, f"site-{site.candidate}")
        known[site.candidate] = replace(site, energy=state.energy, frequencies=frequencies if len(frequencies) == 3 else ())

    def _pass(self, network: HopNetwork, number: int, paths: GridPaths, known: Mapping[int, Site]) -> tuple[RefinedHop, Pass]:
        item = network.passes[number]
        # Several hops that are not equal may lead over one point.
        sites = [network.sites[site].fraction for site in (item.hop.first, item.hop.second)]
        name = f"hop-{item.candidate}-{content_hash([*sites, item.fraction, item.hop.cell])[:12]}"
        data = self._checkpoint.load(name)
        if data is None:
            before = self._through.evaluations
            data = self._saddle(network, item, paths)
            data["evaluations"] = self._through.evaluations - before
            self._checkpoint.save(name, data)
        else:
            self._earlier += int(data["evaluations"])
        structures = []
        start = self._structure_at(np.array(network.sites[item.hop.first].fraction))
        for positions in data["positions"]:
            image: Atoms = start.copy()
            image.positions = positions
            structures.append(image)
        found = RefinedHop(
            number,
            tuple(data["energies"]),
            tuple(data["distance"]),
            tuple(structures),
            bool(data["converged"]),
            self._settings.method,
            tuple(data["direction"]) if data["direction"] is not None else None,
            data["force_along"],
        )
        if not found.converged:
            raise CalculationError("not_converged", "the band still has forces after the largest number of steps")
        ends = max(known[network.sites[site].candidate].energy for site in (item.hop.first, item.hop.second))
        energy = max(found.energies)
        if energy <= ends:
            raise CalculationError("no_barrier", "no image of the band is higher than both ends")
        return found, replace(item, energy=energy, frequencies=tuple(data["frequencies"]), method=found.method)

    def _saddle(self, network: HopNetwork, item: Pass, paths: GridPaths) -> JsonDict:
        """Finds the saddle point of a hop."""
        first = np.array(network.sites[item.hop.first].fraction)
        last = np.array(network.sites[item.hop.second].fraction) + np.array(item.hop.cell)
        way = paths.through([first, np.array(item.fraction), last])
        start = self._held(first)
        ends = (self._moved(start, first), self._moved(start, last))
        frame = (ends[0].positions, ends[1].positions)
        if self._settings.method == "band":
            shares = np.linspace(0.0, 1.0, self._settings.images + 2)[1:-1]
            images = [self._image(start, frame, share, way, network.cell) for share in shares]
            band = climb_along(self._relaxer, start, ends, images)
            energies, chain, converged, top = band.energies, band.positions, band.converged, band.positions[band.highest]
            direction, along = None, None
        else:
            direction = local_direction(way, np.array(item.fraction), network.cell)
            state = self._from_the_pass(start, ends, way, np.array(item.fraction), direction, network.cell)
            energies, converged = (ends[0].energy, state.energy, ends[1].energy), True
            top, chain = state.positions, (ends[0].positions, state.positions, ends[1].positions)
            along = self._force_along(start, state, direction) if self._settings.method == "plane" else None
        stationary = along is None or abs(along) <= self._settings.fmax
        frequencies = self._vibrations(start, top) if self._settings.vibrations and stationary else ()
        ion = np.array([positions[-1] for positions in chain])
        return {
            "energies": list(energies),
            "distance": np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ion, axis=0), axis=1))]).tolist(),
            "positions": [positions.tolist() for positions in chain],
            "converged": converged,
            # A saddle point has exactly one unstable mode; otherwise its frequencies are meaningless.
            "frequencies": [value for value in frequencies if value > 0] if sum(v <= 0 for v in frequencies) == 1 else [],
            "direction": None if direction is None else direction.tolist(),
            "force_along": along,
        }

    def _from_the_pass(
        self,
        start: Atoms,
        ends: tuple[State, State],
        way: GridPath,
        fraction: FloatArray,
        direction: FloatArray,
        cell: FloatArray,
    ) -> State:
        """The saddle point by a search that begins at the pass of the grid."""
        share = distance_to(way, fraction, cell) / float(way.lengths(cell)[-1])
        positions = self._image(start, (ends[0].positions, ends[1].positions), share, way, cell)
        if self._settings.method == "plane":
            return relax_in_plane(self._relaxer, start, positions, direction)
        return climb_by_dimer(self._relaxer, start, positions, direction, ends)

    def _force_along(self, start: Atoms, state: State, direction: FloatArray) -> float:
        """Force on the ion along a direction [eV/Å]."""
        atoms = start.copy()
        atoms.set_constraint()
        atoms.positions = state.positions
        atoms.calc = self._through
        return float(np.asarray(atoms.get_forces())[-1] @ direction)

    def _end(self, fraction: Fraction, name: str) -> tuple[State, tuple[float, ...]]:
        """The relaxed minimum near a point, and the frequencies of the ion there [Hz]."""
        data = self._checkpoint.load(name)
        if data is not None:
            self._earlier += int(data["evaluations"])
            return read_state(data["state"]), tuple(data["frequencies"])
        before = self._through.evaluations
        start = self._held(np.array(fraction))
        state = self._relaxer.at_fixed_cell(start)
        frequencies = self._vibrations(start, state.positions) if self._settings.vibrations else ()
        real = [value for value in frequencies if value > 0]
        data = {"state": plain_state(state), "frequencies": real, "evaluations": self._through.evaluations - before}
        self._checkpoint.save(name, data)
        return state, tuple(real)

    def _moved(self, start: Atoms, place: FloatArray) -> State:
        """An end in the frame of a band: relaxed from the place itself, so that nothing is wrapped."""
        atoms = start.copy()
        atoms.positions[-1] = self._structure_at(place).positions[-1]
        return self._relaxer.at_fixed_cell(atoms)

    def _image(
        self, start: Atoms, ends: tuple[FloatArray, FloatArray], share: float, way: GridPath, cell: FloatArray
    ) -> FloatArray:
        """Positions of an image: the host between the ends, the ion on the path over the grid."""
        lengths = way.lengths(cell)
        fraction = np.array([np.interp(share * lengths[-1], lengths, column) for column in way.fractions.T])
        positions = (1.0 - share) * ends[0] + share * ends[1]
        positions[-1] = start.positions[-1] + (fraction - way.fractions[0]) @ cell
        return np.asarray(positions)

    def _held(self, fraction: FloatArray) -> Atoms:
        atoms = self._structure_at(fraction)
        atoms.set_constraint(FixAtoms(range(len(atoms) - 1)) if self._settings.rigid else None)
        return atoms

    def _vibrations(self, start: Atoms, positions: FloatArray) -> tuple[float, ...]:
        """Frequencies of the ion in a host that stands still, by central differences [Hz]; imaginary ones are negative."""
        hessian = np.zeros((3, 3))
        for axis in range(3):
            pair = []
            for sign in (1.0, -1.0):
                atoms = start.copy()
                atoms.set_constraint()
                atoms.positions = positions
                atoms.positions[-1, axis] += sign * STEP
                atoms.calc = self._through
                pair.append(np.asarray(atoms.get_forces())[-1])
            hessian[axis] = (pair[1] - pair[0]) / (2.0 * STEP)
        values = np.linalg.eigvalsh(0.5 * (hessian + hessian.T)) / float(start.get_masses()[-1])
        return tuple(float(np.sign(value) * np.sqrt(abs(value)) * units.s / (2.0 * np.pi)) for value in values)
