"""Promise of surfaces without a value, from those of all systems."""

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.engine.arms.proposer import CONSTANT, LENGTH, NOISE, OWN, distances, levels_of, lowest_values, promises

DENSITIES = (0.0, 0.5, 1.0)


def pool(systems=2, size=2):
    """As many systems with three densities each; angles are 0, 10, …"""
    arms = np.repeat(np.arange(3 * systems), size)
    return CandidatePool(
        ids=np.array([f"c{i:03d}" for i in range(len(arms))]),
        systems=tuple("abc"[:systems]),
        system_codes=arms // 3,
        surfaces=tuple(f"{system}{density}" for system in "abc"[:systems] for density in DENSITIES),
        surface_codes=arms,
        groups={
            "translation": FeatureGroup("translation", np.arange(size)[:, None] / size, np.arange(len(arms)) % size, ("x",)),
            "density": FeatureGroup("density", np.array(DENSITIES)[:, None], arms % 3, ("n",)),
            "angle": FeatureGroup("angle", 10.0 * np.arange(systems)[:, None], arms // 3, ("angle",)),
        },
        cost=np.ones(len(arms)),
    )


def promised(of, values, wanted):
    """Promise after values of candidates by position."""
    history = History(observed=np.array(list(values)), values=np.array(list(values.values())))
    return promises(of, history, lowest_values(of, history), np.array(wanted))


def test_a_surface_good_in_one_system_makes_the_like_one_of_the_other_promising():
    of = pool()
    # Both begin with the first density; of the first system all are known.
    low, high = (
        promised(of, {0: 950.0, 1: 960.0, 2: second, 4: third, 6: 700.0}, [4, 5]) for second, third in ((900, 990), (990, 900))
    )
    # The first surface of the second system, the only one known there, is nearer to its second one.
    assert low[0] / low[1] > 1.3 * high[0] / high[1]
    assert high[1] > high[0]


def test_promises_are_those_of_the_covariance_in_the_text():
    of = pool()
    values = {0: 950.0, 1: 960.0, 2: 900.0, 4: 990.0, 6: 700.0}
    scale = np.std([950.0, 960.0], ddof=1)
    losses = np.log1p(np.array([50.0, 0.0, 90.0, 0.0]) / scale)
    density, system = np.array([0.0, 0.5, 1.0, 0.0, 0.5, 1.0]), np.array([0, 0, 0, 1, 1, 1])
    across = np.exp(-0.5 * (system[:, None] - system) ** 2)
    covariance = (across / 2 + (system[:, None] == system) / 2) * np.exp(
        -0.5 * (density[:, None] - density) ** 2 / LENGTH**2
    ) + CONSTANT
    seen = covariance[:4, :4] + np.diag(OWN + NOISE / np.array([2, 1, 1, 1]))
    assert promised(of, values, [4, 5]) == pytest.approx(np.exp(-covariance[4:, :4] @ np.linalg.solve(seen, losses)))


def test_systems_that_are_alike_say_more_about_each_other():
    of = pool(3)
    # The second density is good in the first system and bad in the third one; angles decide whom the second one follows.
    values = {0: 950.0, 1: 951.0, 2: 900.0, 6: 700.0, 12: 950.0, 14: 990.0}
    angles = {near: np.array([[0.0], [10.0 if near == "first" else 90.0], [100.0]]) for near in ("first", "third")}
    found = {}
    for near, rows in angles.items():
        group = replace(of.groups["angle"], values=rows)
        found[near] = promised(replace(of, groups={**of.groups, "angle": group}), values, [4])[0]
    assert found["first"] > 1.1 * found["third"]


def test_nothing_is_promised_where_nothing_can_be_shared():
    of = pool()
    alone = pool(1)
    assert promised(alone, {0: 950.0, 2: 900.0}, [2]).tolist() == [1.0]
    bare = replace(of, groups={name: of.groups[name] for name in ("translation", "angle")})
    assert promised(bare, {0: 950.0, 2: 900.0}, [2, 4]).tolist() == [1.0, 1.0]
    none = History(observed=np.empty(0, dtype=np.intp), values=np.empty(0))
    assert promises(of, none, lowest_values(of, none), np.arange(6)).tolist() == [1.0] * 6


def test_groups_are_sorted_by_what_they_tell_apart():
    inner, outer = levels_of(pool())
    assert [group.name for group in inner] == ["density"]
    assert [group.name for group in outer] == ["angle"]


def test_many_surfaces_are_predicted_in_blocks(monkeypatch):
    values = {0: 950.0, 1: 960.0, 2: 900.0, 4: 990.0, 6: 700.0}
    at_once = promised(pool(3), values, [4, 5, 6, 7, 8])
    monkeypatch.setattr("tansaku.models.engine.arms.proposer._BLOCK", 2)
    assert promised(pool(3), values, [4, 5, 6, 7, 8]) == pytest.approx(at_once)


def test_distances_are_in_units_of_the_range_and_sorted_by_level():
    of = pool()
    within, between = distances(of, levels_of(of), np.array([0]), np.array([0, 1, 2, 5]))
    assert within.tolist() == [[0.0, 0.25, 1.0, 1.0]]
    assert between.tolist() == [[0.0, 0.0, 0.0, 1.0]]


@pytest.mark.parametrize(("kind", "expected"), [({"categorical": True}, 0.5), ({"mixed": True}, 0.5), ({}, 1 / 10001)])
def test_distances_of_codes_and_of_columns_with_different_units(kind, expected):
    of = pool(1)
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 100.0]])
    of = replace(of, groups={"site": FeatureGroup("site", rows, of.surface_codes, ("a", "b"), **kind)})
    within, _ = distances(of, levels_of(of), np.array([0]), np.array([1]))
    assert within[0, 0] == pytest.approx(expected)


def test_what_can_still_be_measured_is_left_out():
    of = pool()
    priced = FeatureGroup("priced", np.array([[0.0], [np.nan]]), of.surface_codes % 2, ("x",), prices={"x": 1.0})
    values = {0: 950.0, 2: 900.0, 6: 700.0}
    assert (
        promised(replace(of, groups={**of.groups, "priced": priced}), values, [4, 5]).tolist()
        == promised(of, values, [4, 5]).tolist()
    )
