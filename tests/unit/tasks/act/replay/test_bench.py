"""The benchmark as a command: result file, pairing, interruption, arithmetic."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.act.replay.bench import run_bench
from tansaku.tasks.act.replay.figure import draw_gaps, line_styles
from tansaku.tasks.act.replay.records import BenchOptions, BenchResult, ReplayTask
from tansaku.tasks.act.replay.run import open_table, run_one, run_times
from tansaku.tasks.act.replay.summary import at_cost, checkpoints, summarise
from tansaku.tasks.node.configuration.campaign_files import load_campaign


def task_of(campaign_file, method, seed, **changes) -> ReplayTask:
    loaded = load_campaign(campaign_file)
    return ReplayTask(spec=loaded.spec, base_path=str(loaded.base_path), method=method, seed=seed, **changes)


def options(**changes) -> BenchOptions:
    return BenchOptions(**({"methods": ("random", "published"), "seeds": (0, 1), "jobs": 2} | changes))


def test_result_file_has_one_entry_per_evaluation_and_costs_from_after_the_initial_points(campaign_file, tmp_path):
    out = tmp_path / "result.json"
    run_bench(load_campaign(campaign_file), options(), out)
    result = json.loads(out.read_text())
    assert result["schema_version"] == 1
    assert {"commit", "cpu", "load", "versions", "spec_hash"} <= result["provenance"].keys()
    assert result["provenance"]["budget"]["cost"] == 120
    pool = open_table(task_of(campaign_file, "random", 0)).pool()
    assert result["exhaustive_cost"] == pool.cost.sum()
    assert [(run["method"], run["seed"]) for run in result["runs"]] == [
        ("random", 0),
        ("published", 0),
        ("random", 1),
        ("published", 1),
    ]
    for run in result["runs"]:
        curves = [run[name] for name in ("cost", "mean_gap", "n_exact", "worst_gap", "n_within", "candidates")]
        assert len({len(curve) for curve in curves}) == 1
        assert run["n_initial"] == 3
        assert run["cost"][2] == 0.0
        assert run["initial_cost"] == pool.cost[pool.positions(run["candidates"][:3])].sum()
        np.testing.assert_allclose(np.diff(run["cost"]), pool.cost[pool.positions(run["candidates"][1:])])
        assert 115 < run["cost"][-1] <= 120
        assert len(set(run["candidates"])) == len(run["candidates"])
        assert run["seconds"] > 0
        assert run["peak_memory_mb"] > 10
    assert not list(tmp_path.glob("*.part*"))


def test_seeds_are_paired_and_runs_can_be_repeated(campaign_file):
    random, published = (run_one(task_of(campaign_file, method, 3)) for method in ("random", "published"))
    assert random.candidates[:3] == published.candidates[:3]
    assert random.candidates[3:9] != published.candidates[3:9]
    assert run_one(task_of(campaign_file, "random", 3)).candidates == random.candidates
    assert run_one(task_of(campaign_file, "random", 4)).candidates[:3] != random.candidates[:3]


def test_count_initial_shifts_cost_and_budget(campaign_file):
    after, all_in = (run_one(task_of(campaign_file, "random", 0, count_initial=flag)) for flag in (False, True))
    assert all_in.cost[-1] <= 120 < after.cost[-1] + after.initial_cost
    n = len(all_in.cost) - 1  # the last one is what was still affordable
    np.testing.assert_allclose(np.array(all_in.cost[:n]) - all_in.initial_cost, after.cost[:n], atol=1e-9)
    assert after.mean_gap[:n] == all_in.mean_gap[:n]


def test_knobs_matter(campaign_file):
    plain = run_one(task_of(campaign_file, "published", 0))
    assert run_one(task_of(campaign_file, "published", 0, in_flight=4)).candidates != plain.candidates
    assert run_one(task_of(campaign_file, "published", 0, cost_power=2.0)).initial_cost > plain.initial_cost
    assert sum(run_one(task_of(campaign_file, "published", 0, within=50.0)).n_within) > sum(plain.n_within)


def test_the_grid_finds_every_optimum_and_counts_failures(campaign_file):
    loaded = load_campaign(campaign_file)
    spec = loaded.spec.model_copy(update={"budget": loaded.spec.budget.model_copy(update={"cost": None})})
    run = run_one(ReplayTask(spec=spec, base_path=str(loaded.base_path), method="grid", seed=0))
    assert (len(run.cost), run.n_failed, run.stop) == (216, 4, "exhausted")
    assert (run.mean_gap[-1], run.n_exact[-1]) == (0.0, 3)


def test_maximize_finds_the_largest(campaign_file):
    text = campaign_file.read_text().replace("direction: minimize", "direction: maximize").replace("budget: {cost: 120}", "")
    campaign_file.write_text(text)
    space = open_table(task_of(campaign_file, "grid", 0))
    run = run_one(task_of(campaign_file, "grid", 0))
    values = space.values()[space.pool().positions(run.candidates[:1])]
    first = int(space.pool().system_codes[space.pool().positions(run.candidates[:1])[0]])
    of_system = [space.values()[space.pool().system_codes == code] for code in range(3)]
    gaps = [np.nanmax(column) - np.nanmin(column) for column in of_system]
    gaps[first] = np.nanmax(of_system[first]) - values[0]
    assert run.mean_gap[0] == pytest.approx(np.mean(gaps))
    assert run.mean_gap[-1] == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ("random", "clever")}, r"--methods: 'clever' is not known; expected some of random, grid"),
        ({"budget": 5.0, "budget_fraction": 0.1}, r"--budget: give a cost or a share"),
    ],
)
def test_wrong_options_are_told_before_anything_runs(campaign_file, tmp_path, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        run_bench(load_campaign(campaign_file), options(**changes), tmp_path / "result.json")
    assert not (tmp_path / "result.json").exists()


def test_resume_keeps_finished_runs_and_ignores_a_line_cut_short(campaign_file, tmp_path):
    out = tmp_path / "result.json"
    campaign = load_campaign(campaign_file)
    whole = run_bench(campaign, options(methods=("random",), seeds=(0, 1, 2)), out)
    lines = [whole.provenance["key"], *(run.model_dump_json() for run in whole.runs)]
    out.unlink()
    # What a kill leaves behind: two runs, and half of the third.
    (tmp_path / "result.json.partial").write_text("\n".join(lines[:3]) + "\n" + lines[3][:200])
    seen: list[tuple[str, int]] = []
    again = run_bench(
        campaign,
        options(methods=("random",), seeds=(0, 1, 2), resume=True),
        out,
        lambda task, count, share: seen.append((task.method, task.seed)),
    )
    assert set(seen) == {("random", 2)}
    assert again.runs[:2] == whole.runs[:2]
    assert again.runs[2].candidates == whole.runs[2].candidates


def test_resume_extends_a_finished_result_but_never_mixes(campaign_file, tmp_path):
    out = tmp_path / "result.json"
    campaign = load_campaign(campaign_file)
    first = run_bench(campaign, options(methods=("random",), seeds=(0,)), out)
    more = run_bench(campaign, options(methods=("random",), seeds=(0, 1), resume=True), out)
    assert more.runs[0] == first.runs[0]
    assert len(more.runs) == 2
    with pytest.raises(ConfigurationError, match=r"--resume: .*result\.json' was made with a different table"):
        run_bench(campaign, options(methods=("random",), seeds=(0, 1), resume=True, within=2.0), out)


def test_a_killed_benchmark_leaves_no_process_and_can_be_resumed(campaign_file, tmp_path):
    out = tmp_path / "result.json"
    words = [sys.executable, "-c", "from tansaku.deploy.cli.bench import bench; import typer; typer.run(bench)"]
    arguments = [str(campaign_file), "--methods", "random", "--seeds", "3", "--out", str(out)]
    # Output goes to a file: an orphan that held a pipe open would make a reader hang.
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([*words, *arguments], stdout=log, stderr=log)
        partial = tmp_path / "result.json.partial"
        deadline = time.monotonic() + 60
        while not partial.exists() or len(partial.read_text().splitlines()) < 2:
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        children = _children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        while any(_alive(child) for child in children):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        finished = len(partial.read_text().splitlines()) - 1
        assert not out.exists()
        subprocess.run([*words, *arguments, "--resume"], check=True, stdout=log, stderr=log, timeout=120)
    assert finished >= 1
    assert [run.seed for run in BenchResult.model_validate_json(out.read_text()).runs] == [0, 1, 2]


def _children(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_no_two_methods_of_a_figure_look_alike():
    methods = [f"method-{number}" for number in range(18)]
    styles = line_styles(methods)
    assert list(styles) == methods
    assert len(set(styles.values())) == 18
    assert line_styles(methods[:2]) == {name: styles[name] for name in methods[:2]}


def test_summary_and_figure(campaign_file, tmp_path):
    runs = [run_one(task_of(campaign_file, method, seed)) for method in ("random", "published") for seed in (0, 1)]
    provenance = {"methods": ["random", "published"], "objective": {"unit": "mJ/m2"}, "budget": {"cost": 120.0}}
    result = BenchResult(provenance=provenance, exhaustive_cost=1000.0, runs=runs)
    costs = checkpoints(result)
    assert costs == pytest.approx([12, 40, 60, 120])
    random, published = summarise(result, costs)
    assert (random.method, published.method) == ("random", "published")
    assert published.mean_gap[-1] == pytest.approx(
        np.mean([run.mean_gap[-1] for run in result.runs if run.method == "published"])
    )
    assert draw_gaps(result, tmp_path / "gap.png").stat().st_size > 5_000
    counted = [run_one(task_of(campaign_file, "random", seed, count_initial=True)) for seed in (0, 1)]
    result = result.model_copy(update={"runs": counted, "provenance": {**provenance, "count_initial": True}})
    assert draw_gaps(result, tmp_path / "counted.svg").exists()
    with pytest.raises(ConfigurationError, match="--figure"):
        draw_gaps(result, tmp_path / "gap.txt")


def test_curves_are_read_as_steps(campaign_file):
    run = run_one(task_of(campaign_file, "random", 0))
    costs = [run.cost[0] - 1, run.cost[0], run.cost[4] + 1e-9, run.cost[5] - 1e-9, 1e9]
    read = at_cost(run, "mean_gap", costs)
    assert np.isnan(read[0])
    assert read[1:].tolist() == [run.mean_gap[0], run.mean_gap[4], run.mean_gap[4], run.mean_gap[-1]]


def test_command_prints_a_plain_comparison_when_not_on_a_terminal(campaign_file, tmp_path):
    import typer

    from tansaku.deploy.cli.bench import bench

    app = typer.Typer()
    app.command()(bench)
    out = tmp_path / "result.json"
    done = CliRunner().invoke(
        app, [str(campaign_file), "--methods", "random", "--seeds", "2-3", "--budget", "10%", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert done.output.startswith("method\t")
    result = BenchResult.model_validate_json(out.read_text())
    assert [run.seed for run in result.runs] == [2, 3]
    assert max(run.cost[-1] for run in result.runs) <= 0.1 * result.exhaustive_cost


@pytest.mark.parametrize(
    "words", [["--seeds", "0"], ["--seeds", "x"], ["--budget", "-1"], ["--budget", "101%"], ["--methods", ","]]
)
def test_command_names_the_wrong_option(campaign_file, words):
    import typer

    from tansaku.deploy.cli.bench import bench

    app = typer.Typer()
    app.command()(bench)
    done = CliRunner().invoke(app, [str(campaign_file), *words])
    assert isinstance(done.exception, ConfigurationError)
    assert words[0] in str(done.exception)


def test_bench_imports_neither_prefect_nor_torch_at_start():
    code = (
        "import sys, tansaku.deploy.cli.bench, tansaku.tasks.act.replay.bench, tansaku.tasks.act.replay.run;"
        "print(sorted({'prefect', 'torch', 'pymongo', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def free_file(campaign_file, in_flight):
    path = campaign_file.with_name("free.yaml")
    execution = f"execution: {{asynchrony: free, in_flight: {in_flight}}}\n"
    path.write_text(campaign_file.read_text() + execution)
    return path


def test_a_free_file_is_replayed_free_with_what_it_has_in_flight(campaign_file, tmp_path):
    out = tmp_path / "result.json"
    run_bench(load_campaign(free_file(campaign_file, 4)), options(methods=("published",), seeds=(0,)), out)
    result = BenchResult.model_validate_json(out.read_text())
    assert (result.provenance["asynchrony"], result.provenance["in_flight"]) == ("free", 4)
    run = result.runs[0]
    assert run.time == sorted(run.time)
    assert run.time[-1] < sum(np.diff([0.0, *run.cost])) + run.initial_cost
    alone = run_one(task_of(free_file(campaign_file, 4), "published", 0, in_flight=1))
    assert alone.candidates != run.candidates
    assert alone.candidates == run_one(task_of(campaign_file, "published", 0)).candidates


def test_spread_changes_free_replays_and_is_paired_across_methods(campaign_file):
    path = free_file(campaign_file, 4)
    plain, spread = (run_one(task_of(path, "published", 0, in_flight=4, spread=value)) for value in (0.0, 1.0))
    assert plain.candidates != spread.candidates
    assert run_one(task_of(path, "published", 0, in_flight=4, spread=1.0)).candidates == spread.candidates
    pool = open_table(task_of(path, "random", 0)).pool()
    times = run_times(pool, 0, 0.5)
    assert (run_times(pool, 0, 0.5) == times).all()
    assert not np.allclose(run_times(pool, 1, 0.5), times)
    assert np.log(times / pool.cost).std() == pytest.approx(0.5, abs=0.1)
    # In ordered mode the clock changes and the sequence does not.
    ordered = [run_one(task_of(campaign_file, "published", 0, in_flight=4, spread=value)) for value in (0.0, 1.0)]
    assert ordered[0].candidates == ordered[1].candidates
    assert ordered[0].time != ordered[1].time


def test_comparisons_without_spread_keep_their_key(campaign_file):
    spec = load_campaign(campaign_file).spec
    assert options().task_options(spec) == {"count_initial": False, "within": 1.0, "in_flight": 1, "cost_power": 1.0}
    assert options(in_flight=3, spread=0.2).task_options(spec) | {"in_flight": 3, "spread": 0.2} == options(
        in_flight=3, spread=0.2
    ).task_options(spec)
