"""Boundaries whose number of atoms is searched: candidates, structures and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.stacking import stacking_of
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History, Space
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.spaces.boundary_density.space import BoundaryDensitySpace, on_circle, on_torus
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.boundary import Cells

KEYS = {
    "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.615},
    "axis": [0, 0, 1],
    "boundaries": {"planes": [[2, 1, 0]]},
    "cell": {"boundaries": 1, "relaxed": 6, "reach": 5.6, "polish": [9]},
    "replication": {"max_atoms": 300, "max": [2, 3]},
    "translation": {"sample": "full", "in_plane": {"step": 1.4}, "along_axis": {"step": 1.3}},
    "seeds": 2,
}
CANDIDATE = "s005-210-a1x2-n050-x081-y090-k01"


def opened(limits=None, **changes):
    return open_space(GrainBoundarySpaceSpec.model_validate(KEYS | changes), Path(), limits)


def test_candidates_are_replications_fractions_translations_and_seeds():
    space = opened()
    assert isinstance(space, BoundaryDensitySpace)
    assert isinstance(space, Space)
    assert isinstance(space, Cells)
    pool = space.pool()
    assert CANDIDATE in set(pool.ids)
    # Planes of 2, 4, 6, 4 atoms fit below 300; no atom removed is listed for one cell alone.
    assert pool.surfaces == (
        *("s005-210-a1x1-n000", "s005-210-a1x1-n050"),
        *(f"s005-210-a1x2-n0{n}" for n in (75, 50, 25)),
        *(f"s005-210-a2x1-n0{n}" for n in (75, 50, 25)),
        *(f"s005-210-a1x3-n0{n}" for n in (83, 67, 50, 33, 17)),
    )
    [row] = space.describe_systems()
    assert row["candidates"] == len(pool) == 13 * 5 * 4 * 2
    assert pool.cost.max() <= 300


def test_a_structure_has_the_atoms_that_its_id_says():
    space = opened()
    atoms = space.structure(CANDIDATE)
    assert atoms.info["removed_atoms"] == 2
    assert atoms.info["fraction"] == 0.5
    assert len(atoms) % 4 == 2
    stack = atoms[atoms.arrays["grain"] == 1]
    heights, counts = np.unique(stack.positions[:, 2].round(6), return_counts=True)
    assert counts.tolist() == [2, *[4] * (len(heights) - 1)]
    width, depth = 3.615 * np.sqrt(5), 3.615
    assert atoms.cell.lengths()[:2] == pytest.approx([width, 2 * depth])
    assert atoms.info["area"] == pytest.approx(2 * width * depth)
    x, y, z = atoms.info["translation"]
    assert 0.80 <= x < 1.62
    assert 0.90 <= y < 1.81
    assert z == 0.3
    again = opened().structure(CANDIDATE)
    assert (again.positions == atoms.positions).all()


def test_seeds_differ_in_translation_and_in_the_atoms_that_are_removed():
    space = opened(seeds=12)
    one, *others = (space.structure(f"{CANDIDATE[:-2]}{seed:02d}") for seed in range(12))
    assert all(other.info["translation"] != one.info["translation"] for other in others)
    low = [sorted(map(tuple, a.positions[a.arrays["grain"] == 1][:2].round(1).tolist())) for a in (one, *others)]
    assert len({str(item) for item in low}) > 3


def test_the_layer_sets_the_planes_that_lose_atoms():
    thin, thick = (opened(atoms={"layer": layer}, seeds=8) for layer in (0.0, 2.5))
    names = [f"{CANDIDATE[:-2]}{seed:02d}" for seed in range(8)]

    def planes(space):
        found = set()
        for name in names:
            atoms = space.structure(name)
            upper = atoms[atoms.arrays["grain"] == 1].positions[:, 2]
            levels = np.rint((upper - upper.max()) / (3.615 / 2 / np.sqrt(5))).astype(int)
            counts = np.bincount(-levels, minlength=1)
            found |= {len(counts) - 1 - level for level in np.flatnonzero(counts < 4)}
        return found

    assert planes(thin) == {0}
    assert len(planes(thick)) > 2


def test_a_relaxed_structure_is_carried_into_thicker_grains():
    space = opened()
    start = space.structure(CANDIDATE)
    relaxed = start.copy()
    rng = np.random.default_rng(0)
    moving = relaxed.arrays["block"] == 0
    relaxed.positions[moving] += rng.normal(scale=0.05, size=(moving.sum(), 3))
    relaxed.positions[relaxed.arrays["block"] == 2] += [0.1, 0.0, -0.2]
    thick = space.thicker(CANDIDATE, relaxed, 9.0)
    assert space.grain_thickness(CANDIDATE, 9.0) > space.grain_thickness(CANDIDATE)
    assert len(thick) > len(start)
    assert len(thick) % 4 == 2
    # The boundary is the same atom for atom.
    pairs = []
    for atoms in (relaxed, thick):
        near = atoms[(atoms.arrays["block"] == 0)]
        middle = [near.positions[near.arrays["grain"] == 0, 2].max(), near.positions[near.arrays["grain"] == 1, 2].min()]
        centre = np.mean(middle)
        chosen = near[np.abs(near.positions[:, 2] - centre) < 3.0]
        pairs.append(np.sort(neighbor_list("d", chosen, 3.0)))
    np.testing.assert_allclose(pairs[0], pairs[1], atol=1e-9)
    with pytest.raises(NotFoundError, match="no cell with grains of 11"):
        space.thicker(CANDIDATE, relaxed, 11.0)


@pytest.mark.parametrize(
    "candidate",
    [
        CANDIDATE.replace("k01", "k02"),
        CANDIDATE.replace("k01", "k001"),
        CANDIDATE.replace("n050", "n051"),
        CANDIDATE.replace("a1x2", "a2x2"),
        CANDIDATE.replace("x081", "x082"),
        CANDIDATE.replace("-k01", ""),
        "s005-210-r0-x000-y000-z030",
    ],
)
def test_an_id_outside_the_pool_is_not_found(candidate):
    with pytest.raises(NotFoundError):
        opened().structure(candidate)


def test_fractions_can_be_listed():
    assert set(opened(atoms={"fractions": [0.67, 0]}).pool().surfaces) == {"s005-210-a1x1-n000", "s005-210-a1x3-n067"}
    with pytest.raises(ConfigurationError, match=r"space\.atoms\.fractions: 0\.4; expected a fraction .* 2, 4, 6 atoms"):
        opened(atoms={"fractions": [0.5, 0.4]})


def test_a_boundary_without_candidates_is_refused_by_name_in_new_campaigns():
    keys = {
        "boundaries": {"planes": [[2, 1, 0], [5, 1, 0]]},
        "replication": {"max_atoms": 300, "max": [2, 4]},
        "cell": {"boundaries": 1, "relaxed": 14, "reach": 5.6, "polish": [20]},
        "atoms": {"fractions": [0.75]},
    }
    with pytest.raises(ConfigurationError, match=r"space\.atoms\.fractions: 0\.75; no cell of s013-510 within space\.repl"):
        opened(LimitsSpec(), **keys)
    assert [row["candidates"] for row in opened(**keys).describe_systems()] == [0, 80]
    opened(LimitsSpec(), **keys | {"atoms": {"fractions": [0.75, 0.5]}})


def test_what_is_too_large_or_too_small_is_refused_by_name():
    with pytest.raises(ConfigurationError, match=r"space\.replication\.max_atoms: 60; one cell of s005-210 has \d+ atoms"):
        opened(replication={"max_atoms": 60})
    with pytest.raises(ConfigurationError, match=r"space\.seeds: candidates of the boundaries up to s005-210: 2,600,000"):
        opened(LimitsSpec(), seeds=10_000)
    with pytest.raises(ConfigurationError, match=r"space\.replication, space\.atoms: cells and fractions of s005-210: 13"):
        opened(LimitsSpec(surfaces=12))
    with pytest.raises(
        ConfigurationError, match=r"space\.cell\.polish: 9: atoms in a cell of s005-210: \d+; expected at most 290"
    ):
        opened(LimitsSpec(atoms=290))


def vacant(atoms, repeats):
    """Places of the lowest plane that are empty, by row along the longer side; the plane is full in every second atom."""
    full = 2 * repeats
    upper = atoms[atoms.arrays["grain"] == 1]
    heights = upper.positions[:, 2]
    low = upper.positions[heights < heights.min() + 0.1]
    period = 3.615
    places = {0: [], 1: []}
    shift = atoms.info["translation"]
    for x, y, _ in low - np.array(shift):
        row = round(x / (period * np.sqrt(5) / 2)) % 2
        places[row].append(round((y - 0.5 * row * period) / period) % repeats)
    assert len(low) == full - atoms.info["removed_atoms"]
    return [sorted(set(range(repeats)) - set(found)) for found in places.values()]


def test_some_candidates_lose_evenly_spaced_atoms():
    keys = {"replication": {"max_atoms": 2000, "max": [1, 7]}, "seeds": 20}
    name = "s005-210-a1x7-n043-x081-y090-k{:02d}"
    even, some, never = (opened(atoms={"even": share}, **keys) for share in (1, 0.5, 0))
    lost = [even.structure(name.format(seed)) for seed in range(20)]
    assert all(atoms.info["removed_evenly"] for atoms in lost)
    for atoms in lost:
        for empty in vacant(atoms, 7):
            assert sorted(np.diff([*empty, empty[0] + 7])) == [1, 2, 2, 2]
    assert len({str(vacant(atoms, 7)) for atoms in lost}) > 8
    mixed = [some.structure(name.format(seed)).info["removed_evenly"] for seed in range(20)]
    assert 4 <= sum(mixed) <= 16
    # Without the key a candidate is what it was before there was one.
    gaps = []
    for seed in range(3):
        plain = never.structure(name.format(seed))
        assert "removed_evenly" not in plain.info
        assert (plain.positions == opened(**keys).structure(name.format(seed)).positions).all()
        gaps += [np.diff([*empty, empty[0] + 7]).max() for empty in vacant(plain, 7)]
    assert max(gaps) > 2


def test_rows_run_along_the_side_with_more_repeats():
    space = opened(replication={"max_atoms": 3000, "max": [3, 3]})
    cell = {arm.cell.repeats: arm.cell for arm in space._arms.values()}
    full = np.arange(cell[1, 3].atoms_per_plane)
    for repeats, side in (((1, 3), 1), ((3, 1), 0), ((2, 3), 1), ((3, 3), 1)):
        wide = cell[repeats]
        rows = wide.rows(1)
        assert rows.shape == (wide.atoms_per_plane // max(repeats), max(repeats))
        positions = wide._full((0.0, 0.0, 0.0)).positions[wide._removable]
        steps = np.diff(positions[rows], axis=1)
        assert steps == pytest.approx(np.broadcast_to(np.eye(3)[side] * wide.block.stacking.lengths[side], steps.shape))
    assert sorted(cell[1, 3].rows(1).ravel()) == full.tolist()


def test_annealed_candidates_cost_what_they_take():
    spec = {"anneal": {"probability": 0.5, "steps": [5000, 5000]}}
    plain, pool = opened().pool(), opened(**spec).pool()
    work = pool.cost / pool.cost_descriptors.values[pool.cost_descriptors.index, 0]
    annealed = ["anneal_steps" in opened(**spec).structure(str(name)).info for name in pool.ids[:20]]
    assert (work[:20] > 10).tolist() == annealed
    assert set(np.unique(work.round(9))) == {1.0, 21.0}
    assert plain.cost_descriptors.columns == ("atoms",)
    learned = opened(cost={"model": "measured", "anchor": 2.0}, **spec).pool()
    assert learned.cost == pytest.approx(pool.cost / 100 * 2.0)


def test_without_removed_atoms_only_annealing_makes_wider_cells_differ():
    spec = {"anneal": {"probability": 1, "steps": [10, 10]}}
    surfaces = opened(**spec).pool().surfaces
    assert "s005-210-a1x3-n000" in surfaces
    assert opened(**spec).structure(CANDIDATE).info["anneal_steps"] == 10
    assert "anneal_steps" not in opened().structure(CANDIDATE).info


def test_a_gaussian_process_can_search_it():
    pool = opened().pool()
    assert set(pool.groups) == {"translation", "replication", "density", "structure", "angle"}
    proposer = build_proposer(GPProposerSpec(acquisition="ucb", exploration=0.01, cost_exponent=0))
    rng = np.random.default_rng(1)
    seen = rng.choice(len(pool), 40, replace=False)
    density = pool.groups["density"]
    values = 900 + 300 * density.values[density.index[seen], 0] + rng.normal(size=40)
    history = History(observed=seen, values=values)
    chosen = proposer.propose(pool, history, 41, proposal_rng(1, 41), proposer.fit(pool, history, None))
    assert chosen is not None
    # The lowest values are at half a plane.
    assert "-n050-" in str(pool.ids[chosen.position])


@pytest.mark.parametrize(("axis", "plane"), [((0, 0, 1), (2, 1, 0)), ((1, 1, 0), (1, 1, 3)), ((1, 1, 1), (2, -1, -1))])
def test_translations_by_a_lattice_vector_are_one_point(axis, plane):
    stack = stacking_of(CubicCrystal("fcc", "Cu", 3.6), boundary_on(tilt_axis(axis), plane))
    width, depth = stack.irreducible_lengths
    shifts = np.array([[0.3, 0.2], [1.1, 0.9]])
    for vector in ([width, stack.planar[1] * stack.y_unit], [0.0, depth]):
        np.testing.assert_allclose(on_torus(stack, shifts + vector), on_torus(stack, shifts), atol=1e-8)
    short = on_torus(stack, np.array([[0.5, 0.5], [0.5, 0.51]]))
    assert np.linalg.norm(short[1] - short[0]) == pytest.approx(0.01, rel=1e-3)


def test_a_full_plane_is_no_plane():
    assert on_circle(0.0) == pytest.approx(on_circle(1.0))
    assert np.linalg.norm(np.subtract(on_circle(0.01), on_circle(0.99))) == pytest.approx(0.02, rel=1e-2)
