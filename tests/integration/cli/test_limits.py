"""The shipped example with a limit: computed, listed, and its best result within the limit."""

import json
import shutil
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[3] / "examples"


def test_the_crystal_with_room_is_not_the_lowest_of_all(tansaku, tmp_path):
    """The lowest crystal is denser than the limit allows: it is evaluated and teaches, but is no answer."""
    for name in ("cu-au.json", "cu-au-room.yaml"):
        shutil.copy(EXAMPLE / name, tmp_path)
    assert "wanted      only 13.5 Angstrom3/atom <= volume" in tansaku("check", tmp_path / "cu-au-room.yaml").out
    tansaku("run", tmp_path / "cu-au-room.yaml", "--plain")
    rows = json.loads(tansaku("results", "cu-au-room", "--evaluations", "--json").out)
    lowest = min(rows, key=lambda row: row["value"])
    assert (lowest["candidate"], lowest["limits"]) == ("L12-AuCu3", "broken")
    of_formulas = json.loads(tansaku("results", "cu-au-room", "--json").out)
    best = min((row for row in of_formulas if row["value"] is not None), key=lambda row: row["value"])
    assert best["best_candidate"] == "L10-AuCu"
    assert best["value"] == min(row["value"] for row in rows if row["limits"] == "kept")
    assert "results within 13.5 Angstrom3/atom <= volume" in tansaku("status", "cu-au-room").out
