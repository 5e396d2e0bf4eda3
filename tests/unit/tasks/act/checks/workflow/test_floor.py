"""A floor of evaluations that cannot be reached, or that no goal uses, is refused before anything is spent."""

from __future__ import annotations

import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.act.checks.check import preview_campaign
from tansaku.tasks.node.configuration.campaign_files import load_campaign, spec_hash


@pytest.fixture
def campaign_file(tmp_path):
    def write(proposer: dict[str, object], evaluations: int = 100, **goal: object):
        space = {
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.59},
            "boundaries": {"planes": [[1, 1, 3], [2, 2, 1], [1, 1, 1]]},
            "translation": {"normal": [0.3], "in_plane": {"step": 0.8}, "along_axis": {"step": 0.8}},
        }
        document = {
            "schema_version": 1,
            "space": space,
            "calculator": {"type": "emt"},
            "objective": {"unit": "mJ/m2", **goal},
            "proposer": {"type": "gp", **proposer},
            "budget": {"evaluations": evaluations},
        }
        path = tmp_path / "copper.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    return write


def test_a_floor_above_the_budget_is_refused_before_the_name_is_taken(campaign_file, assert_refused):
    said = r"proposer.floor: 5 evaluations for each of 3 systems are 15; budget.evaluations is 14"
    assert_refused(campaign_file({"floor": 5}, 14), said)
    assert preview_campaign(campaign_file({"floor": 5}, 15)).most_evaluations == 15


def test_a_system_of_few_candidates_needs_no_more_than_it_has(campaign_file):
    sizes = [size.candidates for size in preview_campaign(campaign_file({})).systems]
    assert min(sizes) < 10
    floor, needed = 10, sum(min(size, 10) for size in sizes)
    preview_campaign(campaign_file({"floor": floor}, needed))
    with pytest.raises(ConfigurationError, match=f"are {needed}; budget.evaluations is {needed - 1}"):
        preview_campaign(campaign_file({"floor": floor}, needed - 1))


@pytest.mark.parametrize("key", [{"floor": 5}, {"worst_first": 0.5}])
def test_a_goal_for_all_systems_together_has_neither(campaign_file, key):
    with pytest.raises(ConfigurationError, match=f"proposer.{next(iter(key))}: only the goals best_per_system and hull use it"):
        load_campaign(campaign_file(key, goal={"type": "best_overall"}))


def test_the_keys_belong_to_what_a_campaign_is(campaign_file):
    hashes = [spec_hash(load_campaign(campaign_file(key)).spec) for key in ({}, {"floor": 5}, {"worst_first": 0.5})]
    assert len(set(hashes)) == 3
