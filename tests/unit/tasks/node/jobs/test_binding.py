"""The job of a molecule: from the job's document to its files, and campaigns that choose molecules."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase.io import read
from pydantic import ValidationError

pytest.importorskip("rdkit", reason="component rdkit: extra molecules")
pytest.importorskip("tblite", reason="component tblite: extra tblite")

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.node.configuration.source import source_of
from tansaku.tasks.node.jobs.binding import MOLECULE_FILE
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE, JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate, open_job

WATER = {
    "campaign": "test",
    "candidate": "O",
    "space": {"type": "molecules", "seeds": ["O", "CC=O"], "generate": None, "rules": {"max_synthesizability": None}},
    "calculator": {"type": "ase", "name": "tblite", "workflow": {"type": "ion_binding"}},
    "objective": {"unit": "kJ/mol"},
}


def document(tmp_path: Path, **changes: object) -> JobDocument:
    return JobDocument.model_validate({**WATER, "base_path": str(tmp_path), **changes})


def campaign(**changes: object) -> CampaignSpec:
    rest = {key: value for key, value in WATER.items() if key not in ("campaign", "candidate")}
    return CampaignSpec.model_validate({"schema_version": 1, "name": "test", "execution": {"polish": 0}, **rest, **changes})


def test_water_from_the_job_s_document_to_its_files(tmp_path):
    outcome = evaluate(document(tmp_path), tmp_path)
    assert outcome.failure is None
    assert outcome.value == pytest.approx(-187.81, abs=0.05)
    assert outcome.quantities["ion_binding_energy"].value == outcome.value
    assert outcome.properties["coordination"] == 1
    assert outcome.properties["failed_relaxations"] == 0
    bound, free = read(tmp_path / STRUCTURE_FILE), read(tmp_path / MOLECULE_FILE)
    assert (bound.get_chemical_formula(), free.get_chemical_formula()) == ("H2LiO", "H2O")
    assert (bound.info["smiles"], bound.info["total_charge"], free.info["total_charge"]) == ("O", 1, 0)
    assert (bound.get_charges().sum(), free.get_charges().sum()) == pytest.approx((1.0, 0.0), abs=1e-3)
    assert not bound.pbc.any()


def test_other_units_and_what_cannot_be_computed(tmp_path):
    in_kilocalories = evaluate(document(tmp_path, objective={"unit": "kcal/mol"}), tmp_path)
    assert in_kilocalories.value == pytest.approx(-187.81 / 4.184, abs=0.02)
    with pytest.raises(ConfigurationError, match="workflow ion_binding provides ion_binding_energy, not 'volume'"):
        open_job(document(tmp_path, objective={"property": "volume", "unit": "kJ/mol"}), tmp_path)


def test_a_relaxation_without_an_end_is_a_failure_of_the_science(tmp_path):
    calculator = {"type": "ase", "name": "tblite", "workflow": {"type": "ion_binding", "max_steps": 1}}
    failure = evaluate(document(tmp_path, candidate="CC=O", calculator=calculator), tmp_path).failure
    assert failure is not None
    assert (failure.kind, failure.reason) == (FailureKind.SCIENCE, "not_converged")


def test_the_workflow_is_part_of_the_source():
    other = {"type": "ase", "name": "tblite", "workflow": {"type": "ion_binding", "places": 9}}
    assert source_of(campaign()) != source_of(campaign(calculator=other))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"calculator": {"type": "ase", "name": "tblite"}},
            r"calculator\.workflow: missing; a molecules space needs a calculator with workflow type ion_binding: one of ase",
        ),
        (
            {"calculator": {"type": "chgnet", "workflow": {"type": "migration_barrier"}}},
            r"calculator\.workflow: migration_barrier does not compute a molecules space",
        ),
        ({"objective": {"unit": "eV"}}, r"objective\.unit: 'eV' is no unit of ion_binding_energy; expected kJ/mol or kcal/mol"),
        (
            {"objective": {"property": "energy_per_atom"}},
            r"objective\.property: 'energy_per_atom' is not computed; expected ion",
        ),
        ({"execution": {"polish": 3}}, r"execution\.polish: a space of type molecules has no final relaxation"),
        ({"calculator": None}, "calculator: missing; a molecules space needs one"),
    ],
    ids=str,
)
def test_a_campaign_that_cannot_be_computed_is_refused_by_key(changes, message):
    with pytest.raises(ValidationError, match=message):
        campaign(**changes)


def test_the_workflow_computes_no_crystals():
    space = {"type": "composition", "parent": {"prototype": "tavorite"}}
    with pytest.raises(ValidationError, match=r"calculator\.workflow: ion_binding does not compute a composition space"):
        campaign(space=space, objective={"unit": "eV"})
    with pytest.raises(ValidationError, match="workflow type migration_barrier: one of chgnet, sevennet, gpaw, espresso, vasp"):
        campaign(space=space, objective={"unit": "eV"}, calculator={"type": "ase", "name": "emt"})
