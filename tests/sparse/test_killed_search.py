"""`tansaku sparse search` killed with SIGKILL while it samples and while it repeats, then given again: the same report."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

_PATIENCE = 240.0
# The command as it is, but its state is written at every chance: else the test would wait seconds for the first write.
OFTEN = (
    "from tansaku.sparse.models.search import state_file\n"
    "state_file._INTERVAL = state_file._SHARE = 0.0\n"
    "from tansaku.deploy.cli.main import main\n"
    "main()"
)


@pytest.fixture
def table(tmp_path, require) -> Path:
    require("sklearn")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 10))
    y = x[:, 1] - 0.7 * x[:, 4] + 0.5 * rng.normal(size=40)
    rows = [",".join(f"{value:.6f}" for value in row) for row in np.column_stack([x, y])]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([",".join([*(f"x{number}" for number in range(10)), "y"]), *rows]))
    return path


def started(table: Path, out: Path) -> subprocess.Popen[bytes]:
    options = ["--target", "y", "--max-features", "3", "--method", "sampled", "--steps", "200", "--criterion", "bic",
               "--resamples", "3", "--repeats", "0", "--seed", "3"]  # fmt: skip
    command = [sys.executable, "-c", OFTEN, "sparse", "search", str(table), "--out", str(out), *options]
    with (out.parent / f"{out.name}.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def killed(table: Path, out: Path, reached: Callable[[], bool]) -> None:
    """Kills the command as soon as it has reached a point."""
    process = started(table, out)
    until = time.monotonic() + _PATIENCE
    try:
        while not reached():
            assert process.poll() is None, (out.parent / f"{out.name}.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(_PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert not (out / "report.json").exists()


def test_a_killed_search_ends_as_an_undisturbed_one(table, tmp_path):
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    assert started(table, whole).wait(_PATIENCE) == 0, (tmp_path / "whole.log").read_text()
    killed(table, torn, (torn / "search.npz.1").exists)
    assert not (torn / "search.npz.3").exists()
    first_chain = (torn / "search.npz.0").stat().st_mtime_ns
    killed(table, torn, lambda: any(torn.glob("repeats-*.json")))
    (repeats,) = torn.glob("repeats-*.json")
    done = json.loads(repeats.read_text())
    assert 1 <= len(done) < 3
    assert (torn / "search.npz.0").stat().st_mtime_ns == first_chain
    assert started(table, torn).wait(_PATIENCE) == 0, (tmp_path / "torn.log").read_text()
    kept = json.loads(repeats.read_text())
    assert {name: kept[name] for name in done} == done
    assert json.loads((torn / "report.json").read_text()) == json.loads((whole / "report.json").read_text())
