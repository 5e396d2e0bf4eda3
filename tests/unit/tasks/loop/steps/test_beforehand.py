"""What is adopted is known before the first proposal, costs nothing, and may have been computed for another property."""

from __future__ import annotations

import json

import pytest
from ase.build import bulk
from ase.io import write

from tansaku.models.domain.adoption import adopted_from
from tansaku.models.domain.errors import ConfigurationError, SpecChangedError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import StopReason
from tansaku.tasks.act.checks.check import preview_loaded
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.loop.steps.beforehand import KNOWN_MODEL
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import evaluation_rows
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA
from tests.support.copper_desk import COPPER, Desk

GP = {"type": "gp", "initial_points": 2}


def values(desk: Desk, name: str) -> dict[str, float | None]:
    return {item.proposal.candidate: item.outcome.value for item in desk.store.evaluations(name)}


def candidates(desk: Desk, name: str) -> list[str]:
    return [item.proposal.candidate for item in desk.store.evaluations(name)]


@pytest.mark.parametrize(
    ("budget", "reason"), [({"evaluations": 2}, "evaluations"), ({"cost": 2.0}, "budget"), ({"fraction": 2 / 13}, "budget")]
)
def test_a_campaign_with_reuse_never_answers_worse_than_the_one_it_reuses(desk, budget, reason):
    assert desk.run("new", -6, 6, reuse=True, seed=3, proposer={"type": "random"}, budget=budget) == reason
    assert min(values(desk, "new").values()) <= min(values(desk, "old").values())
    assert desk.origins("new") == [*(("old", number) for number in range(1, 6)), None, None]
    status = campaign_status(desk.store, "new")
    assert (status.evaluations, status.adopted, status.stop_reason) == (2, 5, StopReason(reason))
    assert [used.spent for used in status.budget[:2]] == ["2", "2"]
    assert desk.drive("new") == reason
    assert desk.launcher.computed == []


def test_the_model_knows_all_results_and_only_the_rest_of_the_design_is_computed(desk):
    scan = {"type": "lattice", "percent": {"start": -2, "stop": 4, "steps": 7}}
    silver = COPPER | {"elements": ["Ag"], "lattice_parameter": 4.09}
    space = {"type": "crystals", "crystals": {"cu": COPPER, "ag": silver}, "scans": [scan]}
    desk.run("new", 0, 0, space=space, reuse=True, proposer=GP, budget={"evaluations": 4})
    found = desk.store.evaluations("new")
    assert [item.proposal.model for item in found[:5]] == [KNOWN_MODEL] * 5
    own = [item.proposal for item in found[5:]]
    assert [item.initial for item in own] == [True, True, False, False]
    assert [item.system for item in own[:2]] == ["ag-lattice"] * 2
    assert own[2].horizon == 7
    assert own[2].predicted_mean is not None


