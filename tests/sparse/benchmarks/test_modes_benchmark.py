"""The quick benchmark of dynamic modes runs, and the search is never worse than its peers."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_search_is_never_worse(tmp_path, require, benchmark_result):
    require("pydmd")
    result = benchmark_result("modes", "--quick", "--figure", tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000
    found = result["losses"]["cylinder"]
    assert found["compared"]["relaxation"] >= 3
    assert found["worse"]["relaxation"] == found["worse"]["pydmd"] == found["worse"]["all"] == 0
    assert found["worse"]["pydmd_published"] == 0
    assert result["oscillations"]["right"] >= 0.75


def test_the_stored_result_is_never_worse_than_the_relaxation():
    losses = json.loads((ROOT / "benchmarks/modes/result.json").read_text())["losses"]
    assert losses["large"]["rank"] == 256
    for found in losses.values():
        assert found["worse"]["relaxation"] == found["worse"]["pydmd"] == found["worse"]["pydmd_published"] == 0
