import numpy as np
import pytest

from benchmarks.everyday.comparison import best_peer, comparison, pairs, ratio, scores


def _rows(method: str, table: str, *found: float) -> list[dict[str, object]]:
    return [{"method": method, "table": table, "seed": seed, "score": score} for seed, score in enumerate(found)]


def test_two_tables_of_one_seed_have_the_ratio_and_the_bounds_that_a_hand_finds():
    # Of four draws of two tables (aa, ab, ba, bb) the ratios are 1/2, 3/4, 3/4 and 1.
    found = ratio([np.array([[1.0, 2.0]]), np.array([[2.0, 2.0]])])
    assert found == {"ratio": 0.75, "low": 0.5, "upper": 1.0, "high": 1.0}


def test_seeds_of_a_table_are_drawn_too():
    # Draws of two seeds of the ratios 1/2 and 3/2: both the first, one each, both the second.
    found = ratio([np.array([[1.0, 2.0], [3.0, 2.0]])])
    assert found == {"ratio": 1.0, "low": 0.5, "upper": 1.5, "high": 1.5}


def test_each_table_counts_the_same_however_many_seeds_it_has():
    assert ratio([np.full((5, 2), (1.0, 1.0)), np.array([[0.0, 1.0]])])["ratio"] == pytest.approx(0.5)


def test_methods_keep_their_common_seeds():
    theirs = np.random.default_rng(1).exponential(size=30)
    found = ratio([np.column_stack([2 * theirs, theirs])] * 2)
    assert list(found.values()) == pytest.approx([2.0] * 4)


def test_only_seeds_that_both_have_are_compared():
    found = scores([*_rows("ours", "a", 1.0, 2.0, 9.0), *_rows("ours", "b", 5.0), *_rows("peer", "a", 4.0, 2.0)])
    both = pairs(found, "ours", "peer")
    assert {table: rows.tolist() for table, rows in both.items()} == {"a": [[1.0, 4.0], [2.0, 2.0]]}
    told = comparison(found, "ours")
    assert list(told) == ["peer"]
    assert told["peer"]["ratio"] == pytest.approx(0.5)
    assert told["peer"]["seeds"] == [2, 2]
    assert told["peer"]["tables"]["a"]["low"] == pytest.approx(0.25)


def test_the_best_peer_has_the_lowest_mean_over_tables():
    # The further seeds of p would make it the best; q does not have them.
    found = scores([*_rows("p", "a", 1.0, 0.0, 0.0), *_rows("p", "b", 3.4), *_rows("q", "a", 2.0), *_rows("q", "b", 2.0)])
    assert best_peer(found, ["p", "q", "absent"]) == "q"
    assert best_peer(found, ["absent"]) is None


def test_searches_that_found_the_best_at_once_are_equal_and_against_one_there_is_no_ratio():
    assert ratio([np.zeros((2, 2))]) == {"ratio": 1.0, "low": 1.0, "upper": 1.0, "high": 1.0}
    assert ratio([np.array([[1.0, 0.0]])]) == {"ratio": None, "low": None, "upper": None, "high": None}
    assert ratio([np.array([[1.0, 0.0], [1.0, 2.0]])]) == {"ratio": 1.0, "low": 0.5, "upper": None, "high": None}
