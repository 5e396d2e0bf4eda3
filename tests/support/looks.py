"""A campaign on a table with a cheap column that tells of the wanted one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from tansaku.models.domain.records import JsonDict

N = 40


def looks_campaign(folder: Path, name: str = "looks", cost: float = 12.0, *, shuffled: bool = False, **changes: object) -> Path:
    """Writes table and campaign file; the best candidate is one that the features do not announce."""
    rng = np.random.default_rng(8)
    x = rng.uniform(0.0, 1.0, (N, 2))
    full = np.sin(5.0 * x[:, 0]) + x[:, 1] + 0.5 * rng.standard_normal(N)
    cheap = 2.0 + full + 0.05 * rng.standard_normal(N)
    cheap = rng.permutation(cheap) if shuffled else cheap
    rows = zip([f"m{i:02d}" for i in range(N)], *x.T, cheap, full, 0.5 + x[:, 0], strict=True)
    lines = ["id,a,b,cheap,full,minutes", *(",".join(map(str, row)) for row in rows)]
    (folder / "looks.csv").write_text("\n".join(lines) + "\n")
    data: JsonDict = {
        "schema_version": 1,
        "name": name,
        "space": {
            "type": "table",
            "candidates": "looks.csv",
            "columns": {"id": "id", "value": "full"},
            "features": {"x": {"columns": ["a", "b"]}},
        },
        "levels": [{"name": "look", "column": "cheap", "cost": 0.1}],
        "objective": {"unit": "eV", "goal": {"type": "best_overall"}},
        "budget": {"cost": cost},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(data | changes))
    return path
