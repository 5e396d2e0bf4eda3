"""Provenance of measured numbers."""

import json
import subprocess
from pathlib import Path

import tansaku
from tansaku.tasks.node.jobs.machine import cpu_name, describe_machine


def test_says_where_a_number_was_measured(require):
    require("git")
    found = describe_machine()
    json.dumps(found, allow_nan=False)
    assert found["versions"]["tansaku"] == tansaku.__version__
    assert {"python", "numpy", "scipy"} <= found["versions"].keys()
    assert found["cpu"] == cpu_name() != ""
    assert len(found["load"]) == 3
    assert found["cores"] >= 1
    folder = str(Path(tansaku.__file__).resolve().parent)
    git = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    expected = git.stdout.strip() if git.returncode == 0 else None
    assert found["commit"] is None if expected is None else found["commit"].startswith(expected)
