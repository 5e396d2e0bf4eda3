"""One archive of a campaign with metadata, which another installation imports.

The metadata of such archives were checked once by the JSON schema of DataCite 4.5 and by rocrate, which are no dependencies.
"""

from __future__ import annotations

import json
import zipfile

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import LeaseOwner
from tansaku.tasks.act.commands.deposit import Deposit, unpacked, write_deposit
from tansaku.tasks.act.commands.export_import import import_observations
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.read.views.campaign import Campaign
from tests.support.alloys import NAME, alloy_store

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
        ".zenodo.json", "calculators.json", "cu-au.json", "cu-au.yaml", "datacite.json", "observations.parquet",
        "ro-crate-metadata.json",
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
        {"name": "Bourbaki", "nameType": "Personal"},
    ]
    assert found["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    assert "5 evaluations of the campaign cu-au (minimize formation_energy [meV/atom])" in str(found["descriptions"])
    assert read(written[0], ".zenodo.json")["creators"] == [{"name": "Curie, Marie"}, {"name": "Bourbaki"}]


def test_another_installation_imports_it(written, tmp_path):
    store = MemoryCampaignStore()
    owner = LeaseOwner(host="h", pid=1, process_started=0.0, user="u")
    done = import_observations(store, unpacked(written[0], tmp_path / "out"), owner)
    assert (done.campaign, done.new, done.total) == (NAME, 5, 5)
    with pytest.raises(ConfigurationError, match="no archive that `tansaku deposit` wrote"):
        unpacked(tmp_path / "none.zip", tmp_path)


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("observations.parquet", bytes(10**6))
    with pytest.raises(ConfigurationError, match="would be 1,000,000 bytes"):
        unpacked(tmp_path / "bomb.zip", tmp_path)
    assert not (tmp_path / "observations.parquet").exists()


@pytest.mark.parametrize(
    ("about", "file", "message"),
    [
        (Deposit("zenodo", (), "MIT"), "a.zip", "--creator: missing; expected a name"),
        (Deposit("nomad", ("A, B",), "mine"), "a.zip", "--licence: 'mine' is not known; expected one of CC-BY-4.0"),
        (Deposit("nomad", ("A, B",), "MIT"), "a.tar", "does not end in .zip"),
    ],
)
def test_a_wrong_description_is_refused(about, file, message, tmp_path):
    with pytest.raises(ConfigurationError, match=message):
        write_deposit(Campaign.load(alloy_store(), NAME), FileArtifactStore(tmp_path), tmp_path / file, about)
