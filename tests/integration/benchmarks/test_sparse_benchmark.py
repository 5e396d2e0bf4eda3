"""The quick benchmark of the sparse search runs and has every part it names."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_it_measures_every_part(tmp_path, require):
    require("sklearn")
    out = tmp_path / "sparse.json"
    command = [sys.executable, "-m", "benchmarks.sparse", "--quick", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    result = json.loads(out.read_text())
    assert result["exhaustive"]["supports"] == 15_276
    assert result["agreement"]["largest_relative_error"] < 0.2
    assert len(result["large"]["truth_posterior"]) == 4
    assert {"stepwise, size by BIC", "exhaustive, free_energy", "exhaustive, cv"} <= set(result["peers"])
