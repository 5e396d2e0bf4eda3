"""Grain boundaries whose number of atoms, width of the cell and translation are searched together."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tansaku.calculators.structures.environment import radial_difference
from tansaku.calculators.structures.rigid_blocks import BlockCell, ReplicatedBlocks
from tansaku.calculators.structures.stacking import PlaneStack
from tansaku.models.domain.annealing import AnnealRun
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.boundary_density import LARGEST_LAMMPS_SEED, AnnealSpec, BoundaryAtomsSpec
from tansaku.models.domain.specs.cost import WORK
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.engine.cost import CostModel
from tansaku.models.features.radial import RadialGrid
from tansaku.spaces.boundary_density.arms import Arm, arms_of, cells_of, check_every_boundary, check_fractions, left_out_by_size
from tansaku.spaces.boundary_grid import picometres
from tansaku.spaces.boundary_systems import BoundarySystem, boundary_systems

if TYPE_CHECKING:
    from ase import Atoms


SEEDS = 10
"""Candidates of each cell of translations, unless the file says how many."""

_KEYS = "space.replication, space.atoms, space.translation (its steps), space.seeds"
_ID = re.compile(
    r"(?P<arm>(?:s\d{3,}|hcp|pair)-[0-9m_]+(?:-[0-9m_]+-[td]\d+)?-a\d+x\d+-n\d{3})-x(?P<x>\d{3,})-y(?P<y>\d{3,})-k(?P<seed>\d{2,})"
)


class BoundaryDensitySpace:
    """A grain-boundary space with ``replication`` (implements ``Space``).

    Candidate ids read ``s005-210-a1x2-n050-x210-y304-k03``: the boundary (Σ and plane), the repeats of its cell, the fraction
    of a plane in hundredths, the corner of the cell of translations in picometres, and the seed. Which atoms are removed, the
    translation inside that cell and the molecular dynamics follow from a hash of the id.

    Raises:
        ConfigurationError: The selection is empty, contradictory or too large.
    """

    def __init__(
        self,
        spec: GrainBoundarySpaceSpec,
        base_path: Path,  # noqa: ARG002 - every space is opened alike
        limits: LimitsSpec | None = None,
    ) -> None:
        if spec.replication is None:
            raise ConfigurationError("space.replication: null; a space of boundary densities needs it")
        self._spec = spec
        self._atoms = spec.atoms or BoundaryAtomsSpec()
        self._seeds = spec.seeds or SEEDS
        # One surface for each boundary: what is removed is counted in atoms here.
        self._systems = boundary_systems(spec.model_copy(update={"removed_planes": (0,), "fold": False}), limits)
        arms: list[Arm] = []
        sizes: set[int] = set()
        for system in self._systems:
            block = system.cell
            if not isinstance(block, BlockCell):
                raise ConfigurationError("space.replication: not in a cell with two boundaries; expected cell: {boundaries: 1}")
            arms += arms_of(system.name, block, spec.replication, self._atoms, annealed=spec.anneal is not None, limits=limits)
            sizes |= {cell.atoms_per_plane for cell in cells_of(block, spec.replication, self._atoms.layer)}
            self._check_size(system, arms, limits)
        check_fractions(arms, self._atoms, sorted(sizes))
        check_every_boundary([system.name for system in self._systems], arms, self._atoms, limits)
        self._arms = {arm.name: arm for arm in arms}
        self._by_name = {system.name: system for system in self._systems}

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids."""
        return self._pool

    def outline(self) -> CandidatePool:
        """The pool without its features."""
        return replace(self._pool, groups={})

    def structure(self, candidate: str) -> Atoms:
        """Unrelaxed atoms of a candidate.

        Raises:
            NotFoundError: The id is not in the pool.
            CalculationError: Two atoms are hopelessly close (reason ``overlap``).
        """
        arm, translation = self._locate(candidate)
        atoms = self._cell(candidate, arm).build(self._removed(candidate, arm, translation), translation)
        atoms.info.update(self._metadata(candidate, arm, translation))
        run = anneal_of(candidate, self._spec.anneal, self._spec.crystal.element)
        if run is not None:
            atoms.info.update(anneal_temperature=run.temperature, anneal_steps=run.steps, anneal_seed=run.seed)
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
        arm, translation = self._locate(candidate)
        thin = self._cell(candidate, arm, before)
        atoms = self._cell(candidate, arm, thickness).carried(
            thin, relaxed, self._removed(candidate, arm, translation), translation
        )
        atoms.info.update(self._metadata(candidate, arm, translation))
        return atoms

    def grain_thickness(self, candidate: str, thickness: float | None = None) -> float:
        """Returns the thickness of a candidate's grains [Å].

        Args:
            thickness: One of the spec's; None: that of the search.
        """
        arm, _ = self._locate(candidate)
        return self._cell(candidate, arm, thickness).block.thickness(0)

    def elements(self) -> frozenset[str]:
        """The crystal's."""
        return frozenset({self._spec.crystal.element})

    def describe_systems(self) -> Sequence[JsonDict]:
        """One dict per system by rising angle; lengths in Å, angles in degrees."""
        rows = []
        for system in self._systems:
            arms = [arm for arm in self._arms.values() if arm.system == system.name]
            across, along = system.stacking.lengths
            rows.append(
                {
                    **system.description,
                    "folded_angle": system.boundary.folded_angle,
                    "period_in_plane": across,
                    "period_along_axis": along,
                    "plane_spacing": system.stacking.plane_spacing,
                    "surfaces": [arm.name for arm in arms],
                    "fractions": sorted({arm.fraction for arm in arms}),
                    "atoms_min": min((arm.atoms for arm in arms), default=0),
                    "atoms_max": max((arm.atoms for arm in arms), default=0),
                    "candidates": len(arms) * self._candidates_per_arm(system),
                }
            )
        return rows

    def left_out(self) -> Sequence[str]:
        """Sentences on the cells and fractions of each boundary that ``max_atoms`` leaves out."""
        found = []
        for system in self._systems:
            arms = [arm for arm in self._arms.values() if arm.system == system.name]
            if isinstance(system.cell, BlockCell) and self._spec.replication is not None:
                found.append(left_out_by_size(system.cell, self._spec.replication, self._atoms, arms))
        return [f"{system.name}: {note}" for system, note in zip(self._systems, found, strict=True) if note is not None]

    def _candidates_per_arm(self, system: BoundarySystem) -> int:
        return len(system.grid.shifts) * self._seeds

    def _check_size(self, system: BoundarySystem, arms: Sequence[Arm], limits: LimitsSpec | None) -> None:
        check_limit(limits, "surfaces", len(arms), f"{_KEYS}: cells and fractions of the boundaries up to {system.name}")
        sizes = {item.name: self._candidates_per_arm(item) for item in self._systems}
        candidates = sum(sizes[arm.system] for arm in arms)
        check_limit(limits, "pool", candidates, f"{_KEYS}: candidates of the boundaries up to {system.name}")
        widest = max((arm.cell.replicas for arm in arms if arm.system == system.name), default=1)
        for thickness, cell in system.thicker.items():
            atoms = widest * cell.atom_count(0)
            check_limit(limits, "atoms", atoms, f"space.cell.polish: {thickness:g}: atoms in a cell of {system.name}")

    def _removed(self, candidate: str, arm: Arm, translation: tuple[float, float, float]) -> list[int]:
        draws = Draws(candidate)
        if not self._evenly(candidate):
            if draws.uniform("even") >= 1.0 - self._atoms.closest:
                # Counted in the cell of the search, however thick the grains are.
                return [int(place) for place in self._cell(candidate, arm).overlaps(translation)[1][: arm.removed]]
            return draws.choose(arm.removed, arm.cell.sites)
        return draws.choose_evenly(arm.removed, arm.cell.rows(draws.whole("planes", 1, arm.cell.layer_planes)))

    @property
    def _counts_overlaps(self) -> bool:
        return bool(self._atoms.closest) or self._spec.boundaries.general is not None

    def _evenly(self, candidate: str) -> bool:
        """Returns whether a candidate loses evenly spaced atoms."""
        return Draws(candidate).uniform("even") < self._atoms.even

    def _cell(self, candidate: str, arm: Arm, thickness: float | None = None) -> ReplicatedBlocks:
        """The cell of a candidate before atoms are removed; with grains of a thickness [Å], or as in the search."""
        block = arm.cell.block if thickness is None else self._by_name[arm.system].thicker.get(thickness)
        if not isinstance(block, BlockCell):
            raise NotFoundError(f"space.cell.polish: no cell with grains of {thickness:g} Å")
        # Planes that atoms are removed from are counted alike, however thick the grains are.
        return replace(arm.cell, block=block, removed_planes=self._ending(candidate, block))

    def _ending(self, candidate: str, block: BlockCell) -> int:
        """Half planes removed where grains can end in several ways with the same number of atoms."""
        endings = block.stacking.endings
        return endings[Draws(candidate).whole("ending", 0, len(endings) - 1)]

    def _locate(self, candidate: str) -> tuple[Arm, tuple[float, float, float]]:
        match = _ID.fullmatch(candidate)
        arm = self._arms.get(match["arm"]) if match else None
        if match and arm and int(match["seed"]) < self._seeds and match["seed"] == _seed_label(int(match["seed"])):
            grid = self._by_name[arm.system].grid
            x = {picometres(value): value for value in grid.in_plane}.get(match["x"])
            y = {picometres(value): value for value in grid.along_axis}.get(match["y"])
            if x is not None and y is not None:
                draws = Draws(candidate)
                width, depth = self._by_name[arm.system].stacking.irreducible_lengths
                across = x + draws.uniform("in_plane") * width / len(grid.in_plane)
                along = y + draws.uniform("along_axis") * depth / len(grid.along_axis)
                return arm, (across, along, grid.normal[0])
        raise NotFoundError(f"candidate {candidate!r} is not in the space")

    def _metadata(self, candidate: str, arm: Arm, translation: tuple[float, float, float]) -> JsonDict:
        crystal, system = self._spec.crystal, self._by_name[arm.system]
        return {
            "candidate": candidate,
            "surface": arm.name,
            **system.metadata,
            "translation": list(translation),
            "replication": list(arm.cell.repeats),
            "fraction": arm.fraction,
            "removed_atoms": arm.removed,
            **({"removed_evenly": self._evenly(candidate)} if self._atoms.even else {}),
            **({"overlapping_pairs": self._cell(candidate, arm).overlaps(translation)[0]} if self._counts_overlaps else {}),
            "area": arm.cell.area,
            "atomic_volume": arm.cell.block.stacking.area
            * arm.cell.block.stacking.plane_spacing
            / arm.cell.block.atoms_per_plane,
            "element": crystal.element,
            "structure": crystal.structure,
            "lattice_parameter": crystal.written_parameters,
        }

    @cached_property
    def _pool(self) -> CandidatePool:
        arms = list(self._arms.values())
        ids: list[str] = []
        surface_codes: list[int] = []
        cells: list[int] = []
        begins = np.cumsum([0, *(len(system.grid.shifts) for system in self._systems)])
        codes = {system.name: code for code, system in enumerate(self._systems)}
        for number, arm in enumerate(arms):
            grid = self._by_name[arm.system].grid
            labels = [f"x{picometres(x)}-y{picometres(y)}" for x, y in grid.shifts]
            ids += [f"{arm.name}-{label}-k{_seed_label(seed)}" for label in labels for seed in range(self._seeds)]
            surface_codes += [number] * (len(labels) * self._seeds)
            cells += np.repeat(begins[codes[arm.system]] + np.arange(len(labels)), self._seeds).tolist()
        names = np.array(ids)
        order = np.argsort(names, kind="stable")
        surfaces, translations = np.array(surface_codes, dtype=np.intp)[order], np.array(cells, dtype=np.intp)[order]
        owners = np.array([codes[arm.system] for arm in arms], dtype=np.intp)
        sizes, prior = self._cost_descriptors(names[order], surfaces), self._spec.cost_prior()
        groups = _feature_groups(self._systems, arms, owners, surfaces, translations)
        return CandidatePool(
            ids=names[order],
            systems=tuple(system.name for system in self._systems),
            system_codes=owners[surfaces],
            surfaces=tuple(arm.name for arm in arms),
            surface_codes=surfaces,
            groups={group.name: group for group in groups},
            cost=(sizes.values[:, 0] ** self._spec.cost.power * sizes.values[:, 1:].prod(axis=1))[sizes.index]
            if prior is None
            else CostModel.of_prior(prior).predict(sizes),
            cost_descriptors=sizes,
        )

    def _cost_descriptors(self, names: npt.NDArray[np.str_], surfaces: IntArray) -> FeatureGroup:
        """Atoms in the cells of candidates, and where some are annealed how much longer that takes."""
        sizes = np.array([[float(arm.atoms)] for arm in self._arms.values()])
        if self._spec.anneal is None:
            return FeatureGroup("cost", sizes, surfaces, ("atoms",))
        runs = (anneal_of(str(name), self._spec.anneal, self._spec.crystal.element) for name in names)
        work = np.array([[1.0 if run is None else run.work] for run in runs])
        return FeatureGroup.compact("cost", np.hstack((sizes[surfaces], work)), np.arange(len(names)), ("atoms", WORK))


