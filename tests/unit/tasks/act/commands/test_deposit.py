"""One archive of a campaign with metadata, which another installation imports.

Besides the schema of DataCite, archives for both were checked by hand with what the tests do not install: the RO-Crate by
roc-validator 0.13 (no requirement broken), the record by the JSON schema of invenio-rdm-records 36, and entry and metadata by
nomad-lab 2.0, which parses the entry without an error and knows every key of the metadata as editable.
"""

import hashlib
import json
import re
import zipfile

import pytest
from datacite.schema45 import validator

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import LeaseOwner, Provenance
from tansaku.tasks.act.commands import deposit
from tansaku.tasks.act.commands.deposit import (
    OBSERVATIONS,
    Deposit,
    calculators_of,
    datacite,
    description_of,
    ro_crate,
    unpacked,
    write_deposit,
)
from tansaku.tasks.act.commands.export_import import import_observations
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.views.campaign import Campaign
from tests.support.alloys import FILE, NAME, alloy_store, outcome_of
from tests.support.records import campaign_record, evaluation_of, proposal_of, read_campaign

ABOUT = Deposit("zenodo", ("Curie, Marie", "Bourbaki"), "CC-BY-4.0")


@pytest.fixture
def written(tmp_path):
    artifacts = FileArtifactStore(tmp_path / "artifacts")
    names = write_deposit(Campaign.load(alloy_store(), NAME), artifacts, tmp_path / "a.zip", ABOUT)
    return tmp_path / "a.zip", names


def read(path, name):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(name))


def test_it_holds_what_continues_the_campaign_and_the_crate_lists_it(written):
    path, names = written
    assert names == [
        ".zenodo.json", "calculators.json", "cu-au.json", "cu-au.yaml", "datacite.json", "invenio-rdm.json",
        "observations.parquet", "ro-crate-metadata.json",
    ]  # fmt: skip
    graph = {part["@id"]: part for part in read(path, "ro-crate-metadata.json")["@graph"]}
    listed = {part["@id"] for part in graph["./"]["hasPart"]}
    assert listed == set(names) - {"ro-crate-metadata.json"}
    assert all(graph[name]["@type"] == "File" for name in listed)
    assert graph["./"]["license"] == {"@id": "https://creativecommons.org/licenses/by/4.0/"}


