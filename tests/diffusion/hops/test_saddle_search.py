"""Saddle points from a pass of the grid, on a surface whose saddle points are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.constraints import FixAtoms

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.relaxing import Relaxer, State, Through
from tansaku.calculators.workflows.pinned_ion import ACROSS, relax_around_ion, relax_in_plane
from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.grid_path import GridPath, GridPaths
from tansaku.diffusion.hops.refinement import RefinementSettings, Refiner
from tansaku.diffusion.hops.saddle_search import climb_by_dimer, local_direction
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import PeriodicGrid
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

EDGE, LOW, HIGH, WEB = 4.0, 0.3, 0.5, 0.2
CELL = EDGE * np.eye(3)


class Channels:
    """An ion on a surface that bends: minima at corners of a cube, a saddle point between two of them beside the straight line.

    E = h(x) LOW + h(z) HIGH + WEB (1 - cos(q (y - s(x)))) with h(x) = (1 - cos q x) / 2, q = 2π / EDGE, s = 0.18 h(x) EDGE. The
    minima are at 0, the saddle point along x is LOW high, at x = 2, y = 0.72, z = 0; along z HIGH, along y 2 WEB.
    """

    provenance = Provenance(code="channels", code_version="1")
    wave = 2.0 * np.pi / EDGE
    bend = 0.18 * EDGE

    def energies(self, places):
        x, y, z = np.moveaxis(np.asarray(places), -1, 0)
        hump = 0.5 * (1.0 - np.cos(self.wave * x))
        across = 1.0 - np.cos(self.wave * (y - self.bend * hump))
        return LOW * hump + HIGH * 0.5 * (1.0 - np.cos(self.wave * z)) + WEB * across

    def evaluate(self, structure, relaxation=None):
        assert relaxation is None
        x, y, z = structure.positions[-1]
        sines = np.sin(self.wave * np.array([x, z]))
        hump, slope = 0.5 * (1.0 - np.cos(self.wave * x)), 0.5 * self.wave * sines[0]
        across = WEB * self.wave * np.sin(self.wave * (y - self.bend * hump))
        forces = np.zeros((len(structure), 3))
        forces[-1] = -np.array([LOW * slope - across * self.bend * slope, across, 0.5 * HIGH * self.wave * sines[1]])
        energy = float(self.energies(structure.positions[-1]))
        return CalculationResult(
            atoms=structure, energy=energy, energies=None, forces=forces, stress=np.zeros(6), converged=True, steps=0,
            wall_time=0.0, provenance=self.provenance,
        )  # fmt: skip

    def close(self):
        """Nothing is open."""


def structure_at(fraction) -> Atoms:
    return Atoms("HeH", positions=[[0.3, 0.2, 0.1], np.asarray(fraction) @ CELL], cell=CELL, pbc=True)


@pytest.fixture(scope="module")
def known():
    """Hops and paths of the surface on a grid of 0.5 Å, on which no point is a saddle point along x."""
    count = 8
    grid = PeriodicGrid((count,) * 3, np.arange(count**3))
    points = np.stack(np.meshgrid(*[np.arange(count) * EDGE / count] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    values = Channels().energies(points)
    return find_hops(values, grid, CELL), GridPaths(values, grid, CELL)


def refined(known, **settings):
    network, paths = known
    refiner = Refiner(Channels(), structure_at, RefinementSettings(fmax=0.002, **settings), Checkpoint(None, ""))
    return refiner.refine(network, paths, LOW + 0.1)


@pytest.mark.parametrize("method", ["band", "dimer"])
def test_every_search_for_a_saddle_point_finds_the_known_one(known, method):
    network, _ = known
    along_x = next(item for item in network.passes if item.hop.cell[0])
    assert along_x.energy > LOW + 0.005
    found = refined(known, method=method)
    assert found.failures == {}
    better = next(item for item in found.network.passes if item.hop.cell[0])
    assert better.method == method
    assert better.energy == pytest.approx(LOW, abs=1e-4)
    hop = next(hop for hop in found.hops if network.passes[hop.number].hop.cell[0])
    top = hop.structures[int(np.argmax(hop.energies))].positions[-1]
    assert np.mod(top, EDGE) == pytest.approx([2.0, Channels.bend, 0.0], abs=0.02)
    # Two motions of the ion across the path: curvatures of the surface there.
    mass = float(structure_at(np.zeros(3)).get_masses()[-1])
    expected = np.sqrt(np.array([WEB, 0.5 * HIGH]) / mass) * Channels.wave * units.s / (2.0 * np.pi)
    assert sorted(better.frequencies) == pytest.approx(expected.tolist(), rel=5e-3)


def test_frequencies_go_with_the_inverse_root_of_the_ion_s_mass(known):
    network, paths = known
    light, heavy = structure_at, lambda fraction: Atoms("HeLi", structure_at(fraction).positions, cell=CELL, pbc=True)
    found = []
    for made in (light, heavy):
        refiner = Refiner(Channels(), made, RefinementSettings(fmax=0.002, method="dimer"), Checkpoint(None, ""))
        refined_ = refiner.refine(network, paths, LOW + 0.1).network
        found.append((refined_.sites[0].frequencies, refined_.passes[0].frequencies))
    ratio = np.sqrt(heavy(np.zeros(3)).get_masses()[-1] / light(np.zeros(3)).get_masses()[-1])
    for first, second in zip(*found, strict=True):
        assert np.array(first) / np.array(second) == pytest.approx([ratio] * len(first), rel=1e-3)


@pytest.mark.parametrize(
    ("modes", "kept"), [((-1e13, 2e13, 3e13), (2e13, 3e13)), ((1e13, 2e13, 3e13), ()), ((-2e13, -1e13, 3e13), ())]
)
def test_a_pass_without_exactly_one_unstable_mode_has_no_frequencies(known, monkeypatch, modes, kept):
    monkeypatch.setattr(Refiner, "_vibrations", lambda *_: modes)
    better = next(item for item in refined(known, method="dimer").network.passes if item.method == "dimer")
    assert better.frequencies == kept


def test_an_ion_in_a_plane_relaxes_across_the_path_and_not_along_it(known):
    found = refined(known, method="plane")
    network, _ = known
    hop = next(hop for hop in found.hops if network.passes[hop.number].hop.cell[0])
    item = network.passes[hop.number]
    top, direction = hop.structures[1].positions[-1], np.array(hop.direction)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    assert (top - np.array(item.fraction) @ CELL) @ direction == pytest.approx(0.0, abs=1e-8)
    # The lowest point of that plane, by trying: rays of the two directions across.
    _, _, axes = np.linalg.svd(direction[None])
    steps = np.linspace(-0.6, 0.6, 241)
    plane = (np.array(item.fraction) @ CELL) + steps[:, None, None] * axes[1] + steps[None, :, None] * axes[2]
    assert hop.energies[1] == pytest.approx(Channels().energies(plane).min(), abs=1e-4)
    assert hop.energies[1] < item.energy
    forces = Channels().evaluate(hop.structures[1]).forces[-1]
    assert hop.force_along == pytest.approx(forces @ direction, abs=1e-9)
    assert np.linalg.norm(forces - hop.force_along * direction) < 0.002


@pytest.mark.parametrize("off", [-0.5, 0.4])
def test_the_plane_through_the_top_gives_the_exact_barrier(off):
    start = structure_at(np.zeros(3))
    start.set_constraint(FixAtoms([0]))
    positions = start.positions.copy()
    positions[-1] = [2.0, Channels.bend + off, 0.2]
    relaxer = Relaxer(Through(Channels()), 1e-4, 100)
    found = relax_in_plane(relaxer, start, positions, np.array([1.0, 0.0, 0.0]))
    assert found.energy == pytest.approx(LOW, abs=1e-7)
    assert found.positions[-1] == pytest.approx([2.0, Channels.bend, 0.0], abs=1e-3)
    other = relax_in_plane(relaxer, start, positions, np.array([0.0, 1.0, 0.0]))
    assert other.positions[-1][1] == pytest.approx(positions[-1][1])
    assert other.energy != pytest.approx(LOW, abs=0.01)


@pytest.mark.parametrize("x", [0.0, 0.7, 2.0, 3.1])
def test_an_evaluation_in_the_plane_has_the_exact_energy_of_the_channel_s_floor(x):
    hump = 0.5 * (1.0 - np.cos(Channels.wave * x))
    start = structure_at(np.array([x, Channels.bend * hump + 0.3, 0.4]) / EDGE)
    start.info[ACROSS] = [1.0, 0.0, 0.0]
    start.set_constraint(FixAtoms([0]))
    found = relax_around_ion(Channels(), start, RelaxationSpec(fmax=1e-4, max_steps=200))
    assert found.energy == pytest.approx(LOW * hump, abs=1e-7)
    assert Channels().evaluate(start).energy > LOW * hump + 0.05
    assert found.atoms.positions[-1] == pytest.approx([x, Channels.bend * hump, 0.0], abs=1e-3)
    assert found.details["ion_moved"] == pytest.approx(np.linalg.norm(found.atoms.positions[-1] - start.positions[-1]))
    assert found.details["force_along"] == pytest.approx(-LOW * 0.5 * Channels.wave * np.sin(Channels.wave * x), abs=1e-3)


def test_an_ion_that_leaves_its_part_of_the_plane_fails():
    start = structure_at(np.array([2.0, Channels.bend + 1.95, 0.0]) / EDGE)
    start.info[ACROSS] = [1.0, 0.0, 0.0]
    start.set_constraint(FixAtoms([0]))
    with pytest.raises(CalculationError, match=r"the ion went 2\.0 Å in its plane"):
        relax_around_ion(Channels(), start, RelaxationSpec(fmax=1e-3, max_steps=300))


def test_a_host_that_makes_way_does_not_slide_under_the_plane():
    emt = open_calculator(EmtSpec(), None)
    start = bulk("Al", "fcc", a=4.05, cubic=True)
    start.append("H")
    start.positions[-1] = 4.05 * np.array([0.5, 0.35, 0.15])
    found = relax_in_plane(Relaxer(Through(emt), 0.02, 200), start, start.positions, np.array([0.0, 1.0, 0.0]))
    moved = found.positions - start.positions
    assert moved[-1, 1] == pytest.approx(0.0, abs=1e-10)
    assert np.linalg.norm(moved[-1]) > 0.02
    assert np.abs(moved[:-1]).max() > 0.005
    assert moved[:-1].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-10)


def test_a_saddle_point_of_another_hop_is_none_of_this_one():
    start = structure_at(np.zeros(3))
    start.set_constraint(FixAtoms([0]))
    positions = start.positions.copy()
    positions[-1] = [0.1, 0.1, 1.6]
    ends = tuple(State(structure_at(f).positions, 0.0, np.zeros((2, 3)), 0) for f in ([0, 0, 0], [1, 0, 0]))
    relaxer = Relaxer(Through(Channels()), 0.005, 200)
    with pytest.raises(CalculationError, match=r"ends .* from the hop's minimum") as caught:
        climb_by_dimer(relaxer, start, positions, np.array([0.0, 0.0, 1.0]), ends)
    assert caught.value.reason == "another_hop"
    with pytest.raises(CalculationError, match="did not end in 1 steps"):
        climb_by_dimer(Relaxer(Through(Channels()), 1e-5, 1), start, positions, np.array([0.0, 0.0, 1.0]), ends)


def test_the_direction_of_a_path_is_that_around_the_pass():
    # Along x, then along the diagonal of x and y; unequal steps do not matter.
    fractions = np.array([[0.0, 0, 0], [0.25, 0, 0], [0.5, 0, 0], [0.75, 0.25, 0], [1.0, 0.5, 0]])
    way = GridPath(fractions, np.zeros(5), np.arange(5))
    assert local_direction(way, fractions[1], CELL) == pytest.approx([1.0, 0.0, 0.0])
    at_the_bend = local_direction(way, fractions[2], CELL)
    half = np.array([1.0, 0.0, 0.0]) + np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    assert at_the_bend == pytest.approx(half / np.linalg.norm(half))
