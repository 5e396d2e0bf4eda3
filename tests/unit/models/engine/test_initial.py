from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import PeriodicGrid
from tansaku.models.engine.initial import Remaining, initial_position, initial_size, multiplicities


def test_each_system_gets_one(grid_pool):
    allowed = np.ones(len(grid_pool), dtype=bool)
    for design in ("random", "cheapest"):
        chosen = [initial_position(grid_pool, allowed, k, np.random.default_rng(k), design) for k in (1, 2, 3)]
        assert grid_pool.system_codes[chosen].tolist() == [0, 1, 2]


def test_random_covers_all_surfaces_and_cheapest_only_the_cheap_one(grid_pool):
    allowed = np.ones(len(grid_pool), dtype=bool)
    seen = {
        design: {
            int(grid_pool.surface_codes[initial_position(grid_pool, allowed, 1, np.random.default_rng(s), design)])
            for s in range(40)
        }
        for design in ("random", "cheapest")
    }
    assert seen == {"random": {0, 1}, "cheapest": {1}}


def test_a_system_without_candidates_hands_its_turn_on(grid_pool):
    allowed = grid_pool.system_codes == 2
    chosen = initial_position(grid_pool, allowed, 1, np.random.default_rng(0), "random")
    assert grid_pool.system_codes[chosen] == 2


def test_the_stream_decides(grid_pool):
    allowed = np.ones(len(grid_pool), dtype=bool)
    picks = {initial_position(grid_pool, allowed, 1, np.random.default_rng(s), "random") for s in range(20)}
    assert len(picks) > 5
    again = [initial_position(grid_pool, allowed, 1, np.random.default_rng(3), "random") for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize("number", [1, 4, 7])
def test_numbers_go_round_the_systems(grid_pool, number):
    allowed = np.ones(len(grid_pool), dtype=bool)
    assert grid_pool.system_codes[initial_position(grid_pool, allowed, number, np.random.default_rng(0), "random")] == 0


def test_the_size_counts_systems(grid_pool, bare_pool):
    assert [initial_size(grid_pool, points) for points in (1, 2, 24)] == [3, 6, 72]
    assert initial_size(bare_pool, 5) == 5


def test_a_design_larger_than_a_system_is_refused(grid_pool, bare_pool):
    assert initial_size(bare_pool, 12) == 12
    with pytest.raises(ConfigurationError, match=r"proposer\.initial_points: 13, but system 'system-0' has 12 candidates"):
        initial_size(bare_pool, 13)
    with pytest.raises(ConfigurationError, match=r"initial_points: 25, but system 'system-1' has 24 candidates"):
        initial_size(grid_pool, 25)


def test_points_of_highest_site_symmetry_come_first(bare_pool):
    grid = PeriodicGrid((3, 2, 2), np.array([0, 1, 1, 2, 2, 2, 3, 3, 3, 3, -1, -1]))
    pool = replace(
        bare_pool,
        **{name: getattr(bare_pool, name)[:4] for name in ("ids", "system_codes", "surface_codes", "cost")},
        groups={},
        grids={bare_pool.systems[0]: grid},
    )
    assert multiplicities(pool).tolist() == [1, 2, 3, 4]
    allowed = np.array([False, True, True, True])
    assert initial_position(pool, allowed, 1, np.random.default_rng(0), "symmetric") == 1
    with pytest.raises(ConfigurationError, match=r"proposer\.initial: symmetric needs a space"):
        initial_position(bare_pool, np.ones(len(bare_pool), dtype=bool), 1, np.random.default_rng(0), "symmetric")


def test_points_with_the_most_room_come_first(bare_pool):
    count = len(bare_pool)
    room = np.arange(count, dtype=float)[::-1]
    grid = PeriodicGrid((count, 1, 1), np.arange(count), room)
    pool = replace(bare_pool, grids={bare_pool.systems[0]: grid})
    every = np.ones(count, dtype=bool)
    drawn = {initial_position(pool, every, 1, np.random.default_rng(seed), "roomy") for seed in range(60)}
    assert drawn == {0, 1, 2}  # a quarter of twelve
    every[:3] = False
    assert initial_position(pool, every, 1, np.random.default_rng(0), "roomy") == 3
    for other in (bare_pool, replace(pool, grids={bare_pool.systems[0]: replace(grid, room=None)})):
        with pytest.raises(ConfigurationError, match=r"proposer\.initial: roomy needs a space"):
            initial_position(other, every, 1, np.random.default_rng(0), "roomy")


def test_known_results_fill_the_places_of_their_systems_and_the_rest_keep_their_numbers(grid_pool):
    systems = [grid_pool.ids[grid_pool.system_codes == code].tolist() for code in range(3)]
    known = [*systems[0][:4], systems[2][0]]
    left = Remaining.of(grid_pool, 6, known)
    assert (left.known, left.places, left.end) == (5, (2, 5, 6), 8)
    assert [left.place(number) for number in (6, 7, 8, 9, 10)] == [2, 5, 6, 7, 8]
    assert Remaining.of(grid_pool, 0, known).place(6) == 1
