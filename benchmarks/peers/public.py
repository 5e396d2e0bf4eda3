"""``python -m benchmarks.peers.public --package WHEEL --dataset suzuki --folder FOLDER``: a public table as a campaign.

The tables are experiments that the package ``olymp`` (Olympus, Häse et al. 2021, doi:10.1088/2632-2153/abedc8) carries. They
are read from its wheel (``pip download --no-deps --pre olymp``) and written to a folder, with a campaign file for
``python -m benchmarks.peers --table FOLDER/NAME.yaml``. Repeated experiments count once, with their mean.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from tansaku.models.domain.records import JsonDict


@dataclass(frozen=True)
class Dataset:
    """A table of the package.

    Attributes:
        unit: Of what was measured; ``1`` where the package names none.
        title: What it is.
        budget: Share of the experiments that a search may do: about fifty.
    """

    unit: str
    title: str
    budget: float


DATASETS = {
    "suzuki": Dataset("%", "yield of a Suzuki-Miyaura coupling, four conditions", 0.2),
    "photo_pce10": Dataset("1", "photodegradation of blends of four polymers", 0.05),
    "fullerenes": Dataset("1", "mole fraction of an adduct of fullerene, three conditions of its synthesis", 0.2),
    "colors_bob": Dataset("1", "difference of a mixture of five dyes to a wanted green", 0.2),
}


def write_table(package: Path, name: str, folder: Path) -> Path:
    """Writes a table and its campaign file.

    Args:
        package: Wheel of ``olymp``.
        name: One of :data:`DATASETS`.
        folder: Where to; made if it is not there.

    Returns:
        The campaign file.
    """
    with zipfile.ZipFile(package) as wheel:
        inside = f"olympus/datasets/dataset_{name}"
        about: JsonDict = json.loads(wheel.read(f"{inside}/config.json"))
        parameters = [item["name"] for item in about["parameters"]]
        value = about["measurements"][0]["name"]
        columns = [*parameters, *(item["name"] for item in about["measurements"])]
        table = pd.read_csv(io.BytesIO(wheel.read(f"{inside}/data.csv")), header=None, names=columns)
    table = table.groupby(parameters, as_index=False, sort=True)[[value]].mean()
    table.insert(0, "id", [f"e{number:04d}" for number in range(1, len(table) + 1)])
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{name}.csv", index=False)
    campaign = {
        "schema_version": 1,
        "name": name.replace("_", "-"),
        "space": {
            "type": "table",
            "candidates": f"{name}.csv",
            "columns": {"id": "id", "value": value},
            # One group each: peers that take named parameters get a larger group as one category.
            "features": {name: {"columns": [name]} for name in parameters},
        },
        "objective": {
            "direction": about["default_goal"],
            "unit": DATASETS[name].unit,
            "goal": {"type": "best_overall"},
        },
        "budget": {"fraction": DATASETS[name].budget},
    }
    path = folder / f"{name}.yaml"
    path.write_text(f"# {DATASETS[name].title}; from {package.name}\n" + yaml.safe_dump(campaign, sort_keys=False))
    return path


def main() -> None:
    """Writes one table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers.public", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--package", type=Path, required=True, help="wheel of olymp")
    parser.add_argument("--dataset", choices=list(DATASETS), required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    print(write_table(given.package, given.dataset, given.folder))


if __name__ == "__main__":
    main()
