"""Plug-ins of every kind are known like tansaku's own types; broken ones are named and stop nothing."""

import pytest
import yaml

from tansaku.models.domain import plugins
from tansaku.models.domain.door import kinds, spec_kinds
from tansaku.models.domain.plugins import found_plugins, problems, reasons_for
from tansaku.models.domain.specs.base import Spec
from tests.support.every_kind import CODE, ENTRIES, SPECS, write_crystals
from tests.support.plugin_packages import add_package, campaign, python

CAMPAIGN = {
    "schema_version": 1,
    "name": "mine",
    "space": {"type": "my_space", "folder": "all", "features": {"mine": {"type": "my_features"}}},
    "calculator": {"type": "ase", "name": "weak"},
    "objective": {"property": "my_force", "unit": "eV/Angstrom"},
    "proposer": {"type": "my_proposer"},
    "budget": {"evaluations": 2},
    "execution": {"polish": 0, "in_flight": 1},
}


def test_one_campaign_uses_plugins_of_every_kind(tmp_path):
    add_package(tmp_path, "my-package", SPECS | {"my_code": CODE}, ENTRIES)
    write_crystals(tmp_path / "all")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(CAMPAIGN))
    (tmp_path / "site.yaml").write_text("launcher: {type: my_launcher}\n")
    found = campaign(tmp_path, tmp_path / "mine.yaml", tmp_path / "site.yaml")
    assert [row["state"] for row in found["rows"]] == ["DONE"] * 2
    assert all(row["value"] > 0.01 and row["unit"] == "eV/Angstrom" for row in found["rows"])
    assert found["plugins"] == [
        f"my-package 1.0 ({what})"
        for what in (
            "calculators: weak",
            "features: my_features",
            "launchers: my_launcher",
            "objectives: my_force",
            "proposers: my_proposer",
            "spaces: my_space",
            "workflows: my_job",
        )
    ]


def test_types_of_plugins_are_in_schemas_and_specs_import_nothing_that_computes(tmp_path):
    add_package(tmp_path, "my-package", SPECS | {"my_code": CODE}, ENTRIES)
    code = (
        "import sys, json\n"
        "from tansaku.models.domain.specs.campaign import CampaignSpec\n"
        "from tansaku.models.domain.specs.site import SiteSpec\n"
        "from tansaku.models.domain.specs.surrogate import ModelSpec\n"
        "from tansaku.models.domain.plugins import problems\n"
        "from tansaku.models.surrogates.surrogate_registry import build_trainer\n"
        "assert not problems(), problems()\n"
        "assert not {'ase', 'torch', 'scipy'} & set(sys.modules)\n"
        "text = json.dumps([kind.model_json_schema() for kind in (CampaignSpec, SiteSpec, ModelSpec)])\n"
        "names = ('my_space', 'my_proposer', 'my_launcher', 'my_surrogate', 'my_features')\n"
        "print([name for name in names if name not in text])\n"
    )
    assert python(tmp_path, code) == "[]\n"


def test_objects_of_several_groups_in_one_module_are_left_out_with_what_to_do(tmp_path):
    future = "from __future__ import annotations\n"
    everything = future + "".join(text.replace(future, "") for text in SPECS.values())
    entries = {
        group: {name: f"everything:{value.partition(':')[2]}" for name, value in objects.items()}
        for group, objects in ENTRIES.items()
    }
    add_package(tmp_path, "my-package", {"everything": everything, "my_code": CODE}, entries)
    code = (
        "import tansaku.models.domain.specs.campaign, tansaku.models.domain.specs.site\n"
        "from tansaku.models.domain.plugins import problems\n"
        "for problem in problems(): print(problem)\n"
    )
    lines = python(tmp_path, code).splitlines()
    assert lines
    for line in lines:
        assert line.endswith("module everything holds objects of several groups; expected a module for each group")