def test_the_metadata_name_creators_licence_and_contents(written):
    found = read(written[0], "datacite.json")
    assert found["creators"] == [
        {"name": "Curie, Marie", "nameType": "Personal", "familyName": "Curie", "givenName": "Marie"},
        {"name": "Bourbaki", "nameType": "Organizational"},
    ]
    assert found["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    assert "5 evaluations of the campaign cu-au (minimize formation_energy [meV/atom])" in str(found["descriptions"])
    assert read(written[0], ".zenodo.json")["creators"] == [{"name": "Curie, Marie"}, {"name": "Bourbaki"}]
    record = read(written[0], "invenio-rdm.json")["metadata"]
    assert [creator["person_or_org"] for creator in record["creators"]] == [
        {"type": "personal", "family_name": "Curie", "given_name": "Marie"},
        {"type": "organizational", "name": "Bourbaki"},
    ]
    assert (record["rights"], record["resource_type"]) == ([{"id": "cc-by-4.0"}], {"id": "dataset"})
    graph = {part["@id"]: part for part in read(written[0], "ro-crate-metadata.json")["@graph"]}
    assert [graph[author["@id"]]["@type"] for author in graph["./"]["author"]] == ["Person", "Organization"]


@pytest.mark.parametrize("repository", ["zenodo", "nomad"])
@pytest.mark.parametrize("creators", [("Curie, Marie",), ABOUT.creators])
def test_the_metadata_keep_the_schema_of_datacite(repository, creators):
    found = datacite(Campaign.load(alloy_store(), NAME), Deposit(repository, creators, "CC-BY-4.0"))
    assert list(validator.iter_errors(found)) == []
    assert list(validator.iter_errors(found | {"publisher": "Zenodo"}))  # a text, as in DataCite 4.4


def test_nomad_gets_an_entry_and_metadata_without_users_that_it_does_not_know(tmp_path):
    about = Deposit("nomad", ABOUT.creators, "CC-BY-4.0")
    data = Campaign.load(alloy_store(), NAME)
    names = write_deposit(data, FileArtifactStore(tmp_path / "artifacts"), tmp_path / "a.zip", about)
    assert {"nomad.json", "tansaku.archive.json"} <= set(names)
    metadata = read(tmp_path / "a.zip", "nomad.json")
    assert set(metadata) == {"upload_name", "description", "comment"}
    assert metadata["comment"] == "Created by Curie, Marie; Bourbaki."
    entry = read(tmp_path / "a.zip", "tansaku.archive.json")
    assert entry["data"]["m_def"] == "nomad.datamodel.metainfo.eln.ELNAnalysis"
    assert entry["data"]["name"] == entry["metadata"]["entry_name"] == metadata["upload_name"]


def computed_by(**facts: str) -> Campaign:
    provenance = Provenance(code_version="1", **facts)
    evaluation = evaluation_of(proposal_of(1, candidate="L10-AuCu"), outcome_of(-0.06, provenance=provenance))
    loaded = load_campaign(FILE)
    record = campaign_record(loaded.spec, base_path=str(loaded.base_path))
    return read_campaign(record, loaded.spec, [evaluation])


def test_the_metadata_name_models_with_hashes_and_licences():
    data = computed_by(code="lammps", model="Cu.eam", model_sha256="0" * 64)
    graph = {part["@id"]: part for part in ro_crate(data, ABOUT, [OBSERVATIONS])["@graph"]}
    action = next(graph[part["@id"]] for part in graph["./"]["mentions"] if graph[part["@id"]]["@type"] == "CreateAction")
    code, model = (graph[part["@id"]] for part in action["instrument"])
    publisher = graph[graph["./"]["publisher"]["@id"]]
    assert (publisher["@type"], publisher["name"]) == ("Organization", "Zenodo")
    assert (code["name"], code["softwareVersion"], model["name"]) == ("lammps", "1", "Cu.eam")
    assert model["identifier"] == f"sha256:{'0' * 64}"
    licence = graph[model["license"]["@id"]]
    assert (licence["name"], licence["description"]) == ("unknown", "no calculator of the campaign file is lammps")
    assert action["result"]["@id"] in graph
    assert action["instrument"] == [{"@id": code["@id"]}, {"@id": model["@id"]}]
    assert "computed by lammps 1 with Cu.eam (licence: unknown)" in str(datacite(data, ABOUT)["descriptions"])
    assert "with EMT (licence: LGPL-2.1-or-later)" in description_of(computed_by(code="ase-emt", model="EMT"))


def test_calculators_have_the_licence_of_their_model_with_its_source():
    (known,) = calculators_of(computed_by(code="ase-emt", model="EMT"))
    assert (known["model"], known["licence"]) == ("EMT", "LGPL-2.1-or-later")
    assert known["licence_source"] == "metadata of the package ase, which has the parameters"
    (other,) = calculators_of(computed_by(code="lammps", model="Cu.eam", model_sha256="0" * 64))
    assert (other["model_sha256"], other["licence"]) == ("0" * 64, "unknown")
    assert other["licence_source"] == "no calculator of the campaign file is lammps"


def test_another_installation_imports_it(written, tmp_path):
    store = MemoryCampaignStore()
    owner = LeaseOwner(host="h", pid=1, process_started=0.0, user="u")
    path, files = unpacked(written[0], tmp_path / "out")
    done = import_observations(store, path, owner)
    assert files == {}
    assert (done.campaign, done.new, done.total) == (NAME, 5, 5)
    with pytest.raises(ConfigurationError, match="no archive that `tansaku export --for` wrote"):
        unpacked(tmp_path / "none.zip", tmp_path)


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("observations.parquet", bytes(10**6))
    with pytest.raises(ConfigurationError, match="would be 1,000,000 bytes"):
        unpacked(tmp_path / "bomb.zip", tmp_path)
    assert not (tmp_path / "observations.parquet").exists()


TABLE = b"id,x\na,0.1\n"
KEPT = f"{hashlib.sha256(TABLE).hexdigest()}/table.csv"


def test_files_that_a_campaign_keeps_are_read_by_their_hash_and_nothing_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("observations.parquet", b"PAR1")
        packed.writestr(KEPT, TABLE)
        for outside in ("../../escaped.csv", "/tmp/escaped.csv", f"{'0' * 64}/../../escaped.csv", "other.csv"):
            packed.writestr(outside, b"evil")
    path, files = unpacked(tmp_path / "a.zip", tmp_path / "out" / "in")
    assert files == {KEPT: TABLE}
    assert sorted(item.name for item in tmp_path.rglob("*") if item.is_file()) == ["a.zip", path.name]


@pytest.mark.parametrize(
    ("content", "largest", "message"),
    [
        (b"another table", 2**28, f"{KEPT} has SHA-256 {hashlib.sha256(b'another table').hexdigest()}"),
        (TABLE, 10, "its files would be 11 bytes; expected at most 10"),
    ],
)
def test_a_kept_file_that_is_another_one_or_too_large_is_refused(content, largest, message, tmp_path, monkeypatch):
    monkeypatch.setattr(deposit, "_LARGEST", largest)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("observations.parquet", b"PAR1")
        packed.writestr(KEPT, content)
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        unpacked(tmp_path / "a.zip", tmp_path / "out")


def test_an_archive_that_is_encrypted_or_damaged_is_refused(written, tmp_path):
    content = bytearray(written[0].read_bytes())
    at = content.index(b"observations.parquet")
    for place, byte in ((at - 24, 1), (at + 200, 255)):  # the flag of encryption, and a byte of the content
        other = bytearray(content)
        other[place] ^= byte
        central = other.rindex(b"observations.parquet")
        other[central - 38] ^= byte & 1 if place < at else 0
        (tmp_path / "b.zip").write_bytes(other)
        with pytest.raises(ConfigurationError, match="no archive that `tansaku export --for` wrote"):
            unpacked(tmp_path / "b.zip", tmp_path / "out")


@pytest.mark.parametrize(
    ("about", "file", "message"),
    [
        (Deposit("zenodo", (), "MIT"), "a.zip", "--creator: missing; expected a name"),
        (Deposit("nomad", ("A, B",), "mine"), "a.zip", "--licence: 'mine' is not known; expected one of CC-BY-4.0"),
        (Deposit("nomad", ("A, B",), "MIT"), "a.zip", "--licence: NOMAD publishes data under CC-BY-4.0 alone, not MIT"),
        (Deposit("zenodo", ("A, B",), "MIT"), "a.tar", "does not end in .zip"),
    ],
)
def test_a_wrong_description_is_refused(about, file, message, tmp_path):
    with pytest.raises(ConfigurationError, match=message):
        write_deposit(Campaign.load(alloy_store(), NAME), FileArtifactStore(tmp_path), tmp_path / file, about)
