"""The example files promise what the documentation says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.retraining.definition import sides_of_pool

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _spec(name: str) -> CampaignSpec:
    return CampaignSpec.model_validate(yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))


def test_the_default_example():
    spec = _spec("al-110-tilt")
    systems = open_space(spec.space, EXAMPLES).describe_systems()
    assert spec.name == "al-110-tilt"
    assert len(systems) >= 12
    assert (spec.budget.evaluations or 0) >= 400
    angles = {(row["sigma"], *row["plane"]): row["angle"] for row in systems}
    for boundary, angle in {
        (3, 1, 1, 1): 109.47,
        (11, 1, 1, 3): 50.48,
        (3, 1, 1, 2): 70.53,
        (9, 1, 1, 4): 38.94,
        (9, 2, 2, 1): 141.06,
        (11, 3, 3, 2): 129.52,
    }.items():
        assert angles[boundary] == pytest.approx(angle, abs=0.01)


def test_the_38_boundaries_over_their_whole_periods():
    spec = _spec("al-110-tilt-38")
    space = open_space(spec.space, EXAMPLES)
    rows = space.describe_systems()
    assert len(rows) == 38
    shifts = space.pool().groups["translation"].values
    # The other half of each period is equivalent to the first.
    assert shifts[:, 0].max() > 0.49 * max(row["period_in_plane"] for row in rows)
    assert space.structure(str(space.pool().ids[0])).arrays["block"].max() == 2
    assert (spec.budget.evaluations or 0) >= 25 * 38
    assert spec.execution.polish == 3


@pytest.mark.parametrize("name", ["al-110-tilt-38", "fe-110-tilt"])
def test_no_boundary_begins_on_a_mirror_plane(name):
    space = open_space(_spec(name).space, EXAMPLES)
    depths = {row["system"]: row["period_along_axis"] for row in space.describe_systems()}
    pool = space.pool()
    along = pool.groups["translation"].values[pool.groups["translation"].index, 1]
    periods = np.array([depths[system] for system in pool.systems])[pool.system_codes]
    turns = along / periods
    assert np.abs(turns - np.round(2 * turns) / 2).min() > 0.02


def test_the_example_without_lammps():
    spec = _spec("cu-emt")
    assert spec.calculator is not None
    assert spec.calculator.type == "emt"
    assert len(open_space(spec.space, EXAMPLES).pool()) < 2000


def test_the_crystals_are_all_computed():
    spec = _spec("cu-crystals")
    pool = open_space(spec.space, EXAMPLES).pool()
    assert len(pool) <= (spec.budget.evaluations or 0) <= 100
    assert {system.partition("-")[2] for system in pool.systems} == {"lattice", "shear", "tetragonal", "rattle-0.1", "vacancy"}


def test_the_potential_that_grows_is_judged_by_scans_that_it_never_learns():
    spec = _spec("al-grow-potential")
    assert spec.retrain is not None
    assert spec.proposer.type == "disagreement"
    sides = sides_of_pool(open_space(spec.space, EXAMPLES).pool(), spec)
    held_out = {name for name, side in sides.items() if side == "held_out"}
    assert held_out == {"bcc-lattice", "fcc-tetragonal", "fcc-rattle-0.2", "bcc-rattle-0.1", "hcp-rattle-0.15"}
    assert spec.retrain.target is not None
    assert spec.retrain.target.limits == {"energy": 0.006, "forces": 0.06}


def test_templates_are_the_examples():
    from importlib.resources import files

    templates = {
        entry.name for entry in files("tansaku.deploy").joinpath("templates").iterdir() if entry.name.endswith(".yaml")
    }
    assert templates == {path.name for path in EXAMPLES.glob("*.yaml")}


def test_the_energy_surface_is_searched_with_a_share_of_its_points():
    spec = _spec("h-in-al")
    pool = open_space(spec.space, EXAMPLES).pool()
    assert (spec.budget.evaluations or 0) <= len(pool) / 2
    assert spec.objective.goal.gridded
