"""Larger planar cells, shaken: what the benchmark of thicknesses does with ``--repeats``."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from benchmarks.boundary_thickness.__main__ import Example, displaced
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.compound_boundary import inversion_images
from tansaku.calculators.workflows.compound_boundary import compound_reference
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.compound_boundary import CompoundBoundarySpaceSpec
from tansaku.spaces.compound_boundary import CompoundBoundarySpace

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks/boundary_thickness"


@pytest.fixture
def copper(tmp_path):
    write(tmp_path / "cu.cif", bulk("Cu", "fcc", a=3.6, cubic=True))
    keys = {"crystal": "cu.cif", "planes": [[3, 1, 0]], "thickness": 8, "step": 1.5, "repeats": [1, 2]}
    space = CompoundBoundarySpace(CompoundBoundarySpaceSpec.model_validate(keys), tmp_path)
    spec = EmtSpec.model_validate({"relaxation": {"cell": "normal", "translation": "free", "fmax": 0.2}})
    calculator = open_calculator(spec, tmp_path)
    return Example(space, calculator, spec.relaxation, compound_reference(calculator, space.crystal, {}, spec.relaxation))


def test_images_are_displaced_oppositely_where_the_inversion_is_kept(copper):
    start = copper.space.structure(str(copper.space.pool().ids[1]))
    images = inversion_images(start)
    for kept in (True, False):
        ways = displaced(start, start, kept=kept).positions - start.positions
        assert ways.std() == pytest.approx(0.1, rel=0.2)
        assert bool(np.abs(ways[images] + ways).max() < 1e-9) is kept


def test_a_candidate_is_computed_as_built_and_shaken_and_with_thicker_grains(copper):
    rows = list(copper.shaken(str(copper.space.pool().ids[1]), (14.0,)))
    assert [row["state"] for row in rows] == ["built", "kept", "free", "kept", "free"]
    assert rows[0]["thickness"] < 10.0 < 14.0 <= rows[-1]["thickness"]
    assert rows[-1]["atoms"] > rows[0]["atoms"]
    energies = [row["energy"] for row in rows if "energy" in row]
    assert max(energies) - min(energies) < 60.0


def test_larger_cells_lower_the_published_candidate_little_and_grains_do_not_tilt_in_them():
    published = {row["candidate"]: row for row in json.loads((FOLDER / "result.json").read_text())["rows"]}
    content = json.loads((FOLDER / "repeats.json").read_text())
    assert content["fmax"] == 0.01
    for row in content["rows"]:
        smallest = published[row["candidate"]]["steps"][0]
        built, *shaken, thick = row["steps"]
        assert built["atoms"] == 4 * smallest["atoms"]
        assert smallest["energy"] - 10.0 < built["energy"] < smallest["energy"]
        assert all(step["energy"] == pytest.approx(built["energy"], abs=3.0) for step in shaken)
        assert thick["energy"] > shaken[0]["energy"] + 10.0
