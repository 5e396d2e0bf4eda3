"""Results beyond what their property can be: of programs, of tables, in any unit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.absurd_values import believable
from tansaku.models.domain.objectives import OBJECTIVES
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.commands import CommandSpec, offer_commands
from tansaku.models.domain.specs.crystals import CrystalsSpaceSpec
from tansaku.models.domain.states import FailureKind
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate

COPPER = {
    "type": "crystals",
    "crystals": {"copper": {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}},
    "scans": [{"type": "rattle", "atoms": [4], "draws": 1}],
}


@pytest.fixture
def program():
    yield
    offer_commands({})


def by_a_program(folder: Path, energy: float, name: str, unit: str) -> Outcome:
    result = json.dumps({"energy": energy, "forces": [[0.0] * 3] * 4})
    script = folder / "script.py"
    script.write_text(f"open('result.json', 'w').write({result!r})")
    offer_commands({"mine": CommandSpec(argv=("python3", "-I", "-S", "script.py"), files=(str(script),))})
    space = open_space(CrystalsSpaceSpec.model_validate(COPPER), folder)
    document = {
        "campaign": "test",
        "candidate": str(space.pool().ids[0]),
        "space": COPPER,
        "calculator": {"type": "command", "command": "mine"},
        "objective": {"property": name, "unit": unit},
        "base_path": str(folder),
    }
    (folder / "out").mkdir()
    return evaluate(JobDocument.model_validate(document), folder / "out")


@pytest.mark.parametrize(
    ("energy", "name", "unit", "said"),
    [
        (1e308, "energy_per_atom", "eV/atom", "value: 2.5e+307 eV/atom"),
        (-1e308, "energy_per_atom", "meV/atom", "value: -inf"),
        (
            1e7,
            "energy_per_atom",
            "meV/atom",
            "2.5e+09 meV/atom; expected a size of at most 1e+09 meV/atom of energy_per_atom",
        ),
        (1e7, "volume", "Angstrom3/atom", "energy_per_atom: 2.5e+06 eV/atom; expected a size of at most 1e+06 eV/atom"),
    ],
)
def test_a_program_s_absurd_energy_is_a_failure_with_the_number(program, tmp_path, energy, name, unit, said):
    outcome = by_a_program(tmp_path, energy, name, unit)
    assert outcome.value is None
    assert (outcome.failure.kind, outcome.failure.reason) == (FailureKind.SCIENCE, "absurd_value")
    assert said in outcome.failure.message
    assert outcome.provenance.host
    assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_a_large_energy_of_a_heavy_crystal_is_accepted(program, tmp_path):
    assert by_a_program(tmp_path, -3e6, "energy_per_atom", "eV/atom").value == -7.5e5


def test_a_table_s_absurd_values_are_failures_in_campaigns_and_replays(tmp_path):
    (tmp_path / "t.csv").write_text("id,x,value,h\na,1,-1e308,1\nb,2,1e7,-1e200\nc,3,1,1\n")
    space = {
        "type": "table",
        "candidates": "t.csv",
        "columns": {"id": "id", "value": "value", "quantities": {"hull": {"column": "h", "unit": "meV"}}},
        "features": {"x": {"columns": ["x"]}},
    }
    # A table's column may have the name of a property and any unit: only the limit of all values holds.
    document = {"campaign": "test", "space": space, "base_path": str(tmp_path)}
    document |= {"objective": {"property": "energy_per_atom", "unit": "eV/atom"}}
    low, hull, fine = (evaluate(JobDocument.model_validate(document | {"candidate": name}), tmp_path) for name in "abc")
    assert (low.value, low.failure.reason) == (None, "absurd_value")
    assert "value: -1e+308 eV/atom; expected a size of at most 1e+100 eV/atom" in low.failure.message
    assert (hull.value, hull.failure.reason, hull.quantities) == (None, "absurd_value", {})
    assert (fine.value, fine.failure) == (1.0, None)
    opened = open_space(JobDocument.model_validate(document | {"candidate": "a"}).space, tmp_path)
    np.testing.assert_array_equal(opened.values(), [np.nan, 1e7, 1.0])
    np.testing.assert_array_equal(opened.quantity("hull", "meV"), [1.0, np.nan, 1.0])


@pytest.mark.parametrize("name", [name for name, about in OBJECTIVES.items() if about.largest < 1e100])
def test_every_computed_property_has_a_limit_in_each_of_its_units(name):
    about, space = OBJECTIVES[name], CrystalsSpaceSpec.model_validate(COPPER)
    for unit in about.units:
        objective = ObjectiveSpec(property=name, unit=unit)
        largest = Outcome(value=1.0, quantities={name: Quantity(value=about.largest, unit=about.units[0])})
        assert believable(largest, objective, space) is largest
        more = Outcome(value=1.0, quantities={name: Quantity(value=-1.001 * about.largest, unit=about.units[0])})
        assert believable(more, objective, space).failure.reason == "absurd_value"
        assert believable(Outcome(value=1e99), objective, space).failure.reason == "absurd_value"


def test_every_property_of_ours_has_a_limit():
    assert [name for name, about in OBJECTIVES.items() if about.largest >= 1e100 and about.compute is None] == []