def _seed_label(seed: int) -> str:
    return f"{seed:02d}"


_DIGITS = 53


@dataclass(frozen=True)
class Draws:
    """Random numbers by name: none depends on how many others were drawn."""

    candidate: str

    def uniform(self, name: str) -> float:
        """A number from 0 to below 1."""
        digest = hashlib.sha256(f"{self.candidate}/{name}".encode()).digest()
        return (int.from_bytes(digest[:8], "big") >> (64 - _DIGITS)) / (1 << _DIGITS)

    def choose(self, count: int, sites: int) -> list[int]:
        """``count`` different numbers below ``sites``, ascending."""
        return sorted(sorted(range(sites), key=lambda site: (self.uniform(f"site {site}"), site))[:count])

    def choose_evenly(self, count: int, rows: IntArray) -> list[int]:
        """``count`` different numbers from rows: as many of each row, give or take one, and evenly spaced in it.

        Args:
            count: At most as many as there are.
            rows: Shape ``(n_rows, length)``.

        Returns:
            Ascending.
        """
        number, length = rows.shape
        longer = sorted(range(number), key=lambda row: (self.uniform(f"row {row}"), row))[: count % number]
        chosen: list[int] = []
        for row in range(number):
            own = count // number + (row in longer)
            begin = self.whole(f"begin {row}", 0, length - 1)
            chosen += [int(rows[row, (begin + place * length // own) % length]) for place in range(own)]
        return sorted(chosen)

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + math.floor(self.uniform(name) * (high - low + 1))


def anneal_of(candidate: str, spec: AnnealSpec | None, element: str) -> AnnealRun | None:
    """Draws the annealing run of a candidate; None: it is not annealed.

    Args:
        spec: The ranges; None: no candidate is annealed.
        element: Of the crystal.
    """
    draws = Draws(candidate)
    if spec is None or draws.uniform("annealed") >= spec.probability:
        return None
    low, high = spec.temperature
    return AnnealRun(
        temperature=(low + (high - low) * draws.uniform("temperature")) * spec.melting_point_of(element),
        steps=draws.whole("steps", *spec.steps),
        seed=draws.whole("seed", 1, LARGEST_LAMMPS_SEED - 1),
    )


def _feature_groups(
    systems: Sequence[BoundarySystem], arms: Sequence[Arm], owners: IntArray, surfaces: IntArray, translations: IntArray
) -> list[FeatureGroup]:
    """Feature groups of the pool.

    Args:
        owners: System of each arm, shape ``(n_arms,)``.
        surfaces: Arm of each candidate, shape ``(n_candidates,)``.
        translations: Cell of translations of each candidate, counted over all systems, shape ``(n_candidates,)``.
    """
    radial = RadialGrid()
    # Rounded, so that boundaries at angles that fold onto each other share a row.
    angles = np.array([[round(system.boundary.folded_angle, 9)] for system in systems])
    repeats = np.array([[math.log2(number) for number in arm.cell.repeats] for arm in arms])
    return [
        FeatureGroup.compact(
            "translation",
            np.concatenate([on_torus(system.stacking, system.grid.shifts) for system in systems]),
            translations,
            ("cos in_plane [Å]", "sin in_plane [Å]", "cos along_axis [Å]", "sin along_axis [Å]"),
        ),
        FeatureGroup.compact("replication", repeats, surfaces, ("log2 across", "log2 along")),
        FeatureGroup.compact(
            "density", np.array([on_circle(arm.fraction) for arm in arms]), surfaces, ("cos fraction", "sin fraction")
        ),
        FeatureGroup.compact(
            "structure",
            np.array([radial_difference(system.stacking, 0, radial) for system in systems]),
            owners[surfaces],
            radial.columns,
        ),
        FeatureGroup.compact("angle", angles, owners[surfaces], ("folded_angle [deg]",)),
    ]


def on_torus(stack: PlaneStack, shifts: FloatArray) -> FloatArray:
    """Translations as points whose distances are those on the torus of the planar lattice, to first order [Å].

    Args:
        shifts: In the plane, perpendicular to the tilt axis and along it [Å], shape ``(n, 2)``.

    Returns:
        Shape ``(n, 4)``.
    """
    width, depth = stack.irreducible_lengths
    across, along = stack.turns(shifts)
    columns = [
        length / (2.0 * math.pi) * wave(2.0 * math.pi * turns)
        for length, turns in ((width, across), (depth, along))
        for wave in (np.cos, np.sin)
    ]
    return np.asarray(np.round(np.column_stack(columns), 9) + 0.0, dtype=np.float64)


def on_circle(fraction: float) -> list[float]:
    """The fraction of a plane as a point on a circle of circumference 1: a full plane is none."""
    angle = 2.0 * math.pi * fraction
    return [round(wave(angle) / (2.0 * math.pi), 12) + 0.0 for wave in (math.cos, math.sin)]
