"""Competing phases are compared with every candidate before anything is spent."""

from __future__ import annotations

import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.act.checks.check import preview_campaign

PHASES = dict.fromkeys(("Li", "V", "Fe", "P", "O", "F"), -3.0)


@pytest.fixture
def campaign_file(tmp_path, require):
    require("pymatgen")
    require("chgnet")

    def write(phases: dict[str, float] | None, **changes: object):
        sites = {"A": ["Li+"], "M": ["V3+", "Fe3+"], "X": ["P5+"], "Z": ["F-"]}
        also = [{"property": "energy_above_hull", "unit": "meV/atom"}]
        document = {
            "schema_version": 1,
            "space": {
                "type": "composition",
                "parent": {"prototype": "tavorite"},
                "sites": {site: {"ions": ions} for site, ions in sites.items()},
            },
            "calculator": {"type": "chgnet", "workflow": {"type": "migration_barrier", "phases": phases}},
            "objective": {"unit": "eV", "goal": {"type": "pareto", "also": also}},
            **changes,
        }
        path = tmp_path / "stable.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    return write


def test_barrier_and_stability_are_a_front_where_phases_are_given(campaign_file):
    assert preview_campaign(campaign_file(PHASES)).candidates == 2
    with pytest.raises(ConfigurationError, match="'energy_above_hull' is not known; expected one of barrier_1d"):
        preview_campaign(campaign_file(None))


def test_an_element_without_a_phase_is_named_before_the_name_is_taken(campaign_file, assert_refused):
    lacking = {name: energy for name, energy in PHASES.items() if name != "V"}
    missing = r"calculator.workflow.phases: .* at least one with V"
    assert_refused(campaign_file(lacking), r"composition FLiO4PV; expected at least one with V", missing)
