"""The energy surface known to a campaign, and its barriers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tansaku.calculators.structures.ion_grid import host_symmetry
from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.grid_error import GridErrors
from tansaku.diffusion.hops.grid_path import GridPath, GridPaths
from tansaku.diffusion.hops.hop_network import HopNetwork
from tansaku.diffusion.hops.host_jumps import JUMP, HostFrame, HostJump, RelaxedHosts, largest_jump
from tansaku.diffusion.hops.report import pass_label
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.history import build_history, search_entries
from tansaku.models.domain.identifiers import certificate_rng
from tansaku.models.domain.pool import BoolArray, FloatArray, PeriodicGrid
from tansaku.models.domain.ports import ArtifactStore, Certifier, History, SurfaceSpace
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.objective import BottleneckSpec
from tansaku.models.domain.units import convert
from tansaku.models.engine.barrier import BarrierBelief
from tansaku.models.engine.goals import Connectivity
from tansaku.models.engine.percolation import bottleneck
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.origins import value_of
from tansaku.tasks.read.views.predictions import pool_expectation

NEIGHBOURS: tuple[Connectivity, ...] = (6, 26)

CONFIDENCE = 0.95
"""Probability of the intervals of barriers."""


@dataclass(frozen=True)
class SurfaceBarrier:
    """Barrier of percolation in a number of independent directions.

    Attributes:
        dimensions: 1, 2 or 3.
        barrier: Expected [eV]; None: there is no path, or the model does not know of one.
        tolerance: With 95 % it is at most this far off [eV]; None where the campaign has no model.
        directions: Lattice vectors along which the path leads.
        limiting_hop: Name of the hop with the bottleneck.
        bottleneck: Its fractional coordinates.
        computed: Whether minimum and bottleneck were both computed.
        grid_shift: By which the barrier is higher between the points of the grid [eV]; None: not known.
        grid_error: The barrier over the grid is hardly farther off than this [eV]; None: not known.
        connectivity: Neighbours of a point of the grid.
        host_jump: The farthest that an atom of a relaxed host moves between two computed neighbours along the path [Å]; None:
            the host is rigid, or fewer than two points of the path were computed.
        host_apart: Distance of these two along the path [Å].
    """

    dimensions: int
    barrier: float | None
    tolerance: float | None
    directions: tuple[tuple[int, int, int], ...] = ()
    limiting_hop: str | None = None
    bottleneck: tuple[float, float, float] | None = None
    computed: bool = False
    grid_shift: float | None = None
    grid_error: float | None = None
    connectivity: Connectivity = 26
    host_jump: float | None = None
    host_apart: float | None = None

    def row(self) -> JsonDict:
        """Returns it as plain data."""
        return {
            "dimensions": self.dimensions,
            "barrier": self.barrier,
            "tolerance": self.tolerance,
            "unit": "eV",
            "directions": [list(direction) for direction in self.directions],
            "limiting_hop": self.limiting_hop,
            "bottleneck": None if self.bottleneck is None else list(self.bottleneck),
            "computed": self.computed,
            "grid_shift": self.grid_shift,
            "grid_error": self.grid_error,
            "connectivity": self.connectivity,
            "host_jump": self.host_jump,
            "host_apart": self.host_apart,
        }


@dataclass(frozen=True)
class CampaignSurface:
    """An energy surface: computed energies, and the model's expectation elsewhere.

    Attributes:
        values: Energy of every candidate [eV]; infinite where it failed, and without a model where it was not computed.
        deviations: Of what is expected [eV]; 0 where it was computed.
        computed: Whether a candidate was computed, shape ``(n_candidates,)``.
        grid: The unfolded grid.
        space: Of the ion's positions.
        beliefs: The model's posterior of the barrier in one, two and three dimensions; empty without a model.
        frames: Relaxed hosts of computed points; empty where the host is rigid or they were not at hand.
        along: Whether the candidates are planes along a path: then there is no surface between their points.
    """

    values: FloatArray
    deviations: FloatArray
    computed: BoolArray
    grid: PeriodicGrid
    space: SurfaceSpace
    goal: BottleneckSpec
    beliefs: tuple[BarrierBelief, ...]
    frames: Mapping[int, HostFrame] = field(default_factory=dict)
    along: bool = False

    @cached_property
    def cell(self) -> FloatArray:
        """Cell of the host, vectors as rows [Å]."""
        return np.asarray(self.space.host.cell.array)

    @cached_property
    def network(self) -> HopNetwork:
        """Minima and hops."""
        return find_hops(self.values, self.grid, self.cell, self.goal.connectivity)

    @cached_property
    def paths(self) -> GridPaths:
        """Finds paths over the grid."""
        return GridPaths(self.values, self.grid, self.cell)

    @cached_property
    def grid_errors(self) -> GridErrors | None:
        """Errors that the grid adds to barriers; None where the surface between the points is not known."""
        if self.along or (not self.beliefs and not self.computed.all()):
            return None
        return GridErrors(self.network, self.values, self.grid)

    @property
    def barriers(self) -> tuple[SurfaceBarrier, ...]:
        """Barriers in one, two and three dimensions."""
        found = []
        for dimensions, easiest in enumerate(self.network.percolations, start=1):
            tolerance = None
            if self.beliefs:
                known = self.beliefs[dimensions - 1].tolerances(CONFIDENCE)[0]
                tolerance = known if np.isfinite(known) else None
            if easiest is None:
                found.append(SurfaceBarrier(dimensions, None, tolerance, connectivity=self.goal.connectivity))
                continue
            limiting, lowest = self.network.passes[easiest.limiting], self.network.sites[self.network.minimum]
            jump = self.host_jump(dimensions)
            error = None if self.grid_errors is None else self.grid_errors.of(dimensions)
            found.append(
                SurfaceBarrier(
                    dimensions,
                    easiest.level - lowest.energy,
                    tolerance,
                    easiest.directions[:dimensions],
                    pass_label(limiting),
                    limiting.fraction,
                    bool(self.computed[limiting.candidate] and self.computed[lowest.candidate]),
                    None if error is None else error.shift,
                    None if error is None else error.bound,
                    self.goal.connectivity,
                    None if jump is None else jump.moved,
                    None if jump is None else jump.apart,
                )
            )
        return tuple(found)

    def barriers_by_neighbours(self) -> dict[Connectivity, tuple[float, float, float]]:
        """Barriers with 6 and with 26 neighbours of a grid point [eV], infinite where there is no path.

        With 26 a path may cut corners of the grid; where the two differ much, the grid is coarse.
        """
        return {number: bottleneck(self.values, self.grid, number).barriers for number in NEIGHBOURS}

    def host_jump(self, dimensions: int) -> HostJump | None:
        """Largest change of a relaxed host between computed neighbours along the path; None where fewer than two are known."""
        way = self.path(dimensions) if self.frames else None
        if way is None:
            return None
        return largest_jump(_host_of(self.space), way.fractions @ self.cell, way.candidates, self.frames)

    def path(self, dimensions: int) -> GridPath | None:
        """The minimum-energy path over the grid, from a minimum over the bottleneck to an image; None where there is none."""
        stations = self.network.stations(dimensions)
        return self.paths.through(stations) if stations else None


def read_surface(data: Campaign, artifacts: ArtifactStore | None = None) -> CampaignSurface:
    """The surface of a campaign as far as it is known.

    Args:
        artifacts: Where relaxed structures are; None: hosts are not compared.

    Raises:
        ConfigurationError: The campaign does not search for a bottleneck, or nothing was computed yet.
    """
    goal, space = data.spec.objective.goal, data.space
    if not isinstance(goal, BottleneckSpec) or not isinstance(space, SurfaceSpace):
        raise ConfigurationError(f"campaign {data.record.name!r} does not search for the bottleneck of an energy surface")
    pool = data.pool
    entries = search_entries(pool, data.select("search"), learns_cost=data.spec.space.learns_cost)
    history = build_history(entries, len(data.evaluations), data.spec.objective.direction)
    if not len(history.observed):
        raise ConfigurationError(f"campaign {data.record.name!r} has no computed energy yet")
    expected = pool_expectation(data)
    values, deviations = np.full(len(pool), np.inf), np.full(len(pool), np.inf)
    if expected is not None:
        values, deviations = data.sign * expected.mean, expected.deviation.copy()
    values[history.observed], deviations[history.observed] = history.values, 0.0
    values[history.failed] = np.inf
    computed = np.zeros(len(pool), dtype=np.bool_)
    computed[history.observed] = True
    size = convert(1.0, data.spec.objective.unit, "eV")
    return CampaignSurface(
        size * values,
        size * deviations,
        computed,
        pool.grids[pool.systems[0]],
        space,
        goal,
        _beliefs(data, goal, history, size) if expected is not None else (),
        _relaxed_frames(data, space, artifacts),
        bool(data.spec.space.held_in_plane),
    )


def jump_warnings(name: str, barriers: Sequence[SurfaceBarrier]) -> tuple[str, ...]:
    """A warning for each barrier along whose path a relaxed host jumps, none where it does not; equal jumps once."""
    found: dict[str, None] = {}
    for item in barriers:
        if item.host_jump is not None and item.host_apart is not None and item.host_jump > JUMP:
            said = (
                f"between two computed points of the path, {item.host_apart:.2f} Å apart, an atom of the host moves by "
                f"{item.host_jump:.2f} Å: the hosts are not alike, and the barrier may be far too low; "
                f"`tansaku path {name} --refine` relaxes the saddle points"
            )
            found[said] = None
    return tuple(found)


def _beliefs(data: Campaign, goal: BottleneckSpec, history: History, size: float) -> tuple[BarrierBelief, ...]:
    """Posterior of the barriers [eV]."""
    fitted = data.refits[-1].hyperparameters if data.refits else None
    last = max(evaluation.proposal.number for evaluation in data.evaluations)
    found = []
    for dimensions in (1, 2, 3):
        asked = goal.model_copy(update={"dimensions": dimensions})
        objective = data.spec.objective.model_copy(update={"goal": asked})
        proposer = build_proposer(data.spec.proposer, objective, data.spec.constraints)
        if not isinstance(proposer, Certifier):
            return ()
        known = proposer.remaining(data.pool, history, certificate_rng(data.spec.seed, last + 1), fitted or None)
        if not isinstance(known, BarrierBelief):
            raise AssertionError("a bottleneck's certificate is a barrier's posterior")
        found.append(BarrierBelief(size * known.barriers))
    return tuple(found)


def _relaxed_frames(data: Campaign, space: SurfaceSpace, artifacts: ArtifactStore | None) -> dict[int, HostFrame]:
    """Hosts of all computed points whose structures are stored, by candidate; none where the host is rigid.

    Raises:
        StoreError: A stored structure cannot be read.
    """
    if space.rigid or artifacts is None:
        return {}
    found = {}
    for evaluation in data.select("search"):
        sha256 = None if evaluation.outcome is None else evaluation.outcome.artifacts.get(STRUCTURE_FILE)
        if value_of(evaluation) is None or sha256 is None or not artifacts.exists(sha256):
            continue
        name = evaluation.proposal.candidate
        (candidate,) = data.pool.positions([name]).tolist()
        # The point itself: an ion in a plane goes a little way from it.
        point = space.structure(name).positions[-1]
        found[candidate] = HostFrame(point, read_structure(evaluation, artifacts).positions[:-1])
    return found


def _host_of(space: SurfaceSpace) -> RelaxedHosts:
    """The host without the ion, as it is computed, and its symmetry."""
    ideal, unit = space.structure_at(np.zeros(3)), space.host
    return RelaxedHosts(ideal.positions[:-1], ideal.cell.array, unit.cell.array, host_symmetry(unit))
