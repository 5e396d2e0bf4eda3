"""The quick benchmark of spectra runs, and the number of peaks is right in most of them."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_it_measures_every_method(tmp_path, require):
    require("sklearn")
    out = tmp_path / "spectra.json"
    command = [sys.executable, "-m", "benchmarks.spectra", "--quick", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    result = json.loads(out.read_text())["ours"]
    assert result["spectra"] == 10
    assert set(result["right"]) == {"Laplace", "BIC", "LARS"}
    assert result["right"]["Laplace"] >= 0.8
    assert result["median_position_error"] < 0.1
