"""The quick benchmark of the sparse search runs and has every part it names."""

import json


def test_it_measures_every_part(tmp_path, require, run_benchmark):
    require("sklearn")
    out = tmp_path / "sparse.json"
    done = run_benchmark("sparse", "--quick", "--out", out, "--figure", tmp_path / "f.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "f.png").stat().st_size > 5000
    result = json.loads(out.read_text())
    assert result["exhaustive"]["supports"] == 15_276
    assert result["agreement"]["largest_relative_error"] < 0.2
    assert len(result["large"]["truth_posterior"]) == 4
    assert {"stepwise, size by BIC", "exhaustive, free_energy", "exhaustive, cv"} <= set(result["peers"])
