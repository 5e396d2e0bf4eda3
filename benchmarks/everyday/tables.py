"""The tables as campaigns, and the two halves in which they are used.

``halves.json`` was fixed before the first run: settings are chosen on the development half, beside synthetic mixtures
(:mod:`~benchmarks.everyday.mixtures`) and earlier searches (:mod:`~benchmarks.everyday.histories`), and reported on the other.
Tables of a family are of one laboratory and chemistry, and belong to one half.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
import yaml

from benchmarks.everyday.histories import HISTORIES, history
from benchmarks.everyday.mixtures import MIXTURES, VALUE, mixtures
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict

Half = Literal["development", "synthetic", "reported"]

HALVES: tuple[Half, ...] = get_args(Half)

_HALVES = Path(__file__).with_name("halves.json")
_ALLOY = "alloy"
_SYNTHETIC: dict[str, Callable[[int], pd.DataFrame]] = {
    **{name: partial(mixtures, name) for name in MIXTURES},
    **{name: partial(history, name) for name in HISTORIES},
}
"""Makers of the synthetic tables, from a seed."""

_SHARE = 0.2
_MOST = 30


def families(half: Half) -> dict[str, list[str]]:
    """The families of a half and their tables, in the order of the file; the synthetic tables are one."""
    if half == "synthetic":
        return {half: list(_SYNTHETIC)}
    found: dict[str, list[str]] = json.loads(_HALVES.read_text())[half]
    return found


def tables(half: Half) -> list[str]:
    """The tables of a half, in their order."""
    return [name for names in families(half).values() for name in names]


def evaluations(candidates: int) -> int:
    """Evaluations of a search: a fifth of the candidates, 30 at most."""
    return min(_MOST, int(_SHARE * candidates))


def write_campaign(data: Path, name: str, folder: Path, seed: int, proposer: JsonDict | None = None) -> Path:
    """Writes a table with its campaign file.

    Args:
        data: Folder with the folders ``olympus`` and ``alloy``.
        name: One of :func:`tables`.
        folder: Where to.
        seed: Decides the order of the candidates, and of a synthetic table the values.
        proposer: The campaign's; None: the file has none.

    Returns:
        The campaign file.
    """
    table, document = _made(name, seed) if name in _SYNTHETIC else _given(data, name)
    # Ties go to the lowest id, and the order of the rows may say which are the best.
    order = np.random.default_rng([seed, len(table)]).permutation(len(table))
    table["id"] = [f"c{number:05d}" for number in order]
    table.to_csv(folder / f"{name}.csv", index=False)
    document["space"]["candidates"] = f"{name}.csv"
    document["budget"] = {"evaluations": evaluations(len(table))}
    if proposer is not None:
        document["proposer"] = proposer
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def _given(data: Path, name: str) -> tuple[pd.DataFrame, JsonDict]:
    return _alloy(data) if name == _ALLOY else _experiments(data, name)


def _alloy(data: Path) -> tuple[pd.DataFrame, JsonDict]:
    """The table and file of the exported campaign, whose proposer is left out."""
    document: JsonDict = yaml.safe_load((data / _ALLOY / "alloy40.yaml").read_text())
    del document["proposer"]
    return pd.read_parquet(data / _ALLOY / "candidates.parquet"), document | {"name": _ALLOY}


def _experiments(data: Path, name: str) -> tuple[pd.DataFrame, JsonDict]:
    """A table of Olympus with the first of its measurements; repeated experiments count once, with their mean."""
    about: JsonDict = json.loads((data / "olympus" / f"{name}.json").read_text())
    kinds = {item["name"]: item["type"] for item in about["parameters"]}
    measured = [item["name"] for item in about["measurements"]]
    goal = about["default_goal"] if isinstance(about["default_goal"], str) else about["default_goal"][0]
    raw = pd.read_csv(data / "olympus" / f"{name}.csv", header=None, names=[*kinds, *measured])
    table = raw.groupby(list(kinds), as_index=False, sort=True)[measured[:1]].mean()
    return table, _document(name, kinds, measured[0], goal)


def _made(name: str, seed: int) -> tuple[pd.DataFrame, JsonDict]:
    table = _SYNTHETIC[name](seed)
    return table, _document(name, dict.fromkeys(table.columns.drop(VALUE), "continuous"), VALUE, "minimize")


def _document(name: str, kinds: dict[str, str], value: str, direction: str) -> JsonDict:
    """A campaign file without budget and candidates."""
    return {
        "schema_version": 1,
        "name": name.replace("_", "-"),
        "space": {
            "type": "table",
            "columns": {"id": "id", "value": value},
            # A group for each column: other packages take the columns of a larger group as one parameter.
            "features": {column: _group(column, kind) for column, kind in kinds.items()},
        },
        "objective": {"direction": direction, "unit": "1", "goal": {"type": "best_overall"}},
    }


def _group(column: str, kind: str) -> JsonDict:
    return {"columns": [column]} | ({} if kind in ("continuous", "discrete") else {"categories": "one_hot"})


def content(data: Path, name: str) -> str:
    """Hash of a table as it was given; of a synthetic one, of what the seed 0 makes."""
    if name in _SYNTHETIC:
        return sha256(_SYNTHETIC[name](0).to_csv(index=False, float_format="%.9f").encode()).hexdigest()
    path = data / _ALLOY / "candidates.parquet" if name == _ALLOY else data / "olympus" / f"{name}.csv"
    return file_sha256(path)
