"""Errors of each method on divisions of the oxides, and their summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.voxel.data import TARGETS
from benchmarks.voxel.features import Oxides
from benchmarks.voxel.methods import Division, Method, Places
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict

TEST_SHARE = 80 / 680
"""Share of the test set, as in the report."""
FEWEST = 8
"""Training oxides."""
FIRST = "soap"
"""The method that the others are compared with, division by division."""


def divided(formulas: Sequence[str], seed: int) -> tuple[Places, Places]:
    """Places of training and test oxides, both in random order; a composition is on one side."""
    rng = np.random.default_rng([seed, 0])
    names = sorted(set(formulas))
    wanted = max(1, round(TEST_SHARE * len(formulas)))
    held: set[str] = set()
    for name in rng.permutation(names):
        if sum(formula in held for formula in formulas) >= wanted:
            break
        held.add(str(name))
    order = rng.permutation(len(formulas))
    outside = np.array([formulas[place] in held for place in order])
    return order[~outside], order[outside]


def divisions(oxides: Oxides, seed: int, shares: Sequence[float]) -> dict[str, Division]:
    """One division with shares of its training oxides, by how many these are on average over divisions."""
    training, test = divided([row.formula for row in oxides.rows], seed)
    found = {}
    for share in shares:
        size = max(FEWEST, round(share * len(oxides.rows) * (1.0 - TEST_SHARE)))
        found[str(size)] = Division(oxides, training[: max(FEWEST, round(share * len(training)))], test, seed)
    return found


def compare(
    result: JsonDict,
    oxides: Oxides,
    known: Mapping[str, Method],
    wanted: Mapping[str, int],
    shares: Sequence[float],
    write: Callable[[JsonDict], None],
) -> None:
    """Computes the missing parts of a result.

    Args:
        result: Has ``errors``, ``wall_seconds`` and ``cpu_seconds``; is filled.
        oxides: All of them.
        known: Methods by name.
        wanted: How many divisions each shall have.
        shares: Of the training oxides.
        write: Given the result whenever a method has done a division.
    """
    for seed in range(max(wanted.values())):
        asked = divisions(oxides, seed, shares)
        for name in (item for item in known if len(_each(result["errors"], item)) <= seed < wanted[item]):
            wall, processor = time.perf_counter(), time.process_time()
            errors = {size: _errors(known[name], division) for size, division in asked.items()}
            for key, spent in (("wall_seconds", time.perf_counter() - wall), ("cpu_seconds", time.process_time() - processor)):
                result[key][name] = result[key].get(name, 0.0) + spent
            for size, mine in errors.items():
                result["errors"].setdefault(name, {}).setdefault(size, []).append(mine)
            result |= summary(result["errors"]) | {"unseen": unseen(result["errors"], oxides, shares)}
            write(result)
        print(f"{seed + 1} of {max(wanted.values())}", flush=True)


def summary(errors: JsonDict) -> JsonDict:
    """Summary of the divisions so far.

    Args:
        errors: Method → number of training oxides → divisions → targets.
    """
    found: JsonDict = {"divisions": {name: len(_each(errors, name)) for name in errors}, "mae": {}, "standard_error": {}}
    found["paired"] = {}
    for place, target in enumerate(TARGETS):
        mine = {name: {size: np.array(item)[:, place] for size, item in sizes.items()} for name, sizes in errors.items()}
        found["mae"][target] = {
            name: {size: float(item.mean()) for size, item in sizes.items()} for name, sizes in mine.items()
        }
        found["standard_error"][target] = {
            name: {size: _standard_error(item) for size, item in sizes.items()} for name, sizes in mine.items()
        }
        found["paired"][target] = {
            name: {size: _difference(item, mine[FIRST][size]) for size, item in sizes.items()}
            for name, sizes in mine.items()
            if name != FIRST and FIRST in mine
        }
    return found


def unseen(errors: JsonDict, oxides: Oxides, shares: Sequence[float]) -> JsonDict:
    """Test oxides with an element that no training oxide has: number of training oxides → divisions."""
    many = max(len(_each(errors, name)) for name in errors)
    each = [divisions(oxides, seed, shares) for seed in range(many)]
    return {size: [int(item[size].unseen.sum()) for item in each] for size in each[0]}


def _errors(learn: Method, division: Division) -> list[float]:
    said = learn(division, division.values)
    found: list[float] = np.abs(said - division.oxides.values[division.test]).mean(axis=0).tolist()
    return found


def _each(errors: JsonDict, name: str) -> list[list[float]]:
    """Errors of a method in the divisions that it has done, with some number of training oxides."""
    return next(iter(errors.get(name, {}).values()), [])


def _standard_error(several: FloatArray) -> float | None:
    return float(several.std(ddof=1) / np.sqrt(len(several))) if len(several) > 1 else None


def _difference(errors: FloatArray, other: FloatArray) -> JsonDict:
    """Mean of the first less the second in the divisions that both have."""
    shared = min(len(errors), len(other))
    apart = errors[:shared] - other[:shared]
    return {"mean": float(apart.mean()), "standard_error": _standard_error(apart), "divisions": shared}
