"""The example as it is shipped: `make test-long`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tansaku.deploy.cli import main as cli
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.configuration import load_campaign

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "al-110-tilt.yaml"
TABLE = ROOT / "benchmarks" / "boundaries" / "al-110-grid-table.yaml"


def _true_minima() -> dict[str, float]:
    """Lowest energy of each system of the shipped exhaustive table."""
    loaded = load_campaign(TABLE)
    space = open_space(loaded.spec.space, loaded.base_path)
    pool, values = space.pool(), space.values()
    return {name: float(np.nanmin(values[pool.system_codes == code])) for code, name in enumerate(pool.systems)}


@pytest.mark.slow
def test_the_example_finds_what_it_promises(mongo_server, require, monkeypatch, capsys):
    require("lammps")

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["tansaku", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        return capsys.readouterr().out

    run("run", str(EXAMPLE), "--plain")
    rows = sorted(json.loads(run("results", "al-110-tilt", "--json")), key=lambda row: row["angle"])
    assert len(rows) >= 12
    assert sum(row["evaluations"] for row in rows) >= 400

    found = {row["system"]: row["E_gb"] for row in rows}
    truth = _true_minima()
    shared = sorted(found.keys() & truth.keys())
    assert len(shared) >= 6
    gaps = np.array([found[name] - truth[name] for name in shared])
    assert gaps.min() > -1e-3  # the table is exhaustive: nothing lies below it
    assert gaps.mean() <= 5.0

    lowest = np.array([min(row["E_gb"], row["E_gb_polished"]) for row in rows])
    planes = [tuple(row["plane"]) for row in rows]
    for cusp in ((1, 1, 1), (1, 1, 3)):
        at = planes.index(cusp)
        assert lowest[at] < min(lowest[at - 1], lowest[at + 1])
    assert 60 <= rows[planes.index((1, 1, 1))]["E_gb"] <= 80
