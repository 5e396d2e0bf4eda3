"""The quick benchmark of EXAFS runs, and the shells that it finds are the crystal's."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_nearest_shells_are_found(tmp_path):
    out = tmp_path / "exafs.json"
    command = [sys.executable, "-m", "benchmarks.exafs", "--quick", "--out", str(out), "--figure", str(tmp_path / "f.png")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    assert (tmp_path / "f.png").stat().st_size > 5000
    result = json.loads(out.read_text())
    assert [count for _, count in result["shells"][:4]] == [12, 6, 24, 12]
    assert len(result["shells"]) == 14
    (case,) = result["cases"].values()
    assert case["false"] == 0
    assert case["reach"] > 4.4
    assert case["largest_distance_error"] < 0.02
