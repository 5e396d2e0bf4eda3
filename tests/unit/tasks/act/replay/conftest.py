"""A small table with two systems, written as a user would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

CAMPAIGN = """
schema_version: 1
space:
  type: table
  candidates: candidates.parquet
  columns: {id: id, system: system, surface: surface, value: value, cost: cost}
  features:
    translation: {columns: [x, y]}
    structure: {lookup: surfaces.csv, key: surface, columns: "d*"}
    angle: {lookup: systems.csv, key: system, columns: [angle]}
objective: {direction: minimize, unit: mJ/m2}
budget: {cost: 120}
"""


@pytest.fixture
def campaign_file(tmp_path: Path) -> Path:
    """A campaign of 3 systems with 2 surfaces of a 6 x 6 grid each, a few of whose values are NaN."""
    rng = np.random.default_rng(7)
    rows: dict[str, list] = {name: [] for name in ("id", "system", "surface", "value", "cost", "x", "y")}
    for system in range(3):
        for removed in range(2):
            for x in range(6):
                for y in range(6):
                    rows["id"].append(f"c{len(rows['id']):04d}")
                    rows["system"].append(f"s{system}")
                    rows["surface"].append(f"s{system}-{removed}")
                    rows["value"].append(
                        300 + 40 * removed + 8 * (x - 2 - system) ** 2 + 30 * np.cos(y + system) + rng.normal()
                    )
                    rows["cost"].append(2.0 + system + removed)
                    rows["x"].append(0.1 * x)
                    rows["y"].append(0.2 * y)
    for position in (5, 50, 100, 101):
        rows["value"][position] = float("nan")
    pyarrow.parquet.write_table(pa.table(rows), tmp_path / "candidates.parquet")
    lines = [f"s{system}-{removed},{system},{removed}" for system in range(3) for removed in range(2)]
    (tmp_path / "surfaces.csv").write_text("surface,d0,d1\n" + "\n".join(lines) + "\n")
    (tmp_path / "systems.csv").write_text("system,angle\ns0,20\ns1,30\ns2,45\n")
    path = tmp_path / "small-table.yaml"
    path.write_text(CAMPAIGN)
    return path
