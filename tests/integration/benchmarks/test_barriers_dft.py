"""Barriers beside density-functional theory: the committed result agrees with its energies, which are computed again."""

import copy
import json
from pathlib import Path

import pytest

from benchmarks import barriers_dft
from benchmarks.barriers_dft.__main__ import CASES, POTENTIALS, STATES, add_energies, barrier, structure, summary, unit_cell
from tansaku.calculators.calculator_registry import open_calculator

RESULT = json.loads(Path(barriers_dft.__file__).with_name("result.json").read_text(encoding="utf-8"))


def test_the_committed_errors_are_those_of_its_energies():
    assert summary(RESULT["points"]) == RESULT["summary"]
    assert len(RESULT["summary"]["rows"]) >= 6
    # CHGNet's barriers are too low (doi:10.1038/s41524-024-01500-6).
    assert RESULT["summary"]["errors"]["CHGNet"]["slope"] < 1.0
    rows = {row["name"]: row for row in RESULT["summary"]["rows"]}
    assert len(RESULT["checks"]) == 3
    for name, check in RESULT["checks"].items():
        assert check["barrier"] == pytest.approx(rows[name.split(",")[0]]["PBE"], abs=0.005)


@pytest.mark.parametrize("place", [0, 1])
def test_energies_of_the_stored_structures_are_computed_again(place):
    point = copy.deepcopy(RESULT["points"][place])
    known = point["energies"].pop("CHGNet")
    assert list(add_energies(point, "CHGNet", open_calculator(POTENTIALS["CHGNet"], Path()))) == list(STATES)
    assert barrier(point, "CHGNet") == pytest.approx(known["saddle"]["energy"] - known["end"]["energy"], abs=1e-3)


def test_an_interrupted_point_is_continued_at_the_structure_it_lacks():
    point = copy.deepcopy(RESULT["points"][0])
    del point["energies"]["CHGNet"]["saddle"]
    assert barrier(point, "CHGNet") is None
    assert list(add_energies(point, "CHGNet", open_calculator(POTENTIALS["CHGNet"], Path()))) == ["saddle"]


def test_the_ion_is_what_moves_most():
    for point in RESULT["points"]:
        end, saddle = (structure(point, state) for state in STATES)
        moved = ((saddle.positions - end.positions) ** 2).sum(axis=1)
        assert end.symbols[int(moved.argmax())] == point["ion"]


def test_cells_hold_the_crystal_that_they_are_named_after():
    for case in CASES:
        assert unit_cell(case).get_chemical_formula(empirical=True, mode="metal") == case.name
