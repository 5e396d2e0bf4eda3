"""Every type that a file may name has a description and an opener, and a type that has none is an error."""

from __future__ import annotations

from importlib import import_module
from typing import get_args

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.objectives import OBJECTIVES, described
from tansaku.models.domain.specs.space import SPACE_SPECS, SpaceSpec, TableSpaceSpec
from tansaku.models.domain.specs.space_base import SpaceDescription
from tansaku.models.domain.units import convert
from tansaku.spaces.registry import OPENERS, open_space
from tansaku.tasks.figures.campaign import FURTHER_FIGURES
from tansaku.tasks.jobs.workflows import JOBS

TABLE = TableSpaceSpec.model_validate(
    {"candidates": "t.csv", "columns": {"id": "id", "value": "v"}, "features": {"x": {"columns": ["x"]}}}
)


def test_every_spec_of_a_space_has_a_description_and_an_opener():
    specs = get_args(get_args(SpaceSpec)[0])
    assert set(SPACE_SPECS.values()) == set(specs)
    assert OPENERS.keys() == SPACE_SPECS.keys()
    for kind, opener in OPENERS.items():
        assert isinstance(SPACE_SPECS[kind].description, SpaceDescription)
        module, name = opener.split(":")
        found = getattr(import_module(f"tansaku.spaces.{module}"), name)
        assert all(hasattr(found, method) for method in ("pool", "structure", "elements", "describe_systems"))


@pytest.mark.parametrize("kind", SPACE_SPECS)
def test_what_a_description_names_is_registered(kind):
    about = SPACE_SPECS[kind].description
    assert {*about.properties, *about.further} <= OBJECTIVES.keys()
    assert set(about.jobs.values()) <= JOBS.keys()
    assert about.figures is None or about.figures in FURTHER_FIGURES
    assert about.recorded or about.properties
    assert len(set(about.groups)) == len(about.groups) > 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_belongs_to_a_space_and_its_units_are_of_one_kind(name):
    description = described(name)
    assert description.name == name
    assert [convert(1.0, unit, description.units[0]) for unit in description.units]
    assert any(name in (*spec.description.properties, *spec.description.further) for spec in SPACE_SPECS.values())


def test_a_space_without_an_opener_is_an_error(tmp_path, monkeypatch):
    monkeypatch.delitem(OPENERS, "table")
    with pytest.raises(ConfigurationError, match=r"space\.type: 'table' has no opener; expected one of composition"):
        open_space(TABLE, tmp_path)


def test_an_objective_that_is_not_registered_is_an_error():
    with pytest.raises(ValueError, match="property 'happiness' is not registered; expected one of grain_boundary_energy"):
        described("happiness")