def test_descriptors_of_a_plugin_are_features_of_structures(tmp_path):
    add_package(tmp_path, "my-package", SPECS | {"my_code": CODE}, {"features": ENTRIES["features"]})
    code = (
        "from ase.build import bulk\n"
        "from pathlib import Path\n"
        "from tansaku.models.domain.specs.structures import StructuresSpaceSpec\n"
        "from tansaku.spaces.structures import StructuresSpace\n"
        "Path('all').mkdir()\n"
        "bulk('Cu', 'fcc', a=3.6, cubic=True).write('all/a.vasp', format='vasp')\n"
        "bulk('NiAl', 'cesiumchloride', a=2.9).write('all/b.vasp', format='vasp')\n"
        "for more in ({}, {'element': 'Ni'}, {'wrong': True}):\n"
        "    given = {'folder': 'all', 'features': {'mine': {'type': 'my_features'} | more}}\n"
        "    try: group = StructuresSpace(StructuresSpaceSpec.model_validate(given), Path('.')).pool().groups['mine']\n"
        "    except ValueError as error: print(error); continue\n"
        "    print(group.values[group.index].round(2).tolist(), group.columns)\n"
        "from tansaku.tasks.node.jobs.document import JobDocument\n"
        "from tansaku.tasks.node.jobs.evaluate import plugins_of\n"
        "space = {'type': 'structures', 'folder': 'all', 'features': {'mine': {'type': 'my_features'}}}\n"
        "job = {'campaign': 'c', 'candidate': 'a', 'base_path': '.', 'space': space, 'calculator': {'type': 'emt'}}\n"
        "print(plugins_of(JobDocument.model_validate(job)))\n"
    )
    said = python(tmp_path, code).splitlines()
    assert said[3] == "('my-package 1.0 (features: my_features)',)"
    columns = ("my_features 1", "my_features 2")
    assert said[0] == f"{[[4.0, 46.66], [0.0, 24.39]]} {columns}"
    assert said[1] == f"{[[0.0, 46.66], [1.0, 24.39]]} {columns}"
    assert said[2] == "space.features.mine: its plug-in returned an array of shape (1,); expected (2, n)"


def test_broken_plugins_are_named_and_stop_nothing(tmp_path):
    add_package(tmp_path, "fine", SPECS | {"my_code": CODE}, {"spaces": {"my_space": "my_spaces:SpaceSpec"}})
    add_package(
        tmp_path,
        "broken",
        {"broken_specs": "import nowhere_at_all", "ends": "raise SystemExit(3)"},
        {
            "calculators": {"emt": "my_calculators:weak", "mine": "broken_specs:Mine", "end": "ends:End"},
            "spaces": {"my_space": "my_spaces:SpaceSpec", "other": "my_spaces:SpaceSpec", "no": "my_code:proposer"},
            "proposers": {"gone": "my_proposers:NotThere"},
        },
    )
    code = (
        "from tansaku.models.domain.specs.campaign import CampaignSpec\n"
        "from tansaku.models.domain.specs.site import SiteSpec\n"
        "from tansaku.models.domain.plugins import problems\n"
        "from tansaku.tasks.ground.formats.validation import validate_data\n"
        "from tansaku.tasks.act.checks.doctor import _plugins\n"
        "for problem in problems(): print(problem)\n"
        "for finding in _plugins(): print(finding.state, finding.name, finding.detail)\n"
        "import yaml, sys\n"
        "data = yaml.safe_load(open('mine.yaml'))\n"
        "try: validate_data(CampaignSpec, data)\n"
        "except ValueError as error: print(error)\n"
        "data['calculator'] = {'type': 'emt'}\n"
        "print(validate_data(CampaignSpec, data).space.type)\n"
    )
    space = {"type": "my_space", "folder": "all"}
    text = CAMPAIGN | {
        "space": space,
        "calculator": {"type": "mine"},
        "objective": {"unit": "eV/atom"},
        "proposer": {"type": "random"},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(text))
    said = python(tmp_path, code)
    for line in (
        "plug-in broken 1.0: calculators 'emt' was left out: the name is taken by tansaku itself",
        "plug-in broken 1.0: calculators 'mine' was left out: ModuleNotFoundError: No module named 'nowhere_at_all'",
        "plug-in broken 1.0: calculators 'end' was left out: SystemExit: 3",
        "plug-in broken 1.0: proposers 'gone' was left out: AttributeError",
        "plug-in broken 1.0: spaces 'no' was left out: my_code:proposer is not a class derived from SpaceBase",
        "plug-in broken 1.0: spaces 'other' was left out: its spec has type 'my_space'; expected the entry point's name",
        "plug-in fine 1.0: spaces 'my_space' was left out: the name is taken by plug-in broken 1.0",
        "warning plug-in broken plug-in broken 1.0: calculators 'mine'",
        "ok plug-in broken version 1.0 adds spaces: my_space",
        "type 'mine' is not known; expected one of lammps, emt",
        "; plug-in broken 1.0: calculators 'mine' was left out: ModuleNotFoundError",
    ):
        assert line in said, f"{line}\n---\n{said}"
    assert said.endswith("my_space\n")


