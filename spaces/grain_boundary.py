"""Grain boundaries as a space: every translation of every surface is a candidate."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.engines.electronic import kpoint_grid
from tansaku.calculators.structures.bicrystal import Bicrystal
from tansaku.calculators.structures.environment import radial_difference
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.engine.cost import CostModel
from tansaku.models.features.radial import RadialGrid
from tansaku.spaces.boundary_grid import TranslationGrid
from tansaku.spaces.boundary_systems import POOL_KEYS, BoundarySurface, BoundarySystem, boundary_systems

if TYPE_CHECKING:
    from ase import Atoms

_ID = re.compile(r"(?P<system>(?:s\d{3,}|hcp|pair)-[0-9m_]+(?:-[0-9m_]+-[td]\d+)?)-r(?P<removed>\d+)-(?P<label>x.+)")


class GrainBoundarySpace:
    """A grain-boundary space (implements ``Space``).

    Candidate ids read ``s011-113-r1-x060-y020-z010``: the system (Σ and plane), the number of removed planes, and the
    translation perpendicular to the tilt axis, along it, and the opening, each in picometres.

    Raises:
        ConfigurationError: The selection is empty, contradictory or too large.
    """

    def __init__(
        self,
        spec: GrainBoundarySpaceSpec,
        base_path: Path,  # noqa: ARG002 - every space is opened alike
        limits: LimitsSpec | None = None,
    ) -> None:
        self._spec = spec
        self._systems = boundary_systems(spec, limits)
        self._by_name = {system.name: system for system in self._systems}
        if limits is not None:
            self._check_size(limits)

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids."""
        return self._pool

    def outline(self) -> CandidatePool:
        """The pool without its features, which take most of its time."""
        return self._listed[0]

    def structure(self, candidate: str) -> Atoms:
        """Unrelaxed atoms of a candidate.

        Raises:
            NotFoundError: The id is not in the pool.
            CalculationError: Two atoms are hopelessly close (reason ``overlap``).
        """
        system, surface, translation = self._locate(candidate)
        atoms = system.cell.build(surface.removed, translation)
        atoms.info.update(self._metadata(candidate, system, surface, translation))
        return atoms

    def thicker(self, candidate: str, relaxed: Atoms, thickness: float, before: float | None = None) -> Atoms:
        """A relaxed structure of a candidate, carried into a cell with thicker grains.

        Args:
            relaxed: The structure, in the cell of the search or in the one ``before``.
            thickness: Of the grains [Å], one of the spec's.
            before: Thickness of the relaxed structure's grains [Å], one of the spec's; None: that of the search.

        Raises:
            NotFoundError: The id is not in the pool, or the space has no such thickness.
        """
        system, surface, translation = self._locate(candidate)
        for known in (thickness, before):
            if known is not None and known not in system.thicker:
                raise NotFoundError(f"space.cell.polish: no cell with grains of {known:g} Å")
        atoms = system.carried(relaxed, surface.removed, translation, (before, thickness))
        atoms.info.update(self._metadata(candidate, system, surface, translation))
        return atoms

    def grain_thickness(self, candidate: str, thickness: float | None = None) -> float:
        """Thickness of the grains of a candidate [Å]: whole repeats of the stacking, or whole planes that relax.

        Args:
            thickness: One of the spec's; None: that of the search.
        """
        system, surface, _ = self._locate(candidate)
        return (system.cell if thickness is None else system.thicker[thickness]).thickness(surface.removed)

    def perfect(self, surface: str) -> Atoms:
        """The crystal without a boundary, in a cell as similar to a surface's as possible, so that k-point errors cancel.

        Raises:
            NotFoundError: There is no such surface.
        """
        for system in self._systems:
            for item in system.surfaces:
                if item.name == surface and isinstance(system.cell, Bicrystal):
                    return system.cell.perfect(item.removed)
        raise NotFoundError(f"surface {surface!r} is not in the space")

    def elements(self) -> frozenset[str]:
        """The crystal's."""
        return frozenset({self._spec.crystal.element})

    def describe_systems(self) -> Sequence[JsonDict]:
        """One dict per system by rising angle; lengths in Å, angles in degrees."""
        rows = []
        for system in self._systems:
            atoms = [system.cell.atom_count(surface.removed) for surface in system.surfaces]
            across, along = system.stacking.lengths
            rows.append(
                {
                    **system.description,
                    "folded_angle": system.boundary.folded_angle,
                    "period_in_plane": across,
                    "period_along_axis": along,
                    "plane_spacing": system.stacking.plane_spacing,
                    "surfaces": [surface.name for surface in system.surfaces],
                    "removed_planes": [surface.removed for surface in system.surfaces],
                    "atoms_min": min(atoms),
                    "atoms_max": max(atoms),
                    "candidates": sum(int(surface.kept.sum()) for surface in system.surfaces) * len(system.grid.normal),
                }
            )
        return rows

    def _locate(self, candidate: str) -> tuple[BoundarySystem, BoundarySurface, tuple[float, float, float]]:
        match = _ID.fullmatch(candidate)
        system = self._by_name.get(match["system"]) if match else None
        if match and system:
            removed = int(match["removed"])
            surface = next((s for s in system.surfaces if s.removed == removed), None)
            row = system.grid.row(match["label"])
            if surface is not None and row is not None and surface.kept[row // len(system.grid.normal)]:
                return system, surface, system.grid.translation(row)
        raise NotFoundError(f"candidate {candidate!r} is not in the space")

    def _metadata(
        self, candidate: str, system: BoundarySystem, surface: BoundarySurface, translation: tuple[float, float, float]
    ) -> JsonDict:
        crystal = self._spec.crystal
        return {
            "candidate": candidate,
            "surface": surface.name,
            **system.metadata,
            "translation": list(translation),
            "removed_planes": surface.removed,
            "area": system.stacking.area,
            "element": crystal.element,
            "structure": crystal.structure,
            "lattice_parameter": crystal.written_parameters,
        }

    @cached_property
    def _grids(self) -> tuple[TranslationGrid, ...]:
        return tuple(dict.fromkeys(system.grid for system in self._systems))

    @cached_property
    def _surfaces(self) -> list[tuple[int, BoundarySurface]]:
        return [(code, surface) for code, system in enumerate(self._systems) for surface in system.surfaces]

    @cached_property
    def _pool(self) -> CandidatePool:
        outline, translations = self._listed
        groups = self._groups(translations, outline.surface_codes, self._surfaces)
        return replace(outline, groups={group.name: group for group in groups})

    @cached_property
    def _listed(self) -> tuple[CandidatePool, IntArray]:
        """The pool without features, and the index of each candidate's translation in the grids."""
        surfaces = self._surfaces
        self._check_size(None)
        first = dict(zip(self._grids, np.cumsum([0, *(math.prod(grid.shape) for grid in self._grids)]), strict=False))
        ids: list[str] = []
        translations: list[IntArray] = []
        counts = []
        for code, surface in surfaces:
            grid = self._systems[code].grid
            rows = np.flatnonzero(np.repeat(surface.kept, len(grid.normal)))
            labels = grid.labels
            ids.extend([f"{surface.name}-{labels[row]}" for row in rows])
            translations.append(rows + first[grid])
            counts.append(len(rows))
        names = np.array(ids)
        order = np.argsort(names, kind="stable")
        surface_codes = np.repeat(np.arange(len(surfaces)), counts)[order]
        system_codes = np.array([code for code, _ in surfaces])[surface_codes]
        sizes = FeatureGroup("cost", *self._cost_descriptors(surfaces, surface_codes))
        prior = self._spec.cost_prior()
        outline = CandidatePool(
            ids=names[order],
            systems=tuple(system.name for system in self._systems),
            system_codes=system_codes,
            surfaces=tuple(surface.name for _, surface in surfaces),
            surface_codes=surface_codes,
            cost=(sizes.values[:, 0] ** self._spec.cost.power)[surface_codes]
            if prior is None
            else CostModel.of_prior(prior).predict(sizes),
            cost_descriptors=sizes,
        )
        return outline, np.concatenate(translations)[order]

    def _cost_descriptors(
        self, surfaces: Sequence[tuple[int, BoundarySurface]], surface_codes: IntArray
    ) -> tuple[FloatArray, IntArray, tuple[str, ...]]:
        """Numbers of atoms, and of k-points where cost is learned from them, by surface."""
        rows = [[float(self._systems[code].cell.atom_count(surface.removed))] for code, surface in surfaces]
        density = self._spec.cost.kpoint_density
        if density is None:
            return np.array(rows), surface_codes, ("atoms",)
        for row, (code, surface) in zip(rows, surfaces, strict=True):
            system = self._systems[code]
            cell = np.diag([*system.stacking.lengths, system.cell.height(surface.removed)])
            row.append(float(np.prod(kpoint_grid(cell, density))))
        return np.array(rows), surface_codes, ("atoms", "kpoints")

    def _check_size(self, limits: LimitsSpec | None) -> None:
        size = 0
        for system in self._systems:
            for surface in system.surfaces:
                size += int(surface.kept.sum()) * len(system.grid.normal)
                for cell in (system.cell, *system.thicker.values()):
                    check_limit(limits, "atoms", cell.atom_count(surface.removed), f"space: atoms in a cell of {surface.name}")
            check_limit(limits, "pool", size, f"{POOL_KEYS}: candidates of the boundaries up to {system.name}")

    def _groups(
        self, translations: IntArray, surface_codes: IntArray, surfaces: Sequence[tuple[int, BoundarySurface]]
    ) -> list[FeatureGroup]:
        owners = np.array([code for code, _ in surfaces])
        # Rounded, so that boundaries at angles that fold onto each other share a row.
        angles = np.array([[round(system.boundary.folded_angle, 9)] for system in self._systems])
        radial = RadialGrid()
        groups = [
            FeatureGroup.compact(
                "translation",
                np.concatenate([grid.rows for grid in self._grids]),
                translations,
                ("in_plane [Å]", "along_axis [Å]", "normal [Å]"),
            ),
            FeatureGroup.compact(
                "structure",
                np.array([radial_difference(self._systems[code].stacking, s.removed, radial) for code, s in surfaces]),
                surface_codes,
                radial.columns,
            ),
            FeatureGroup.compact("angle", angles, owners[surface_codes], ("folded_angle [deg]",)),
        ]
        if self._spec.soap:
            groups.append(self._soap(surfaces, surface_codes))
        return groups

    def _soap(self, surfaces: Sequence[tuple[int, BoundarySurface]], surface_codes: IntArray) -> FeatureGroup:
        from tansaku.models.features.soap import SoapSettings, soap_difference

        settings = SoapSettings()
        crystal = self._systems[0].cell.crystal.unit_cell()
        cells = (self._systems[code].cell.cell(surface.removed) for code, surface in surfaces)
        rows = np.array([soap_difference(cell, crystal, settings) for cell in cells])
        return FeatureGroup.compact("soap", rows, surface_codes, tuple(f"soap{i:04d}" for i in range(rows.shape[1])))
