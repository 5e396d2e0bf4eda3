"""The quick benchmark of spectra runs, and the number of peaks is right in most of them."""

import json


def test_it_measures_every_method(tmp_path, require, run_benchmark):
    require("sklearn")
    out = tmp_path / "spectra.json"
    done = run_benchmark("spectra", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())["ours"]
    assert result["spectra"] == 10
    assert set(result["right"]) == {"Laplace", "BIC", "LARS"}
    assert result["right"]["Laplace"] >= 0.8
    assert result["median_position_error"] < 0.1