UNUSABLE = """
from types import BuiltinFunctionType
from typing import ClassVar, Literal
from tansaku.models.domain.specs.proposer import ProposerBase

class Misspelt(ProposerBase):
    opener: ClassVar[str] = "my_code:proposer"
    type: Literal["misspelt"] = "misspelt"
    width: "NotImported" = 1.0

class AnyText(ProposerBase):
    opener: ClassVar[str] = "my_code:proposer"
    type: str = "any_text"

class NoSchema(ProposerBase):
    opener: ClassVar[str] = "my_code:proposer"
    type: Literal["no_schema"] = "no_schema"
    model_config = {"arbitrary_types_allowed": True}
    function: BuiltinFunctionType = print
"""


def test_a_spec_that_no_union_can_hold_is_left_out(tmp_path):
    classes = {"misspelt": "Misspelt", "any_text": "AnyText", "no_schema": "NoSchema"}
    entries = {"proposers": {name: f"unusable:{kind}" for name, kind in classes.items()}}
    add_package(tmp_path, "unusable", {"unusable": UNUSABLE}, entries)
    code = (
        "from tansaku.models.domain.specs.campaign import CampaignSpec\n"
        "from tansaku.models.domain.plugins import problems\n"
        "CampaignSpec.model_json_schema()\n"
        "for problem in problems(): print(problem)\n"
    )
    said = python(tmp_path, code).splitlines()
    assert len(said) == 3
    assert said[0].endswith(
        "proposers 'any_text' was left out: its type is annotated <class 'str'>; expected Literal['any_text']"
    )
    assert "proposers 'misspelt' was left out: PydanticUndefinedAnnotation: name 'NotImported' is not defined" in said[1]
    assert "proposers 'no_schema' was left out: Pydantic" in said[2]


LAZY = """
from typing import ClassVar, Literal
from tansaku.models.domain.specs.calculators.contract import CalculatorFacts
from tansaku.models.domain.specs.calculators.plugin import PluginCalculator

class LazySpec(PluginCalculator):
    facts: ClassVar[CalculatorFacts] = CalculatorFacts(engine="lazy_engine", package="lazy")
    type: Literal["lazy"] = "lazy"
"""


def test_doctor_names_a_plugin_whose_code_cannot_be_imported(tmp_path):
    add_package(
        tmp_path, "lazy", {"lazy_specs": LAZY, "lazy_engine": "1 / 0"}, {"calculators": {"lazy": "lazy_specs:LazySpec"}}
    )
    code = (
        "from tansaku.calculators.calculator_registry import examine_calculators\n"
        "from tansaku.models.domain.plugins import problems\n"
        "from tansaku.tasks.act.checks.doctor import _plugins\n"
        "assert not problems(), problems()\n"
        "for finding in _plugins(): print(finding.state, finding.name, finding.detail)\n"
        "found = list(examine_calculators(lambda name, program, hint: 'fine'))\n"
        "print(len(found) > 3, *[finding.detail for finding in found if finding.name == 'plug-in lazy'])\n"
    )
    said = python(tmp_path, code).splitlines()
    assert "warning plug-in lazy calculators: lazy: lazy_engine:ENGINE: " in said[0]
    assert "ZeroDivisionError: division by zero" in said[0]
    assert said[1].startswith(
        "True calculator lazy could not be examined: plug-in lazy 1.0: lazy_engine:ENGINE cannot be imported"
    )


@pytest.fixture
def one_plugin(tmp_path, monkeypatch):
    """A package with one entry point, seen by this process."""
    add_package(
        tmp_path, "lone", {"lone_specs": "X = 1"}, {"spaces": {"lone": "lone_specs:X"}, "teapots": {"t": "lone_specs:X"}}
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(plugins, "_PROBLEMS", {})
    monkeypatch.setattr(plugins, "_ACCEPTED", {})
    found_plugins.cache_clear()
    yield
    found_plugins.cache_clear()


def test_an_entry_point_knows_its_package(one_plugin):
    lone = [plugin for plugin in found_plugins() if plugin.distribution == "lone"]
    assert [(plugin.group, plugin.name, plugin.origin) for plugin in lone] == [
        ("spaces", "lone", "lone 1.0"),
        ("teapots", "t", "lone 1.0"),
    ]
    assert kinds("spaces", lambda _, found: found)["lone"] == 1
    assert plugins.origins({"spaces": "lone", "calculators": "emt"}) == ("lone 1.0 (spaces: lone)",)


def test_what_does_not_fit_is_a_problem(one_plugin):
    assert "lone" not in spec_kinds("spaces", Spec)
    assert "lone_specs:X is not a class derived from Spec" in str(problems()[0])
    assert "lone 1.0" in reasons_for("lone")
    assert reasons_for("another") == ""
