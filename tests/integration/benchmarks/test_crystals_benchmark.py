"""Lattice constants of the stored result, and those of one potential again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.crystals.__main__ import ELEMENTS, OF_EMT, POTENTIALS, constants, relaxed

RESULT = Path(__file__).parents[3] / "benchmarks" / "crystals" / "result.json"


@pytest.fixture(scope="module")
def stored() -> dict:
    return json.loads(RESULT.read_text(encoding="utf-8"))["results"]


@pytest.mark.parametrize("name", POTENTIALS)
def test_the_stored_errors_are_those_of_the_lattice_constants(stored, name):
    found = stored[name]
    assert set(found["lattice"]) == set(OF_EMT if name == "emt" else ELEMENTS) - set(found["failed"])
    errors = [100.0 * (a / constants(element)[1] - 1.0) for element, a in found["lattice"].items()]
    assert found["mean_error"] == pytest.approx(np.mean(errors))
    assert found["absolute_error"] == pytest.approx(np.mean(np.abs(errors)))


def test_the_lattice_constants_are_found_again(stored):
    again = relaxed(OF_EMT, POTENTIALS["emt"])
    assert again["lattice"] == pytest.approx(stored["emt"]["lattice"], rel=1e-4)
    assert again["failed"] == []
