"""The benchmark of small pools in its quick form, on tables made here; the real ones are given to it as a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.everyday.__main__ import OURS, QUICK, QUICK_METHODS
from benchmarks.everyday.histories import HISTORIES, NUMBERS, history
from benchmarks.everyday.mixtures import COMPONENTS, MIXTURES, VALUE, mixtures
from benchmarks.everyday.score import random_gaps, score
from benchmarks.everyday.tables import HALVES, evaluations, families, tables, write_campaign
from tansaku.tasks.node.configuration.campaign_files import load_campaign


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two tables of a smooth function of two numbers and a category; a row is there twice."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data" / "olympus"
    folder.mkdir(parents=True)
    about = {
        "parameters": [
            {"name": "heat", "type": "continuous"},
            {"name": "time", "type": "continuous"},
            {"name": "solvent", "type": "categorical"},
        ],
        "measurements": [{"name": "impurity", "type": "continuous"}],
        "default_goal": "minimize",
    }
    for name in QUICK:
        heat, time, solvent = rng.uniform(20, 80, 60), rng.uniform(0, 1, 60), rng.choice(["water", "toluene"], 60)
        value = (heat / 60 - 0.7) ** 2 + (time - 0.4) ** 2 + 0.1 * (solvent == "water")
        rows = [",".join(map(str, row)) for row in zip(heat, time, solvent, value, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join([*rows, rows[0]]) + "\n")
        (folder / f"{name}.json").write_text(json.dumps(about))
    return folder.parent


def test_engines_and_random_choice_run_on_two_tables_and_a_run_continues(data, tmp_path, run_benchmark):
    out = tmp_path / "result.json"
    command = ("everyday", "--quick", "--data", data, "--out", out)
    assert (done := run_benchmark(*command, "--methods", "random", "engine-1")).returncode == 0, done.stderr
    first = json.loads(out.read_text())
    assert (done := run_benchmark(*command, "--methods", "random", *OURS)).returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["runs"][: len(first["runs"])] == first["runs"]
    assert found["provenance"]["versions"]["tansaku"]
    assert {(row["table"], row["method"]) for row in found["runs"]} == {
        (table, method) for table in QUICK for method in ("random", *OURS)
    }
    for row in found["runs"]:
        assert len(row["gaps"]) == evaluations(60) == 12
        assert row["gaps"] == sorted(row["gaps"], reverse=True)
        assert row["gaps"][-1] >= 0
        assert found["summary"][row["method"]][row["table"]]["mean"] == pytest.approx(row["score"])
    for table in QUICK:
        assert len({row["gaps"][0] for row in found["runs"] if row["table"] == table}) == 1  # the first candidate is shared


def test_the_quick_form_compares_ours_with_a_peer_from_the_same_initial_points_and_draws_the_scores(
    data, tmp_path, run_benchmark, require
):
    require("botorch")
    out, figure = tmp_path / "result.json", tmp_path / "scores.png"
    command = ("everyday", "--quick", "--data", data, "--out", out, "--figure", figure)
    assert (done := run_benchmark(*command)).returncode == 0, done.stderr
    assert (done := run_benchmark(*command, "--best-of", out)).returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert {row["method"] for row in found["runs"]} == set(QUICK_METHODS)
    for table in QUICK:
        begun = {(row["n_initial"], *row["gaps"][:3]) for row in found["runs"] if row["table"] == table}
        assert len(begun) == 1
        assert begun.pop()[0] == 3
    assert set(found["comparison"]["default"]) == {"random", "botorch-single"}
    assert found["best_on_development"] == "botorch-single"
    assert "default / botorch-single: " in done.stdout
    assert "best on the development half: snar" in done.stdout
    assert figure.stat().st_size > 10_000


def test_a_result_of_other_tables_is_not_continued(data, tmp_path, run_benchmark):
    out = tmp_path / "result.json"
    command = ("everyday", "--quick", "--data", data, "--out", out, "--methods", "random")
    assert run_benchmark(*command).returncode == 0
    table = data / "olympus" / f"{QUICK[0]}.csv"
    table.write_text(table.read_text().replace("toluene", "benzene"))
    assert run_benchmark(*command).returncode != 0


def test_random_choice_scores_one():
    values = np.random.default_rng(1).exponential(size=40)
    rng = np.random.default_rng(2)
    scores = [score(values, rng.permutation(40)[:8]) for _ in range(4000)]
    assert np.mean(scores) == pytest.approx(1.0, abs=5 * np.std(scores) / np.sqrt(len(scores)))
    assert random_gaps(values, 40)[0] == pytest.approx(values.mean() - values.min())
    assert random_gaps(values, 40)[-1] == pytest.approx(0.0)
    assert score(values, np.argsort(values)[:8]) == 0.0


def test_no_family_is_in_both_halves_and_the_order_of_the_rows_says_nothing(data, tmp_path):
    every = [name for half in HALVES for name in tables(half)]
    assert len(every) == len(set(every)) == 17 + len(MIXTURES) + len(HISTORIES)
    assert not set(families("development")) & set(families("reported"))
    assert set(QUICK) <= set(tables("development"))
    ids = []
    for seed in (0, 1):
        (tmp_path / str(seed)).mkdir()
        write_campaign(data, QUICK[0], tmp_path / str(seed), seed)
        ids.append([line.split(",")[-1] for line in (tmp_path / str(seed) / f"{QUICK[0]}.csv").read_text().splitlines()])
    assert sorted(ids[0]) == sorted(ids[1])
    assert ids[0] != ids[1]


def test_the_methods_are_the_engines(data, tmp_path):
    engines = [load_campaign(write_campaign(data, QUICK[0], tmp_path, 0, proposer)).spec for proposer in OURS.values()]
    assert [spec.proposer.engine for spec in engines] == [1, 2, 3, 4, 5]
    assert {spec.budget.evaluations for spec in engines} == {12}


@pytest.mark.parametrize("name", MIXTURES)
def test_a_synthetic_table_is_another_function_for_each_seed(name, tmp_path):
    tables_ = [mixtures(name, seed) for seed in (0, 0, 1)]
    assert tables_[0].equals(tables_[1])
    assert not np.allclose(tables_[0][VALUE], tables_[2][VALUE])
    shares = tables_[0][list(COMPONENTS)]
    assert len(shares.drop_duplicates()) == 2121
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert (shares == 0).to_numpy().mean() == pytest.approx(0.4125, abs=0.001)
    spec = load_campaign(write_campaign(Path("no-folder"), name, tmp_path, 1)).spec
    assert spec.budget.evaluations == evaluations(2121) == 30
    assert spec.objective.direction == "minimize"


@pytest.mark.parametrize("name", HISTORIES)
def test_a_synthetic_history_is_another_search_for_each_seed_and_crowds_around_its_best(name, tmp_path):
    first, again, other = (history(name, seed) for seed in (0, 0, 1))
    assert first.equals(again)
    assert not np.allclose(first[VALUE], other[VALUE])
    for table in (first, other):
        rows = table[list(NUMBERS)].to_numpy()
        assert len(rows) == 100
        assert rows.min() >= 0.0
        assert rows.max() <= 1.0
        assert len(np.unique(rows, axis=0)) == 100
        near, apart = (
            np.linalg.norm(rows - rows[table[VALUE].argmin()], axis=1)[part] for part in (slice(20, None), slice(20))
        )
        assert np.quantile(near, 0.25) < 0.6 * np.median(apart)
    spec = load_campaign(write_campaign(Path("no-folder"), name, tmp_path, 1)).spec
    assert spec.budget.evaluations == evaluations(100) == 20
