"""The reliability of certificates: the benchmark runs as users run it, and the committed result says what it has to."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.replays.stopping.learning import learn
from benchmarks.replays.stopping.reliability import binned, brier, stopped, summary
from tansaku.models.engine.certificate import Calibration

ROOT = Path(__file__).resolve().parents[3]


def test_quick_run_writes_result_and_figure(benchmark_result):
    result = benchmark_result("replays.stopping", "--quick", figure=5_000)
    assert result["n_campaigns"] == 6


def test_the_committed_result_is_of_two_hundred_campaigns_and_the_correction_helps():
    result = json.loads((ROOT / "benchmarks/replays/stopping/result.json").read_text())
    assert result["n_campaigns"] >= 200
    assert result["brier"]["said"] < result["brier"]["drawn"]
    again = summary(result["campaigns"])
    for line, kept in zip(again["reliability"], result["reliability"], strict=True):
        assert line == pytest.approx(kept)
    assert again["brier"] == pytest.approx(result["brier"])


def test_reliability_counts_what_was_right():
    said, right = np.array([0.1, 0.15, 0.92, 0.93, 1.0]), np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    low, high, sure = binned(said, right)
    assert (low["right"], low["answers"]) == (0.5, 2)
    assert (high["said"], high["right"]) == (pytest.approx(0.925), 0.5)
    assert sure == {"said": 1.0, "right": 1.0, "answers": 1}
    assert brier(np.array([1.0, 0.0]), np.array([1.0, 1.0])) == 0.5


def test_a_stop_rule_takes_the_first_answer_that_is_sure_enough():
    def answer(number, said, right):
        return {"number": number, "tolerance": 5.0, "said": said, "right": right}

    campaigns = [
        {"answers": [answer(20, [0.5, 0.9], [True, False]), answer(40, [0.95, 0.95], [True, True])]},
        {"answers": [answer(20, [1.0, 0.9], [True, False])]},
        {"answers": [answer(20, [0.6, 0.9], [True, False])]},
    ]
    found = stopped(campaigns, 5.0, 0.85)
    assert (found["stopped"], found["right"], found["mean_evaluations"]) == (2, 0.5, 30.0)
    assert stopped(campaigns, 5.0, 0.99)["right"] is None


def answers_of(calibration: Calibration, count: int, seed: int) -> list[dict]:
    """Campaigns whose answers are right as often as a calibration says."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        drawn, observations, open_ = rng.uniform(0.001, 0.999), float(rng.integers(10, 60)), rng.uniform(0.9, 1.0)
        right = bool(rng.uniform() < calibration(drawn, observations, open_))
        made.append({"drawn": [drawn], "observations": observations, "open": [open_], "right": [right]})
    return [{"answers": made}]


def test_the_constants_that_made_the_answers_are_learned_again():
    truth = Calibration(0.6, 0.4, 0.5)
    learned = learn({"one": answers_of(truth, 500, 0), "two": answers_of(truth, 500, 1)})
    found = learned["constants"]
    assert [found["shift"], found["slope"], found["growth"]] == pytest.approx([0.6, 0.4, 0.5], abs=0.2)
    for one in learned["tables"].values():
        assert one["log_loss_by_the_others"] < one["log_loss_as_drawn"]
    assert learn({"one": answers_of(truth, 50, 0)})["tables"]["one"]["log_loss_by_the_others"] is None


def test_constants_are_learned_from_tables_by_one_command(run_benchmark, tmp_path):
    out = tmp_path / "constants.json"
    table = ROOT / "benchmarks/boundaries/al-110-grid-table.yaml"
    command = ["replays.stopping", "--fit", str(table), "--out", str(out)]
    options = ["--campaigns", "2", "--evaluations", "20"]
    done = run_benchmark(*command, *options, timeout=600)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["constants"].keys() == {"shift", "slope", "growth"}
    assert found["tables"]["al-110-grid-table"]["answers"] == 2 * 5 * 2
    assert "al-110-grid-table: 2 campaigns" in done.stdout
