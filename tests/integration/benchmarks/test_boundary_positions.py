"""The comparison of starts on mirror planes and off them, in its quick form."""

import json
import sys

import numpy as np

from benchmarks.boundary_positions import __main__ as benchmark
from benchmarks.boundary_positions.pools import pool, values


def test_a_search_off_the_mirror_planes_finds_what_one_on_them_misses(tmp_path, monkeypatch, capsys):
    out = tmp_path / "result.json"
    monkeypatch.setattr(sys, "argv", ["boundary_positions", "--quick", "--out", str(out)])
    benchmark.main()
    result = json.loads(out.read_text())
    assert result["provenance"]["versions"]["numpy"]
    spent = {
        positions: [row["evaluations"] for row in result["rows"] if (row["method"], row["positions"]) == ("gp", positions)]
        for positions in ("special", "general")
    }
    assert max(spent["general"]) <= benchmark.SHARE
    assert np.mean(spent["general"]) < 0.5 * np.mean(spent["special"])
    assert "arms    general" in capsys.readouterr().out
    benchmark.main()
    assert json.loads(out.read_text()) == result


def test_the_tables_have_every_candidate_and_one_lowest_structure():
    lowest = []
    for positions, candidates in (("special", 360), ("general", 295)):
        known = values(positions)
        assert len(known) == len(pool(positions).ids) == candidates
        # One on a mirror plane fails the check of its grains.
        assert np.isnan(known).sum() <= 1
        lowest.append(np.nanmin(known))
    assert lowest == [283.96, 283.95]


def test_starts_on_a_mirror_plane_keep_it():
    """None of those at zero along the axis comes to the lowest structure, of whose candidates a sixth is there."""
    for positions, some in (("special", False), ("general", True)):
        known, along = values(positions), pool(positions).groups["translation"]
        shifts = along.values[along.index, 1]
        first = shifts == shifts.min()
        assert (known[first] < np.nanmin(known) + 2.0).any() == some
