"""A composition's job: the workflow of its calculator, files, units, and what a killed one leaves to the next."""

from __future__ import annotations

import json

import pytest
from ase.io import read
from pydantic import ValidationError

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tansaku.tasks.node.configuration.source import polish_relaxation, source_of
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate, open_job
from tests.support.campaign_files import boundary_space

WORKFLOW = {"type": "migration_barrier", "ion": "Li"}
TAVORITE = {
    "campaign": "test",
    "candidate": "Li-V3-P5-F",
    "space": {
        "type": "composition",
        "parent": {"prototype": "tavorite"},
        "sites": {"A": {"ions": ["Li+"]}, "M": {"ions": ["V3+"]}, "X": {"ions": ["P5+"]}, "Z": {"ions": ["F-"]}},
    },
    "calculator": {"type": "chgnet", "workflow": WORKFLOW},
    "objective": {"property": "migration_barrier", "unit": "eV"},
}


def document(tmp_path, **changes: object) -> JobDocument:
    return JobDocument.model_validate({**TAVORITE, "base_path": str(tmp_path), **changes})


def campaign(**changes: object) -> CampaignSpec:
    rest = {key: value for key, value in TAVORITE.items() if key not in ("campaign", "candidate")}
    return CampaignSpec.model_validate({"schema_version": 1, "name": "test", **rest, **changes})


def test_a_tavorite_s_barrier_by_chgnet(require, tmp_path):
    """The lithium tavorite that the prototype was refined from, from the job's document to the job's files."""
    require("chgnet")
    folder = tmp_path / "jobs" / "one"
    folder.mkdir(parents=True)
    phases = {"Li": -1.9, "V": -9.0, "P": -5.4, "O": -4.9, "F": -1.9, "LiF": -4.8}
    calculator = {"type": "chgnet", "workflow": {**WORKFLOW, "phases": phases}}
    outcome = evaluate(document(tmp_path, objective={"unit": "meV"}, calculator=calculator), folder)
    assert outcome.failure is None
    assert outcome.value == pytest.approx(136, abs=3)
    assert outcome.quantities["migration_barrier"].value == pytest.approx(outcome.value / 1000)
    assert outcome.quantities["barrier_2d"].value > outcome.quantities["migration_barrier"].value
    assert outcome.quantities["spread"].value < 0.005
    told = outcome.properties
    assert told["forward_barrier"] == pytest.approx(outcome.quantities["migration_barrier"].value)
    assert told["supercell"] == [2, 2, 1]
    assert told["networks"]["1d"]["directions"] == [[1, 1, 1]]
    assert {hop["method"] for hop in told["hops"]} == {"midpoint"}
    assert all(hop["eigenvalues"][0] < 0 < hop["eigenvalues"][1] for hop in told["hops"])
    assert told["evaluations"] < 200
    assert json.loads(json.dumps(told)) == told
    host = read(folder / outcome.artifacts["structure.extxyz"])
    assert len(host) == 16
    assert host.info["candidate"] == "Li-V3-P5-F"
    assert host.info["potential_sha256"] == outcome.provenance.model_sha256
    # LiVPO4F falls apart into LiF and elements.
    mixture = 2 * phases["LiF"] + phases["V"] + phases["P"] + 4 * phases["O"]
    above = outcome.quantities["energy_above_hull"]
    assert (above.value, above.unit) == (pytest.approx((host.get_potential_energy() / 2 - mixture) / 8), "eV/atom")
    named = read(folder / outcome.artifacts["states.extxyz"], index=":")
    assert [len(atoms) for atoms in named] == [63] * 4
    # Nothing is left beside the job's folder once it is over.
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_a_crystal_that_does_not_relax_is_a_failure_of_the_science(require, tmp_path):
    require("chgnet")
    folder = tmp_path / "one"
    folder.mkdir()
    short = {"type": "chgnet", "workflow": {**WORKFLOW, "max_steps": 1}}
    outcome = evaluate(document(tmp_path, calculator=short), folder)
    assert outcome.value is None
    assert outcome.failure.kind is FailureKind.SCIENCE
    assert outcome.failure.reason == "not_converged"
    assert outcome.provenance.model == "0.3.0"
    assert outcome.artifacts == {}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"objective": {"unit": "mJ/m2"}}, r"objective\.unit"),
        ({"objective": {"unit": "eV", "property": "hardness"}}, r"objective\.property"),
        ({"calculator": {"type": "emt"}}, r"calculator\.workflow"),
        ({"calculator": {"type": "chgnet"}}, r"calculator\.workflow"),
    ],
)
def test_what_cannot_be_computed_is_refused_before_anything_is_spent(require, tmp_path, changes, key):
    require("chgnet")
    with pytest.raises(ConfigurationError, match=key):
        open_job(document(tmp_path, **changes), tmp_path)
    with pytest.raises(ValidationError, match=key):
        campaign(**changes)


def test_a_boundary_has_no_migration_barrier(tmp_path):
    space = boundary_space("Al", 4.05, [1, 1, 1])
    with pytest.raises(ValidationError, match=r"calculator\.workflow"):
        campaign(space=space, objective={})
    with pytest.raises(ConfigurationError, match=r"calculator\.workflow"):
        open_job(document(tmp_path, space=space), tmp_path)


@pytest.mark.parametrize(
    "workflow",
    [
        {"ion": "lithium"},
        {"phases": {}},
        {"phases": {"lithium": -1.9}},
        {"phases": {"Li(OH)2": -1.9}},
        {"max_hop": 0.5},
        {"dimensions": 4},
        {"fmax": 0.5},
        {"images": 2},
        {"midpoint_steps": -1},
        {"midpoint_steps": 5, "mechanism": {"type": "interstitial"}},
        {"type": "neb"},
        {"surprise": 1},
    ],
)
def test_a_workflow_s_keys_are_checked(workflow):
    with pytest.raises(ValidationError):
        campaign(calculator={"type": "chgnet", "workflow": {**WORKFLOW, **workflow}})


def test_every_setting_of_the_workflow_is_another_source():
    plain = source_of(campaign())
    changes = (
        {"ion": None},
        {"dimensions": 2},
        {"max_hop": 4.5},
        {"image_distance": 8.0},
        {"fmax": 0.01},
        {"images": 7},
        {"phases": {"Li": -1.9}},
    )
    others = [source_of(campaign(calculator={"type": "chgnet", "workflow": {**WORKFLOW, **one}})) for one in changes]
    others.append(source_of(campaign(calculator={"type": "sevennet", "workflow": WORKFLOW})))
    assert len({plain, *others}) == 1 + len(others)


def test_the_mechanism_is_another_source_():
    plain = campaign()
    named = campaign(calculator={"type": "chgnet", "workflow": {**WORKFLOW, "mechanism": {"type": "vacancy"}}})
    assert plain == named
    assert (source_of(plain), spec_hash(plain)) == (source_of(named), spec_hash(named))
    others = [
        campaign(calculator={"type": "chgnet", "workflow": {**WORKFLOW, "mechanism": {"type": "interstitial"} | keys}})
        for keys in (
            {},
            {"faces": True},
            {"min_distance": 1.0},
            {"merge_distance": 0.6},
            {"max_sites": 5},
            {"sites": [[0.5, 0, 0]]},
        )
    ]
    assert len({spec_hash(one) for one in [plain, *others]}) == 1 + len(others)
    assert len({source_of(one) for one in [plain, *others]}) == 1 + len(others)


def test_a_barrier_is_not_polished():
    assert polish_relaxation(campaign()) is None