@pytest.mark.parametrize("method", ["insert_proposal", "begin_attempt", "accept_outcome"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_among_the_known_results_it_proposes_the_same(desk, method, when):
    changes = {"reuse": True, "proposer": GP, "budget": {"evaluations": 2}, "execution": {"in_flight": 2, "polish": 0}}
    space = desk.write("plain", -4, 4).spec.space.model_dump(mode="json")
    desk.create("plain", -4, 4, **changes)
    desk.create("new", -4, 4, **changes | {"space": space})
    desk.drive("plain")
    desk.drive_to_its_death("new", method, 3, when)
    assert desk.drive("new") == "evaluations"
    assert candidates(desk, "new") == candidates(desk, "plain")
    assert desk.origins("new") == desk.origins("plain") == [*(("old", number) for number in range(1, 6)), None, None]
    assert len(desk.launcher.computed) == 2
    assert [len(item.attempts) for item in desk.store.evaluations("new")] == [1] * 7


PHASES = {"energies": {"Cu": -0.007}}


@pytest.mark.parametrize(
    ("objective", "phases", "known"),
    [
        ({"property": "volume", "unit": "Angstrom3/atom"}, None, 3),
        ({"property": "energy_per_atom", "unit": "meV/atom"}, None, 3),
        ({"property": "formation_energy", "unit": "meV/atom"}, PHASES, 3),
        ({"property": "energy_above_hull", "unit": "eV/atom"}, PHASES, 3),
        ({"property": "bulk_modulus", "unit": "GPa", "direction": "maximize"}, None, 0),
    ],
    ids=["volume", "unit", "formation", "hull", "modulus"],
)
def test_another_property_of_the_same_calculation_is_read_from_its_record(desk, objective, phases, known):
    for edge in (3.5, 3.6, 3.7):
        write(desk.folder / f"cu-{edge}.extxyz", bulk("Cu", "fcc", a=edge))
    space = {"type": "structures", "paths": [f"cu-{edge}.extxyz" for edge in (3.5, 3.6, 3.7)]}
    desk.run("first", 0, 0, space=space)
    for name, reuse in (("new", True), ("afresh", False)):
        desk.run(name, 0, 0, space=space | {"phases": phases}, objective=objective, reuse=reuse)
        assert len(desk.launcher.computed) == (3 - known if reuse else 3)
    assert [origin is not None for origin in desk.origins("new")] == [known > 0] * 3
    assert values(desk, "new") == values(desk, "afresh")


def test_a_stored_campaign_adopts_what_it_proposes_and_counts_it_as_before(desk):
    record = desk.create("new", -1, 6, reuse=True)
    artifacts, file = desk.resources.artifacts, desk.folder / "results.json"
    with artifacts.open(record.spec["reuse_sha256"]) as stream:
        kept = json.load(stream)
    # As the release before stored it.
    file.write_text(json.dumps({key: {name: item[name] for name in ("origin", "outcome")} for key, item in kept.items()}))
    changes = {"name": "stored", "known_first": None, "reuse_sha256": artifacts.put(file), "budget": {"evaluations": 5}}
    spec = CampaignSpec.model_validate(record.spec | changes)
    update = {"id": "stored", "name": "stored", "spec": spec.model_dump(mode="json"), "spec_hash": spec_hash(spec)}
    desk.store.create_campaign(record.model_copy(update=update))
    assert desk.drive("stored") == "evaluations"
    assert desk.origins("stored") == [("old", 2), ("old", 3), ("old", 4), ("old", 5), None]
    assert {item.proposal.model for item in desk.store.evaluations("stored")} == {"grid"}
    assert campaign_status(desk.store, "stored").budget[0].spent == "5"


TABLE = {"file": "earlier.csv", "candidate": "name", "value": "energy", "unit": "meV/atom"}


def table(desk: Desk, *rows: str) -> None:
    (desk.folder / "earlier.csv").write_text("\n".join(("name,energy", *rows)) + "\n")


@pytest.fixture
def level(desk) -> str:
    return preview_loaded(desk.write("old", -2, 2)).level


def test_values_of_ones_own_table_enter_in_the_same_way(desk, level):
    table(desk, "new-lattice-a10600,-5000", "new-lattice-a10500,-4000")
    known = TABLE | {"level": level}
    loaded = desk.write("new", -1, 6, known=known, reuse=True, budget={"evaluations": 1})
    assert preview_loaded(loaded).known == 2
    prepare_campaign(desk.resources, ADA, loaded)
    (desk.folder / "earlier.csv").rename(desk.folder / "away.csv")
    assert desk.drive("new") == "evaluations"
    assert min(values(desk, "new").values()) == -5.0
    assert desk.frozen("new") == {"results": 7, "campaigns": {"old": 5, "earlier.csv": 2}, "left_out": {}}
    rows = evaluation_rows(Campaign.load(desk.store, "new"))
    assert [row["from"] for row in rows[4:]] == ["emt in earlier.csv, row 1", "emt in earlier.csv, row 2", "emt"]
    assert adopted_from(desk.store.evaluations("new")[4]).created_at is None
    assert len(desk.launcher.computed) == 1
    desk.create("third", -1, 6, reuse=True)
    assert desk.frozen("third")["campaigns"] == {"old": 5, "new": 1}
    (desk.folder / "away.csv").rename(desk.folder / "earlier.csv")
    assert prepare_campaign(desk.resources, ADA, loaded) == desk.store.campaign("new")
    table(desk, "new-lattice-a10600,-5001")
    with pytest.raises(SpecChangedError, match=r"known\.sha256"):
        prepare_campaign(desk.resources, ADA, loaded)


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (["new-lattice-a10600,1"], {"level": "lammps"}, r"known\.level: 'lammps'; expected 'ase-emt'"),
        (["new-lattice-a10600,1"], {"unit": "GPa"}, r"known\.unit: "),
        (["gold,1"], {}, r"known\.candidate: row 1: candidate 'gold' is not in the space"),
        (["new-lattice-a10600,1", "new-lattice-a10600,1"], {}, r"known\.candidate: 'new-lattice-a10600' is in rows 1 and 2"),
        (["new-lattice-a10600,"], {}, r"known\.value: row 1 .* has no finite value"),
        (["new-lattice-a10600,1"], {"value": "none"}, r"known\.value: .* has no column 'none'"),
    ],
)
def test_a_wrong_table_is_refused_by_key_and_row(desk, level, rows, changes, message):
    table(desk, *rows)
    loaded = desk.write("new", -1, 6, known=TABLE | {"level": level} | changes)
    with pytest.raises(ConfigurationError, match=message):
        prepare_campaign(desk.resources, ADA, loaded)
    assert "new" not in desk.store.campaign_names()
