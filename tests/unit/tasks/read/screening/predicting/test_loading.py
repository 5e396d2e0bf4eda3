"""Screen files: a campaign for each axis, and errors before anything is spent."""

from __future__ import annotations

import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.grain_boundary import axis_name
from tansaku.tasks.read.screening.predicting import load_screen

SCREEN = {
    "schema_version": 1,
    "model": "local@2",
    "space": {
        "type": "grain_boundary",
        "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.6},
        "boundaries": {"max_sigma": 11},
        "spacing": 8.0,
    },
    "axes": [[1, 1, 0], [1, 1, 1]],
    "calculator": {"type": "emt"},
    "per_system": 2,
}


@pytest.fixture
def load(tmp_path):
    def read(**changes: object):
        path = tmp_path / "copper.yaml"
        path.write_text(yaml.safe_dump(SCREEN | changes))
        return load_screen(path)

    return read


def test_each_axis_is_a_campaign_of_its_own(load):
    first, second = load().campaigns
    assert (first.spec.name, second.spec.name) == ("copper-110", "copper-111")
    assert first.spec.space.axis == (1, 1, 0)
    assert second.spec.space.axis == (1, 1, 1)
    systems = 6  # Σ3, Σ9 and Σ11, two planes each
    assert first.spec.budget.evaluations == 2 * systems
    assert first.spec.proposer.by_system


@pytest.mark.parametrize(("axis", "name"), [((1, -1, 0), "1m10"), ((11, 1, -1), "11-1-m1"), ((0, 0, 1), "001")])
def test_axes_make_names(axis, name):
    assert axis_name(axis) == name


def test_the_seed_and_the_number_of_structures_matter(load):
    assert load(seed=3).campaigns[0].spec.seed == 3
    assert (
        load(per_system=5).campaigns[1].spec.budget.evaluations == 5 * load(per_system=1).campaigns[1].spec.budget.evaluations
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": [[1, 1, 0], [1, 1, 0]]}, "listed twice"),
        ({"axes": [[1, 1, 0], [1, 2, 3]]}, r"axes\[1\].*lies in no mirror plane"),
        ({"axes": []}, "axes"),
        ({"model": "local@0"}, "model"),
        ({"per_system": 0}, "per_system"),
        ({"execution": {"polish": 1}}, "no final relaxation"),
        ({"name": "a" * 49}, "name"),
        ({"calculator": {"type": "chgnet", "workflow": {"type": "migration_barrier"}}}, "calculator.workflow"),
    ],
)
def test_what_is_wrong_is_said(load, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        load(**changes)
