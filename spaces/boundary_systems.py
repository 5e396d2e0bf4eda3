"""The systems and surfaces of a grain-boundary space, before any candidate is listed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tansaku.calculators.structures.axial_boundary import axial_boundary
from tansaku.calculators.structures.bicrystal import Bicrystal, Translation, bicrystal_of
from tansaku.calculators.structures.coincidence import TiltBoundary, boundaries_up_to, boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.general_boundary import GeneralBoundary, general_boundary
from tansaku.calculators.structures.general_stacking import GeneralStack
from tansaku.calculators.structures.grain_orientation import ORIENTATIONS
from tansaku.calculators.structures.hexagonal import HexagonalCrystal, hexagonal_boundary
from tansaku.calculators.structures.hexagonal_stacking import Boundary, stack_of
from tansaku.calculators.structures.perfect_crystal import Crystal, crystal_of
from tansaku.calculators.structures.rigid_blocks import BlockCell
from tansaku.calculators.structures.stacking import PlaneStack, translation_keys
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.boundary_cell import BlockCellSpec
from tansaku.models.domain.specs.grain_boundary import BoundarySelectionSpec, GeneralBoundarySpec, GrainBoundarySpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.spaces.boundary_grid import TranslationGrid, grid_counts, translation_grid

if TYPE_CHECKING:
    from ase import Atoms

POOL_KEYS = "space.boundaries (max_sigma, angles), space.translation (its steps)"
"""The keys that set how many candidates there are."""

LARGEST_OPENING = 3.0
"""Grains that begin further apart may not touch any more [Å]; nearest neighbours of metals are 2.5 to 3.2 Å apart."""

BoundaryCell = Bicrystal | BlockCell
"""A cell with two boundaries, or with one."""


@dataclass(frozen=True)
class BoundarySurface:
    """The candidates of a boundary that share one number of removed planes.

    Attributes:
        removed: Lattice planes removed at each boundary.
        kept: Which in-plane translations of the grid are listed, shape ``(n_x * n_y,)``.
    """

    name: str
    removed: int
    kept: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class BoundarySystem:
    """A boundary, which is a separate search problem.

    Attributes:
        cell: The cell of the search.
        thicker: Cells with thicker grains, by thickness [Å].
    """

    cell: BoundaryCell
    thicker: Mapping[float, BoundaryCell]
    removals: tuple[int, ...]
    grid: TranslationGrid
    fold: bool

    @property
    def boundary(self) -> Boundary:
        """The boundary."""
        return self.cell.boundary

    @property
    def name(self) -> str:
        """Name of the system."""
        return self.boundary.name

    @property
    def stacking(self) -> PlaneStack:
        """Lattice planes of the boundary."""
        return self.cell.stacking

    @property
    def description(self) -> JsonDict:
        """Name, Σ, plane or planes, axis and angle [degrees]."""
        row = {"system": self.name, "sigma": self.boundary.sigma, "plane": list(self.boundary.plane)}
        if isinstance(self.boundary, GeneralBoundary):
            row |= {"upper_plane": list(self.boundary.planes[1]), "kind": self.boundary.kind}
        return row | {"axis": list(self.boundary.axis), "angle": self.boundary.angle}

    @property
    def metadata(self) -> JsonDict:
        """The same for a structure; of general boundaries also how the grains lie, and the strain of the upper one."""
        if not isinstance(self.stacking, GeneralStack):
            return self.description
        return self.description | {ORIENTATIONS: self.stacking.frames.ravel().tolist(), "strain": self.stacking.strain}

    def carried(self, relaxed: Atoms, removed: int, translation: Translation, grains: tuple[float | None, float]) -> Atoms:
        """A relaxed structure in a cell with thicker grains.

        Args:
            removed: Its removed planes.
            translation: Its translation [Å].
            grains: Thicknesses of the grains before and after [Å], keys of ``thicker``; None: those of the search.
        """
        before, after = grains
        thin, thick = self.cell if before is None else self.thicker[before], self.thicker[after]
        if isinstance(thin, BlockCell) and isinstance(thick, BlockCell):
            return thick.carried(thin, relaxed, removed, translation)
        if isinstance(thin, Bicrystal) and isinstance(thick, Bicrystal):
            return thick.carried(thin, relaxed, removed, translation)
        raise AssertionError("the cells of a boundary are of one kind")

    @cached_property
    def surfaces(self) -> tuple[BoundarySurface, ...]:
        """Surfaces that list at least one candidate.

        When folding, each class of equivalent translations is listed once, at its first place: lowest number of removed
        planes, then lowest translation. A surface whose every structure is listed already is left out.
        """
        shifts = self.grid.shifts
        seen: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        surfaces = []
        for removed in self.removals:
            kept = np.ones(len(shifts), dtype=bool)
            if self.fold:
                keys = translation_keys(self.stacking, removed, shifts)
                kept = np.zeros(len(shifts), dtype=bool)
                kept[np.unique(keys, return_index=True)[1]] = True
                kept &= ~np.isin(keys, seen)
                seen = np.concatenate((seen, keys[kept]))
            if kept.any():
                surfaces.append(BoundarySurface(f"{self.name}-r{removed}", removed, kept))
        return tuple(surfaces)


def boundary_systems(spec: GrainBoundarySpaceSpec, limits: LimitsSpec | None = None) -> tuple[BoundarySystem, ...]:
    """Systems of a space by rising angle.

    Args:
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: The selection is empty, names what does not exist or asks for more than the limits.
    """
    crystal = crystal_of(spec.crystal.structure, spec.crystal.element, spec.crystal.parameters)
    _check_selection(spec, limits)
    stacks = _checked_stacks(spec, crystal, _boundaries(spec, crystal), limits)
    systems = []
    grids: dict[TranslationGrid, TranslationGrid] = {}
    for boundary, stack in stacks:
        removals = _removals(spec, stack, boundary.name)
        grid = translation_grid(spec.translation, stack)
        _check_openings(grid.normal, limits)
        cell, thicker = _cells(spec, crystal, boundary, removals[-1])
        systems.append(BoundarySystem(cell, thicker, removals, grids.setdefault(grid, grid), spec.fold))
    return tuple(systems)


def _cells(
    spec: GrainBoundarySpaceSpec, crystal: Crystal, boundary: Boundary, removed: int
) -> tuple[BoundaryCell, Mapping[float, BoundaryCell]]:
    """The cell of the search, and the thicker ones by thickness."""
    if isinstance(spec.cell, BlockCellSpec):
        slabs = {t: BlockCell(crystal, boundary, t, spec.cell.reach) for t in (spec.cell.relaxed, *spec.thicknesses)}
        return slabs.pop(spec.cell.relaxed), slabs
    if not isinstance(crystal, CubicCrystal) or not isinstance(boundary, TiltBoundary):
        raise AssertionError("the spec allows two boundaries in cubic crystals alone")
    thin = bicrystal_of(crystal, boundary, spec.spacing, removed)
    return thin, {thickness: thin.thicker(thickness / spec.spacing) for thickness in spec.thicknesses}


def _thickness(spec: GrainBoundarySpaceSpec) -> float:
    """Thickness of the grains in the search [Å]."""
    return spec.cell.relaxed if isinstance(spec.cell, BlockCellSpec) else spec.spacing


def _check_selection(spec: GrainBoundarySpaceSpec, limits: LimitsSpec | None) -> None:
    selection = spec.boundaries
    check_limit(limits, "index", max(map(abs, spec.axis)), f"space.axis: {list(spec.axis)}: largest index")
    check_limit(limits, "sigma", selection.max_sigma or 0, "space.boundaries.max_sigma")
    for plane in selection.planes or ():
        check_limit(limits, "index", max(map(abs, plane)), f"space.boundaries.planes: {list(plane)}: largest index")
    for key, item in _general(selection):
        check_limit(limits, "sigma", item.sigma or 0, f"{key}: sigma")
        for _, vector in item.vectors:
            check_limit(limits, "index", max(map(abs, vector)), f"{key}: {list(vector)}: largest index")
    check_limit(limits, "surfaces", len(selection.planes or selection.general or ()), "space.boundaries: boundaries")


def _check_openings(openings: Sequence[float], limits: LimitsSpec | None) -> None:
    """Refuses grains that begin out of each other's reach: two free surfaces are no boundary."""
    for opening in openings if limits is not None else ():
        if abs(opening) > LARGEST_OPENING:
            raise ConfigurationError(
                f"space.translation.normal: {opening:g} Å; expected openings from {-LARGEST_OPENING:g} to {LARGEST_OPENING:g}, "
                "because grains that do not touch are two surfaces"
            )


