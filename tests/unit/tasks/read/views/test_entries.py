"""Results as entries of pymatgen, and the phase diagram that pymatgen makes of them."""

import json

import pytest

from tansaku.calculators.structures.export import write_structure
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Provenance, Quantity
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tansaku.tasks.read.views.entries import campaign_entries, write_entries, write_summaries
from tansaku.tasks.read.views.hull import campaign_hull
from tests.support.alloys import ENERGIES, FILE, alloys, outcome_of
from tests.support.records import campaign_record, evaluation_of, proposal_of, read_campaign

ELEMENTS = {"Cu-fcc": -0.02, "Au-fcc": -0.01}


@pytest.fixture
def artifacts(tmp_path):
    return FileArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def campaign(tmp_path, artifacts, require):
    require("pymatgen")
    loaded = load_campaign(FILE)
    space = open_space(loaded.spec.space, loaded.base_path)
    found = []
    for item in alloys(ENERGIES | ELEMENTS):
        atoms = space.structure(item.proposal.candidate)
        energy = item.outcome.quantities["energy_per_atom"].value * len(atoms)
        outcome = item.outcome.model_copy(
            update={
                "quantities": item.outcome.quantities | {"energy": Quantity(value=energy, unit="eV")},
                "artifacts": {STRUCTURE_FILE: artifacts.put(write_structure(atoms, tmp_path / "one.extxyz"))},
                "provenance": Provenance(code="ase", code_version="3", model="emt"),
            }
        )
        found.append(item.model_copy(update={"outcome": outcome}))
    found.append(evaluation_of(proposal_of(20, candidate="B3-AuCu"), outcome_of(-1.0)))  # its structure is not stored
    return read_campaign(campaign_record(loaded.spec, base_path=str(loaded.base_path)), loaded.spec, found)


def test_pymatgen_makes_the_same_phase_diagram_of_them(campaign, artifacts, tmp_path):
    from pymatgen.analysis.phase_diagram import PhaseDiagram
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    assert write_entries(campaign, artifacts, tmp_path / "entries.json") == 7
    read = [ComputedStructureEntry.from_dict(entry) for entry in json.loads((tmp_path / "entries.json").read_text())]
    diagram = PhaseDiagram(read)
    ours = {row["phase"]: row for row in campaign_hull(without(campaign, "B3-AuCu")).rows}
    for entry in read:
        assert diagram.get_e_above_hull(entry) == pytest.approx(ours[entry.entry_id]["energy_above_hull"], abs=1e-9)
        assert entry.structure.composition.reduced_formula == entry.reduced_formula
    first = next(entry for entry in read if entry.entry_id == "L12-AuCu3")
    assert first.parameters == {"calculator": "emt", "code": "ase", "code_version": "3", "model": "emt"}
    assert first.data == {"campaign": "cu-au", "round": 1, "source": "x"}
    assert (first.energy, first.correction) == (pytest.approx(-0.05 * len(first.structure)), 0.0)


def test_emmet_reads_the_summary_documents(campaign, artifacts, tmp_path, require):
    require("atomate2")  # which brings emmet
    from emmet.core.structure import StructureMetadata
    from emmet.core.summary import SummaryDoc

    computed = without(campaign, "B3-AuCu")
    assert write_summaries(computed, artifacts, tmp_path / "summaries.json") == 7
    documents = json.loads((tmp_path / "summaries.json").read_text())
    ours = {row["phase"]: row for row in campaign_hull(computed).rows}
    for document in documents:
        assert document.keys() <= SummaryDoc.model_fields.keys()
        read, (candidate,) = SummaryDoc.model_validate(document), document["database_IDs"]["tansaku"]
        told = StructureMetadata.from_structure(read.structure).model_dump()
        described = document.keys() & {name for name, value in told.items() if value is not None}
        assert {"formula_pretty", "composition", "nsites", "density_atomic", "chemsys", "elements"} <= described
        for name in described:
            found = read.model_dump()[name]
            assert found == (pytest.approx(told[name]) if isinstance(found, float) else told[name]), name
        assert read.formation_energy_per_atom == ours[candidate]["formation_energy"]
        assert (read.energy_above_hull, read.is_stable) == (ours[candidate]["energy_above_hull"], ours[candidate]["stable"])
        assert read.energy_per_atom == pytest.approx(ours[candidate]["energy_per_atom"])


def without(campaign, candidate):
    left = [item for item in campaign.evaluations if item.proposal.candidate != candidate]
    return read_campaign(campaign.record, campaign.spec, left)


def test_nothing_to_write_is_told(campaign, artifacts, tmp_path):
    empty = read_campaign(campaign.record, campaign.spec, alloys())
    with pytest.raises(ConfigurationError, match="no crystal with an energy and a stored structure"):
        campaign_entries(empty, artifacts)
    with pytest.raises(ConfigurationError, match="cannot be written: Is a directory"):
        write_entries(campaign, artifacts, tmp_path)
