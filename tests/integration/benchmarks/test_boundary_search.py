"""The comparison of searches over the number of atoms, in its quick form."""

from __future__ import annotations

import json
import sys

from benchmarks.boundary_search import __main__ as benchmark


def test_the_quick_form_runs_and_continues(require, tmp_path, monkeypatch, capsys):
    require("lammps")
    out = tmp_path / "result.json"
    monkeypatch.setattr(sys, "argv", ["boundary_search", "--quick", "--out", str(out)])
    benchmark.main()
    rows = json.loads(out.read_text())["rows"]
    assert [row["method"] for row in rows] == ["arms", "random"]
    for row in rows:
        assert row["found"] == (row["lowest"] <= 943.1)
        assert row["found"] or row["evaluations"] == 8
        assert 900 < row["lowest"] < 1600
        assert row["core_seconds"] > 0
    benchmark.main()
    assert json.loads(out.read_text())["rows"] == rows
    assert "cu-s5-210" in capsys.readouterr().out
