"""What a budget buys: on a table, on draws, and for every goal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.engine.goals import Goal
from tansaku.tasks.act.checks.rehearse import RehearsalOptions, Shape, rehearse_budget, succeeded
from tests.support.pools import pool_of

EMT = {
    "schema_version": 1,
    "space": {
        "type": "grain_boundary",
        "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.61},
        "boundaries": {"planes": [[1, 1, 1], [1, 1, 3]]},
        "translation": {"normal": [0.0, 0.3], "in_plane": [0.0, 0.8, 1.6], "along_axis": [0.0, 0.7]},
        "fold": False,
    },
    "calculator": {"type": "emt"},
    "budget": {"evaluations": 8},
    "execution": {"in_flight": 1},
}


@pytest.fixture
def table_file(tmp_path):
    """Two systems of 25 candidates each in two smooth bowls."""
    rows = [
        (f"c{system}{i}{j}", f"s{system}", i / 5, j / 5, 100 + 50 * ((i / 5 - 0.3 * system) ** 2 + (j / 5 - 0.4) ** 2))
        for system in range(2)
        for i in range(5)
        for j in range(5)
    ]
    frame = pd.DataFrame(rows, columns=["id", "system", "x", "y", "value"])
    frame["angle"] = frame["system"].str[1:].astype(float)
    frame.to_csv(tmp_path / "table.csv", index=False)
    document = {
        "schema_version": 1,
        "space": {
            "type": "table",
            "candidates": "table.csv",
            "columns": {"id": "id", "system": "system", "value": "value"},
            "features": {"x": {"columns": ["x", "y"]}, "angle": {"columns": ["angle"]}},
        },
        "budget": {"evaluations": 24},
        "execution": {"in_flight": 1},
    }
    path = tmp_path / "bowls.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def changed(path, **keys):
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | keys))
    return path


def test_a_table_says_what_its_budget_buys(table_file):
    seen = []
    found = rehearse_budget(table_file, RehearsalOptions("1 mJ/m2", replays=5), lambda done, of: seen.append((done, of)))
    assert seen == [(i, 5) for i in range(1, 6)]
    assert (found.source, found.replays, found.within, found.limit) == ("its own table", 5, 1.0, 24.0)
    assert found.low < found.chance < found.high or found.chance == 1.0
    assert list(found.found_at) == sorted(found.found_at)
    assert found.chance == found.chance_at(24.0)
    assert found.chance_at(3.0) == 0.0
    assert f"{100 * found.chance:.0f} % to get within 1 mJ/m2 of the true answer for 24 evaluations" in found.describe()


def test_more_money_and_less_precision_give_more_chance(table_file):
    strict = rehearse_budget(table_file, RehearsalOptions("0.01 mJ/m2", replays=4))
    loose = rehearse_budget(table_file, RehearsalOptions("20 mJ/m2", replays=4))
    assert all(a <= b for a, b in zip(loose.found_at, [x or np.inf for x in strict.found_at], strict=True))
    poor = rehearse_budget(changed(table_file, budget={"evaluations": 5}), RehearsalOptions("0.01 mJ/m2", replays=4))
    assert poor.chance < strict.chance
    assert "more give 90 %" in poor.describe() or "twice as much would give" in poor.describe()


def test_a_cost_limit_is_counted_in_cost(table_file):
    found = rehearse_budget(changed(table_file, budget={"fraction": 0.3}), RehearsalOptions("1 mJ/m2", replays=3))
    assert found.limit == pytest.approx(0.3 * 50)
    assert "units of cost" in found.describe()


def test_the_stop_rule_says_how_near_is_near_enough(table_file):
    path = changed(table_file, budget={"evaluations": 10, "stop": {"within": "0.004 J/m2"}})
    assert rehearse_budget(path, RehearsalOptions(replays=2)).within == 4.0


def test_a_search_that_computes_is_rehearsed_on_draws(tmp_path):
    path = tmp_path / "cu.yaml"
    path.write_text(yaml.safe_dump(EMT))
    found = rehearse_budget(path, RehearsalOptions("10 mJ/m2", 3, spread="40 mJ/m2"))
    assert found.source == "samples of its model with a spread of 40 mJ/m2"
    again = rehearse_budget(path, RehearsalOptions("10 mJ/m2", 3, spread="40 mJ/m2"))
    assert again == found
    flat = rehearse_budget(path, RehearsalOptions("10 mJ/m2", 3, spread="0.1 mJ/m2"))
    assert flat.found_at == (1.0, 1.0, 1.0)


def test_a_finished_table_teaches_the_model(table_file, tmp_path):
    pool_file = tmp_path / "cu.yaml"
    pool_file.write_text(yaml.safe_dump(EMT))
    with pytest.raises(ConfigurationError, match="its features differ"):
        rehearse_budget(pool_file, RehearsalOptions("10 mJ/m2", 2, like=table_file))


def test_a_landscape_takes_the_distribution_of_a_finished_table():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], 200)
    pool = pool_of(400, systems=("s", "t"), codes=codes)
    table = 300.0 + 40.0 * codes + rng.exponential(50.0, 400)
    table[7] = np.nan
    shape = Shape.of(pool, table)
    assert (shape.mean, shape.deviation) == (pytest.approx(np.nanmean(table)), pytest.approx(np.nanstd(table)))
    drawn = 60.0 * rng.normal(size=400) + np.where(codes == 1, 30.0, -30.0)
    found = shape.given_to(pool, drawn)
    for code in range(2):
        mine = codes == code
        assert (np.argsort(found[mine]) == np.argsort(drawn[mine])).all()
        # The floor is the table's: as many candidates near the lowest one, which a normal distribution does not have.
        near = [np.mean(one[mine] <= np.nanmin(one[mine]) + 10.0) for one in (found, table, drawn)]
        assert near[0] == pytest.approx(near[1], abs=0.05)
        assert near[2] < 0.5 * near[1]
    levels = [one[codes == 1].mean() - one[codes == 0].mean() for one in (found, drawn)]
    assert levels[0] == pytest.approx(levels[1])


@pytest.mark.parametrize(
    ("keys", "options", "message"),
    [
        ({}, RehearsalOptions(), r"--within: missing; give a tolerance"),
        ({}, RehearsalOptions("5"), r"--within: 5 has no unit"),
        ({}, RehearsalOptions("5 eV"), r"--within: 'eV' cannot be converted to 'mJ/m2'"),
        ({}, RehearsalOptions("-5 mJ/m2"), r"expected a positive quantity"),
        ({}, RehearsalOptions("5 mJ/m2", spread="4 mJ/m2"), r"not needed for a table"),
        ({"budget": {}}, RehearsalOptions("5 mJ/m2"), r"budget: a rehearsal needs a limit"),
    ],
)
def test_wrong_options_are_told(table_file, keys, options, message):
    with pytest.raises(ConfigurationError, match=message):
        rehearse_budget(changed(table_file, **keys), options)


@pytest.mark.parametrize(
    ("keys", "options", "message"),
    [
        ({}, RehearsalOptions("5 mJ/m2"), r"the spread of the values is unknown"),
        ({"proposer": {"type": "random"}}, RehearsalOptions("5 mJ/m2", spread="4 mJ/m2"), "random has no model to sample from"),
        (
            {"objective": {"goal": {"type": "all_below", "threshold": "1 J/m2"}}},
            RehearsalOptions("5 mJ/m2", spread="4 mJ/m2"),
            r"with a threshold the level of the values matters",
        ),
    ],
)
def test_what_draws_need_is_told(tmp_path, keys, options, message):
    path = tmp_path / "cu.yaml"
    path.write_text(yaml.safe_dump(EMT | keys))
    with pytest.raises(ConfigurationError, match=message):
        rehearse_budget(path, options)


def test_success_of_every_goal():
    codes = np.array([0, 0, 0, 1, 1, 1])
    pool = pool_of(6, systems=("s", "t"), codes=codes)
    values = np.array([1.0, 2.0, 5.0, 3.0, np.nan, 4.0])
    order = np.array([2, 5, 1, 4, 3, 0])

    def of(goal: Goal, within: float, direction: str = "minimize", v: np.ndarray = values) -> list[bool]:
        return succeeded(pool, v, order, goal, within, direction).tolist()

    assert of(Goal(), 0.0) == [False] * 5 + [True]
    assert of(Goal(), 1.0) == [False, False, True, True, True, True]
    assert of(Goal("top_k", 1), 1.0) == [False, False, True, True, True, True]
    assert of(Goal("top_k", 2), 0.0) == [False] * 5 + [True]
    assert of(Goal("top_k", 2), 1.0) == [False, False, False, False, True, True]
    assert of(Goal("all_below", threshold=2.5), 0.0) == [False] * 5 + [True]
    assert of(Goal("all_below", threshold=2.5), 1.0) == [False] * 5 + [True]
    assert of(Goal("all_below", threshold=0.5), 0.0) == [True] * 6
    assert of(Goal("top_k", 1), 0.0, "maximize") == [True] * 6
    assert of(Goal("top_k", 1), 0.0, "maximize", -values) == [False] * 5 + [True]