def _checked_stacks(
    spec: GrainBoundarySpaceSpec, crystal: Crystal, boundaries: Sequence[Boundary], limits: LimitsSpec | None
) -> list[tuple[Boundary, PlaneStack]]:
    """The stacking of each boundary, after a check by arithmetic that surfaces, cells and pool are within the limits."""
    check_limit(limits, "surfaces", len(boundaries), "space.boundaries: boundaries")
    stacks: list[tuple[Boundary, PlaneStack]] = []
    surfaces, candidates, described = 0, 0, 0.0
    for boundary in boundaries:
        stack = stack_of(crystal, boundary)
        stacks.append((boundary, stack))
        whole = stack.period if spec.removed_planes == "full" else None
        surfaces += whole or len(_removals(spec, stack, boundary.name))
        check_limit(limits, "surfaces", surfaces, f"space.removed_planes: surfaces of the boundaries up to {boundary.name}")
        atoms = _fewest_atoms(spec, stack, _thickness(spec))
        searched = "cell.relaxed" if spec.rigid_blocks else "spacing"
        for key, thickness in ((searched, _thickness(spec)), *(("cell.polish", t) for t in spec.thicknesses)):
            fewest = _fewest_atoms(spec, stack, thickness)
            fewest = fewest if fewest > 2**53 else math.floor(fewest)
            check_limit(limits, "atoms", fewest, f"space.{key}: atoms in a cell of {boundary.name}")
        described += atoms if spec.soap else 0.0
        check_limit(limits, "soap_atoms", described, f"space.soap: atoms in the cells up to {boundary.name}, at least")
        shifts, openings = grid_counts(spec.translation, stack)
        check_limit(limits, "pool", shifts, f"space.translation: translations in the plane of {boundary.name}")
        # Largest number of equivalent translations of the first surface, of which folding keeps one.
        folded = len(stack.offset_operations(0)) if spec.fold else 1
        candidates += max(1, shifts // folded) * openings
        what = f"{POOL_KEYS}: candidates of the boundaries up to {boundary.name}"
        check_limit(limits, "pool", candidates, what)
    return stacks


def _fewest_atoms(spec: GrainBoundarySpaceSpec, stack: PlaneStack, thickness: float) -> float:
    """Lower bound of the number of atoms in a cell: whole repeats of the stacking, including the planes to be removed."""
    most = max(spec.removed_planes) if isinstance(spec.removed_planes, tuple) and spec.removed_planes else 0
    per_plane = 2.0 * stack.atoms_per_plane
    if isinstance(spec.cell, BlockCellSpec):
        return per_plane * (thickness + 2.0 * spec.cell.reach) / stack.plane_spacing
    return per_plane * max(stack.period or 1, thickness / stack.plane_spacing + most)


def _boundaries(spec: GrainBoundarySpaceSpec, crystal: Crystal) -> tuple[Boundary, ...]:
    selection = spec.boundaries
    boundaries: tuple[Boundary, ...]
    if selection.max_sigma is None:
        found: dict[str, Boundary] = {}
        named = [
            (f"space.boundaries.planes: {list(plane)}", _boundary(spec, crystal, plane)) for plane in selection.planes or ()
        ]
        named += [(key, _any_plane(crystal, item, key)) for key, item in _general(selection)]
        for key, boundary in named:
            if boundary.name in found:
                raise ConfigurationError(f"{key}: the boundary {boundary.name} is listed already")
            found[boundary.name] = boundary
        boundaries = tuple(sorted(found.values(), key=lambda boundary: (boundary.angle, boundary.name)))
    else:
        boundaries = boundaries_up_to(tilt_axis(spec.axis), selection.max_sigma)
    if selection.angles is not None:
        low, high = selection.angles
        boundaries = tuple(b for b in boundaries if low - 1e-9 <= b.angle <= high + 1e-9)
    if not boundaries:
        raise ConfigurationError(
            f"space.boundaries: no symmetric tilt boundary of axis {list(spec.axis)} fits the selection"
            f" (max_sigma {selection.max_sigma}, angles {selection.angles})"
        )
    return boundaries


def _any_plane(crystal: Crystal, item: GeneralBoundarySpec, key: str) -> Boundary:
    return general_boundary(item, key) if isinstance(crystal, CubicCrystal) else axial_boundary(crystal, item, key)


def _general(selection: BoundarySelectionSpec) -> list[tuple[str, GeneralBoundarySpec]]:
    """Boundaries in any plane, each with what messages call it."""
    shown = "list: row {}" if selection.list is not None else "general[{}]"
    first = 1 if selection.list is not None else 0
    return [("space.boundaries." + shown.format(i), item) for i, item in enumerate(selection.general or (), first)]


def _boundary(spec: GrainBoundarySpaceSpec, crystal: Crystal, plane: Sequence[int]) -> Boundary:
    if isinstance(crystal, HexagonalCrystal):
        return hexagonal_boundary(crystal, spec.axis, plane)
    return boundary_on(tilt_axis(spec.axis), plane)


def _removals(spec: GrainBoundarySpaceSpec, stack: PlaneStack, name: str) -> tuple[int, ...]:
    if spec.removed_planes == "standard":
        return stack.standard_removals
    if spec.removed_planes == "full" and stack.period is not None:
        return tuple(range(stack.period))
    if not isinstance(spec.removed_planes, tuple) or not spec.removed_planes:
        raise ConfigurationError("space.removed_planes: [] lists no number; expected at least one")
    numbers = tuple(sorted(set(spec.removed_planes)))
    if spec.boundaries.general is not None and not set(numbers) <= set(stack.half_planes):
        raise ConfigurationError(
            f"space.removed_planes: {list(numbers)}; the terminations of {name} are {list(stack.half_planes)}"
        )
    return numbers
