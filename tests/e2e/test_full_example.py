"""The example as it is shipped: `make test-long`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.configuration.campaign_files import load_campaign

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "al-110-tilt.yaml"
TABLE = ROOT / "benchmarks" / "boundaries" / "al-110-grid-table.yaml"


def _true_minima() -> dict[str, float]:
    """Lowest energy of each system of the shipped exhaustive table."""
    loaded = load_campaign(TABLE)
    space = open_space(loaded.spec.space, loaded.base_path)
    pool, values = space.pool(), space.values()
    return {name: float(np.nanmin(values[pool.system_codes == code])) for code, name in enumerate(pool.systems)}


@pytest.fixture(autouse=True)
def _lammps(require):
    require("lammps")


@pytest.mark.slow
def test_the_example_finds_what_it_promises(run):
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "lowest"),
    [
        ("cu-sigma5-densities", {"s005-210": 942.1, "s005-310": 904.7}),
        ("fe-110-tilt", {"s003-112": 262.3, "s011-332": 1018.0}),
        ("cu-sigma3-inclinations", {"s003-1_m1_m1-1_m1_1-t7053": 22.2, "s003-1_m1_2-m1_1_2-t7053": 592.0}),
        ("fe-mixed", {"s005-121-211-t3687": 1119.0, "s009-2_1_m1-7_2_m1-t3894": 827.1}),
        ("cu-boundaries-20", {"s005-001-001-t3687": 731.4, "s009-212-122-t3894": 825.0}),
        ("mg-twins", {"hcp-1_0_m1_1": 106.4, "hcp-1_0_m1_2": 114.2, "hcp-1_0_m1_3": 113.1}),
    ],
)
def test_the_other_examples_find_the_energies_of_their_comments_and_references(run, name, lowest):
    run("run", str(ROOT / "examples" / f"{name}.yaml"), "--plain")
    found = {row["system"]: row["E_gb_polished"] for row in json.loads(run("results", name, "--json"))}
    assert {system: found[system] for system in lowest} == pytest.approx(lowest, abs=1.0)
