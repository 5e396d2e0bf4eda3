"""The comparison of searches that choose the level of each evaluation, on small tables like the public ones."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from benchmarks.levels.__main__ import Case, draw, main, searched, summary
from benchmarks.levels.methods import ELSEWHERE, METHODS, fitted, knowledge_gradient
from benchmarks.levels.tables import BELOW, BUDGET, COSTS, SETTINGS, SHAPES, read_table
from tansaku.models.engine.transfer.data import SourceData

N = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two tables: one of columns, one of molecules."""
    made, rng = tmp_path_factory.mktemp("levels"), np.random.default_rng(2)
    x = rng.uniform(size=(N, 3))
    high = np.sin(4.0 * x[:, 0]) + x[:, 1] + 0.3 * rng.standard_normal(N)
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    frame["HF"], frame["LF"] = high, 2.0 * high + 0.05 * rng.standard_normal(N)
    frame.to_csv(made / "cofs.csv", index=False)
    smiles = ["C" * (1 + number % 12) + "O" * (number // 12) for number in range(N)]
    pd.DataFrame({"smiles": smiles, "HF": high, "LF": high}).to_csv(made / "freesolv.csv", index=False)
    return made


def test_lower_is_better_and_columns_are_scaled(folder):
    table, file = read_table(folder, "cofs"), pd.read_csv(folder / "cofs.csv")
    np.testing.assert_array_equal(table.values, -file[["LF", "HF"]])
    assert (table.features.min(axis=0), table.features.max(axis=0)) == (pytest.approx(np.zeros(3)), pytest.approx(np.ones(3)))
    assert read_table(folder, "freesolv").features.shape == (N, 10)


def test_cheap_values_are_shuffled_among_the_same_rows(folder):
    plain, damped, weak, shuffled = (read_table(folder, "cofs", shape).values for shape in SHAPES)
    assert spearmanr(weak).statistic == pytest.approx(0.4, abs=0.2)  # 60 rows
    assert np.count_nonzero(plain[:, 0] != damped[:, 0]) in range(N // 4, N // 2 + 1)
    assert np.count_nonzero(plain[:, 0] != shuffled[:, 0]) > N // 2
    for values in (damped, shuffled):
        np.testing.assert_array_equal(np.sort(values[:, 0]), np.sort(plain[:, 0]))
        np.testing.assert_array_equal(values[:, 1], plain[:, 1])


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("screen", *ELSEWHERE)])
def test_a_method_buys_nothing_twice(folder, method):
    table = read_table(folder, "cofs")
    table = replace(table, source=SourceData("other", table.pool(), table.values[:, 1]))
    bought = list(islice(METHODS[method](table, 1), 14))
    assert len(set(bought)) == len(bought) > 5
    assert {level for _, level in bought} <= {0, 1}


def test_the_knowledge_gradient_of_a_pool_is_that_of_botorch(folder):
    import torch
    from botorch.acquisition.knowledge_gradient import qMultiFidelityKnowledgeGradient
    from botorch.acquisition.utils import project_to_target_fidelity
    from botorch.sampling.normal import SobolQMCNormalSampler

    table = read_table(folder, "cofs")
    model = fitted(table, [(candidate, level) for candidate in range(12) for level in (0, 1)])
    looks, tops = (torch.tensor(np.column_stack([table.features, np.full(N, level)])) for level in (0.0, 1.0))
    rows = torch.cat([looks[12:16], tops[12:16]])
    project = partial(project_to_target_fidelity, target_fidelities={3: 1.0}, d=4)
    sampler = SobolQMCNormalSampler(torch.Size([64]), seed=0)
    gradient = qMultiFidelityKnowledgeGradient(model, num_fantasies=64, sampler=sampler, project=project)
    with torch.no_grad():
        fantasies = model.fantasize(rows.unsqueeze(1), sampler=sampler)
        best = tops[fantasies.posterior(tops).mean.squeeze(-1).argmax(dim=-1)].transpose(0, 1)
        theirs = gradient(torch.cat([rows.unsqueeze(1), best], dim=1)) - model.posterior(tops).mean.max()
        ours = knowledge_gradient(model, tops, rows, sampler.base_samples.flatten().numpy())
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    assert ours.max() > 10.0 * ours.min() > 0.0


def test_looks_are_counted_in_the_cost(folder):
    run = searched(Case("cofs", SHAPES[0], "screen", 0), folder)
    assert (run["looks"], run["full"]) == (N, 1)
    assert run["needed"] == pytest.approx(N * COSTS["cofs"] + 1)


def test_looks_are_worth_their_cost(folder):
    mean = {
        method: np.mean([searched(Case("cofs", SHAPES[0], method, seed), folder)["needed"] or BUDGET for seed in range(3)])
        for method in ("bought", "single")
    }
    assert mean["bought"] < 0.8 * mean["single"]


def test_the_command_writes_a_result_and_continues_it(folder, tmp_path, monkeypatch):
    out = tmp_path / "result.json"
    words = ["levels", "--data", str(folder), "--out", str(out), "--quick", "--methods", "random", "screen"]
    monkeypatch.setattr(sys, "argv", words)
    main()
    first = json.loads(out.read_text())
    assert {(row["method"], row["shape"]) for row in first["summary"]} == {
        ("random", SHAPES[0]),
        *(("screen", shape) for shape in SHAPES),
    }
    main()
    assert json.loads(out.read_text())["runs"] == first["runs"]


def test_tables_of_tavorites_have_a_look_at_every_compound_and_leave_out_the_best():
    whole, less = (read_table(None, name) for name in ("Na", "Na less 2"))
    assert (len(whole.values), len(less.values)) == (159, 157)
    assert np.isfinite(whole.values[:, 0]).mean() > 0.95
    full = np.sort(whole.values[:, 1])
    np.testing.assert_array_equal(np.sort(less.values[:, 1]), full[2:])
    shuffled = read_table(None, "Na", SHAPES[-1]).values
    np.testing.assert_array_equal(shuffled[:, 1], whole.values[:, 1])
    assert np.count_nonzero(shuffled[:, 0] != whole.values[:, 0]) > 100


def test_all_low_barriers_are_counted_as_they_are_found():
    table = read_table(None, "Na below")
    run = searched(Case("Na below", SHAPES[0], "screen", 0), None)
    assert (table.threshold, run["wanted"], run["looks"]) == (BELOW, int(np.sum(table.values[:, 1] <= BELOW)), 159)
    assert run["found_at"] == sorted(run["found_at"])
    assert run["found_at"][0] >= 159 * table.cost + 1.0 - 1e-9
    assert 159 * table.cost + run["full"] <= BUDGET


def test_looks_at_all_come_first_where_all_are_screened():
    table = read_table(None, "Li")
    bought = list(islice(METHODS["screened"](table, 0), 162))
    assert sorted(candidate for candidate, level in bought[:159]) == list(range(159))
    assert [level for _, level in bought[159:]] == [1, 1, 1]


@pytest.fixture(scope="module")
def tavorites():
    return json.loads(SETTINGS.with_name("tavorites.json").read_text())


def test_the_committed_tavorites_were_searched_by_the_committed_settings(tavorites):
    assert tavorites["settings"] == hashlib.sha256(SETTINGS.read_bytes()).hexdigest()
    assert json.loads(json.dumps(summary(tavorites["runs"]))) == tavorites["summary"]


def test_shuffled_looks_at_tavorites_cost_a_twentieth_of_the_budget_at_most():
    table = read_table(None, "Li", SHAPES[-1])
    looks = np.mean([searched(Case("Li", SHAPES[-1], "bought", seed), None)["looks"] for seed in range(2)])
    assert 5 <= looks <= 0.05 * table.budget / table.cost


def test_the_figure_shows_the_tables_that_were_searched(tavorites, tmp_path):
    chosen = [run for run in tavorites["runs"] if run["table"] in ("Li", "Na below")]
    path = tmp_path / "found.png"
    draw({"runs": chosen}, path)
    assert path.stat().st_size > 20_000
