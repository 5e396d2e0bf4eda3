"""The comparison of transfer modes: the committed result, and the command as users run it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "benchmarks" / "transfer"
METHODS = {"default", "default+hyperparameters", "default+posterior", "default+joint", "default+auto"}


def _panels(path: Path) -> dict[str, dict]:
    result = json.loads(path.read_text())
    assert {"cpu", "commit", "load", "versions"} <= set(result["provenance"])
    return {panel["name"]: panel for panel in result["problems"]}


@pytest.fixture(scope="module")
def committed() -> dict[str, dict]:
    return _panels(FOLDER / "result.json")


def test_every_problem_has_its_harmful_twins_and_all_methods(committed):
    for name in ("compositions", "boundaries"):
        for kind in ("", ", shuffled", ", reversed"):
            assert committed[name + kind]["methods"].keys() == METHODS
            assert committed[name + kind]["seeds"] >= 6


def test_a_source_that_resembles_the_target_saves_evaluations(committed):
    methods = committed["compositions"]["methods"]
    for method in ("default+posterior", "default+joint", "default+auto"):
        assert np.sum(methods[method]["gap"][:25]) < 0.5 * np.sum(methods["default"]["gap"][:25])


def test_shuffled_sources_cost_nothing(committed):
    methods = committed["compositions, shuffled"]["methods"]
    assert methods["default+auto"]["gap"] == methods["default"]["gap"]


def test_shuffled_boundaries_cost_less_than_the_runs_scatter_by(committed):
    methods = committed["boundaries, shuffled"]["methods"]
    ours, none = (np.array(methods[name]["gap"]) for name in ("default+auto", "default"))
    assert (ours - none <= 2 * np.array(methods["default"]["gap_error"])).all()
    assert ours.sum() < 1.05 * none.sum()


def test_quick_command_on_any_pair_of_tables(run_benchmark, tmp_path):
    rng = np.random.default_rng(0)
    for name, tilt in (("sodium", 0.3), ("lithium", 0.0)):
        x, y = rng.uniform(size=(2, 30))
        rows = [f"c{i:02d},{x[i]},{y[i]},{np.sin(5 * x[i] + tilt) + np.cos(4 * y[i])}" for i in range(30)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,x,y,value", *rows]) + "\n")
        (tmp_path / f"{name}.yaml").write_text(
            f"schema_version: 1\nspace:\n  type: table\n  candidates: {name}.csv\n  columns: {{id: id, value: value}}\n"
            "  features: {place: {columns: [x, y]}}\nobjective: {unit: eV}\n"
        )
    pair = [str(tmp_path / "sodium.yaml"), str(tmp_path / "lithium.yaml")]
    out, figure = tmp_path / "result.json", tmp_path / "curves.png"
    command = ["transfer", "--quick", "--only-pairs", "--pair", *pair]
    command += ["--out", str(out), "--figure", str(figure)]
    done = run_benchmark(*command, timeout=600)
    assert done.returncode == 0, done.stderr
    panels = _panels(out)
    assert set(panels) == {"sodium", "sodium, shuffled", "sodium, reversed"}
    for panel in panels.values():
        assert panel["methods"].keys() == METHODS
        for curve in panel["methods"].values():
            assert len(curve["gap"]) == len(curve["found"]) == panel["evaluations"]
            assert (np.diff(curve["gap"]) <= 1e-12).all()
    assert figure.stat().st_size > 10_000
