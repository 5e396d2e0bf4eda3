"""Every type that a file may name has a description and an opener, and a type that has none is an error."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import get_args, get_type_hints

import pytest

from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.objectives import OBJECTIVES, described
from tansaku.models.domain.ours import OURS
from tansaku.models.domain.rooms import figure_sets
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.job_description import jobs
from tansaku.models.domain.specs.launcher_base import LauncherBase
from tansaku.models.domain.specs.objective import GoalBase, GoalSpec
from tansaku.models.domain.specs.site import LauncherSpec, SiteSpec
from tansaku.models.domain.specs.space import SPACE_SPECS
from tansaku.models.domain.specs.space_base import SpaceDescription
from tansaku.models.domain.units import convert
from tansaku.models.engine.goals import LEVELS, goal_of
from tansaku.tasks.backends.launchers.backends import Backend, backend_of, job_folder
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.jobs.energy import COMPUTED


def entry_points() -> list[tuple[str, str]]:
    """Groups and names of tansaku's own kinds."""
    return [(group, name) for group, kinds in OURS.items() for name in kinds]


@pytest.mark.parametrize(("group", "name"), entry_points(), ids="-".join)
def test_every_kind_has_a_descriptor_of_its_name_whose_code_is_there(group, name):
    descriptor = EntryPoint(name, OURS[group][name], group).load()
    if isinstance(descriptor, type):
        assert descriptor.model_fields["type"].default == name
        assert get_args(descriptor.model_fields["type"].annotation) == (name,)
    paths = [getattr(descriptor, key, None) for key in ("opener", "restore", "compute")]
    assert any(paths) or group in ("calculators", "objectives")
    for path in filter(None, paths):
        opened(group, name, path)


def test_every_space_is_opened_as_what_searches_need():
    for kind, spec in SPACE_SPECS.items():
        assert isinstance(spec.description, SpaceDescription)
        found = opened("spaces", kind, spec.opener)
        found = found if isinstance(found, type) else get_type_hints(found)["return"]
        assert all(hasattr(found, method) for method in ("pool", "structure", "elements", "describe_systems"))


@pytest.mark.parametrize("kind", SPACE_SPECS)
def test_what_a_description_names_is_registered(kind):
    about = SPACE_SPECS[kind].description
    assert {*about.properties, *about.further} <= OBJECTIVES.keys()
    assert set(about.jobs.values()) <= jobs().keys()
    assert about.figures in ("", *figure_sets())
    assert about.recorded or about.properties
    assert len(set(about.groups)) == len(about.groups) > 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_belongs_to_a_space_and_its_units_are_of_one_kind(name):
    description = described(name)
    assert description.name == name
    assert [convert(1.0, unit, description.units[0]) for unit in description.units]
    assert any(name in (*spec.description.properties, *spec.description.further) for spec in SPACE_SPECS.values())


def test_an_objective_that_is_not_registered_is_an_error():
    with pytest.raises(ValueError, match="property 'happiness' is not registered; expected one of grain_boundary_energy"):
        described("happiness")


def test_every_launcher_has_a_backend():
    for spec in get_args(get_args(LauncherSpec)[0]):
        assert issubclass(spec, LauncherBase)
        assert issubclass(opened("launchers", spec.model_fields["type"].default, spec.opener), Backend)


def test_jobs_lie_in_the_folder_that_a_launcher_shares(tmp_path):
    shared = {"launcher": {"type": "fireworks", "folder": "/shared/jobs"}}
    settings = Settings(home=tmp_path)
    assert str(job_folder(settings, SiteSpec.model_validate(shared), "small")) == "/shared/jobs/spool/small"
    assert job_folder(settings, SiteSpec(), "small") == tmp_path / "spool" / "small"
    local = backend_of(settings, SiteSpec(), None)
    assert local.queue() is None
    assert local.cluster() is None


def test_every_spec_of_a_goal_has_acquisitions_and_one_that_the_engine_serves():
    specs = get_args(get_args(GoalSpec)[0])
    assert all(issubclass(spec, GoalBase) and spec.acquisitions for spec in specs)
    served = LEVELS.keys() | {"pareto"}  # a front has no level to pass; it has a proposer of its own
    assert {spec.model_fields["type"].default for spec in specs} == served


def test_a_goal_that_the_engine_does_not_serve_is_an_error(monkeypatch):
    monkeypatch.delitem(LEVELS, "best_per_system")
    with pytest.raises(ConfigurationError, match="best_per_system has no level that a candidate could pass; expected one of"):
        goal_of(ObjectiveSpec())


def test_every_property_of_a_space_computed_for_its_energy_is_computed():
    spaces = [spec.description for spec in SPACE_SPECS.values() if "energy" in spec.description.jobs.values()]
    assert {name for about in spaces for name in about.objectives_of.get("energy", about.properties)} == set(COMPUTED)
