"""Every type that a file may name has a description and an opener, and a type that has none is an error."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.objectives import OBJECTIVES, described
from tansaku.models.domain.openers import opener
from tansaku.models.domain.specs.calculators.table import CALCULATORS
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.launcher_base import LauncherBase
from tansaku.models.domain.specs.objective import GoalBase, GoalSpec
from tansaku.models.domain.specs.site import LauncherSpec, SiteSpec
from tansaku.models.domain.specs.space import SPACE_SPECS, SpaceSpec, TableSpaceSpec
from tansaku.models.domain.specs.space_base import SpaceDescription
from tansaku.models.domain.units import convert
from tansaku.models.engine.goals import LEVELS, goal_of
from tansaku.spaces.space_registry import OPENERS, open_space
from tansaku.tasks.backends.launchers.backends import BACKENDS, Backend, backend_of, job_folder
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.jobs.energy import COMPUTED
from tansaku.tasks.node.jobs.workflows import JOBS
from tansaku.tasks.read.figures.campaign import FURTHER_FIGURES

ROOT = Path(__file__).resolve().parents[2]
CALCULATOR_FOLDERS = ("calculators/engines", "models/domain/specs/calculators")
ORDINARY_WORDS = {"ase", "command", "potential", "surrogate"}
"""Types of calculators that also mean something else."""

FILE_FORMATS = {
    ("calculators/structures/export.py", "vasp"): "ASE's name of the POSCAR format",
    ("deploy/cli/models.py", "lammps"): "a format of exported potentials",
    ("tasks/loop/training/exporting.py", "lammps"): "a format of exported potentials",
}
TABLE = TableSpaceSpec.model_validate(
    {"candidates": "t.csv", "columns": {"id": "id", "value": "v"}, "features": {"x": {"columns": ["x"]}}}
)


def test_every_spec_of_a_space_has_a_description_and_an_opener():
    specs = get_args(get_args(SpaceSpec)[0])
    assert set(SPACE_SPECS.values()) == set(specs)
    assert OPENERS.keys() == SPACE_SPECS.keys()
    for kind in OPENERS:
        assert isinstance(SPACE_SPECS[kind].description, SpaceDescription)
        found = opener(OPENERS, kind, "space.type")
        found = found if isinstance(found, type) else get_type_hints(found)["return"]
        assert all(hasattr(found, method) for method in ("pool", "structure", "elements", "describe_systems"))


@pytest.mark.parametrize("kind", SPACE_SPECS)
def test_what_a_description_names_is_registered(kind):
    about = SPACE_SPECS[kind].description
    assert {*about.properties, *about.further} <= OBJECTIVES.keys()
    assert all(callable(opener(JOBS, job, "job")) for job in about.jobs.values())
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


def test_every_spec_of_a_launcher_has_a_description_and_a_backend():
    specs = get_args(get_args(LauncherSpec)[0])
    assert {spec.model_fields["type"].default for spec in specs} == BACKENDS.keys()
    for spec in specs:
        assert issubclass(spec, LauncherBase)
        assert issubclass(opener(BACKENDS, spec.model_fields["type"].default, "launcher.type"), Backend)


def test_a_launcher_without_a_backend_is_an_error(tmp_path, monkeypatch):
    monkeypatch.delitem(BACKENDS, "local")
    with pytest.raises(ConfigurationError, match=r"launcher\.type: 'local' has no opener; expected one of .*fireworks"):
        backend_of(Settings(home=tmp_path), SiteSpec(), None)


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
    assert {name for about in spaces for name in about.objectives_of.get("energy", about.properties)} == COMPUTED.keys()


def named_calculators(source: str) -> set[str]:
    """Calculator types that a module names: as a string, or by importing the module of one."""
    types = {kind.type_name() for kind in CALCULATORS} - ORDINARY_WORDS
    modules = {kind.__module__ for kind in CALCULATORS} | {kind.facts.engine for kind in CALCULATORS}
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in types:
            found.add(node.value)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            found.add(node.module)
    return found


def test_only_a_calculator_s_own_folders_name_its_type():
    found = {
        (str(path.relative_to(ROOT)), name)
        for top in ("models", "calculators", "spaces", "tasks", "flows", "deploy")
        for path in sorted((ROOT / top).rglob("*.py"))
        if not str(path.relative_to(ROOT)).startswith(CALCULATOR_FOLDERS)
        for name in named_calculators(path.read_text())
    }
    assert found == FILE_FORMATS.keys()


@pytest.mark.parametrize(
    "line", ["x = 'gpaw'", "import_module('lammps')", "from tansaku.models.domain.specs.calculators.emt import EmtSpec"]
)
def test_a_planted_name_of_a_calculator_is_found(line):
    assert named_calculators(line)
    assert not named_calculators("x = 'GPAW is a density-functional code'")
