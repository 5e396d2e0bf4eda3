"""Data sets: their list in pages, the oldest first; what each holds, and its file."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from ase import Atoms

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.surrogates import Example
from tansaku.tasks.node.jobs.dataset_files import write_hdf5
from tansaku.tasks.read.views import datasets
from tests.support.records import dataset_record, model_record

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_data_sets_are_listed_in_pages(site):
    for number in range(3):
        record = dataset_record(sha256=f"{number}" * 64, structures=number, created_at=NOON + timedelta(hours=number))
        site.services.registry.add_dataset(record)
    browser = site.logged_in(Role.VIEWER)
    first = browser.get("/api/v1/datasets?limit=2").json()
    assert [item["structures"] for item in first["items"]] == [0, 1]
    assert "artifact" not in first["items"][0]
    rest = browser.get("/api/v1/datasets", params={"limit": 2, "after": first["next"]}).json()
    assert [item["structures"] for item in rest["items"]] == [2]
    assert (rest["next"], rest["unreadable"]) == (None, [])
    assert browser.get("/api/v1/datasets?after=gone").json()["key"] == "after"
    assert site.browser().get("/api/v1/datasets").status_code == 401


@pytest.fixture
def stored(site, tmp_path, require):
    """A data set of two structures, which a model learned from."""
    require("h5py")
    examples = [
        Example("a", "first", Atoms("Cu2", cell=[3, 3, 9], pbc=True), {"energy": np.array(-6.0), "forces": np.zeros((2, 3))}),
        Example("b", "<b>second</b>", Atoms("Cu", cell=[3, 3, 3], pbc=True), {"energy": np.array(-4.0), "gap": np.array(1.5)}),
    ]
    services = site.services
    artifact = services.artifacts.put(write_hdf5(examples, tmp_path / "data.h5", {}))
    known = {"groups": {"first": "training", "<b>second</b>": "held_out"}, "structures": 2, "failed": 1, "atoms": 3}
    spec = {"source": {"type": "observed", "campaign": "lost", "horizon": 3}}
    record = dataset_record(name="copper", artifact=artifact, properties=("energy", "forces", "gap"), spec=spec, **known)
    services.registry.add_dataset(record)
    services.registry.add_model(model_record(name="learned"))
    return record


def test_a_data_set_has_sizes_ranges_units_origin_and_users(site, stored):
    viewer = site.logged_in(Role.VIEWER)
    found = viewer.get(f"/api/v1/datasets/{stored.sha256}").json()
    assert (found["campaigns"], found["models"], found["problem"]) == (["lost"], ["learned@1"], "")
    content = found["content"]
    assert (content["smallest"], content["largest"], content["elements"]) == (1, 2, {"Cu": 3})
    assert content["members"] == {"<b>second</b>": 1, "first": 1}
    ranges = {item["name"]: (item["unit"], item["count"], item["lowest"], item["highest"]) for item in content["properties"]}
    assert ranges == {
        "energy": ("eV/atom", 2, -4.0, -3.0),
        "forces": ("eV/Angstrom", 6, 0.0, 0.0),
        "gap": ("", 1, 1.5, 1.5),
    }
    page = viewer.get(f"/datasets/{stored.sha256}").text
    assert "lost, which is not stored here" in page
    assert '<a href="/models/learned@1">learned@1</a>' in page
    assert "&lt;b&gt;second&lt;/b&gt;" in page
    assert "<b>second" not in page
    assert f'<a href="/datasets/{stored.sha256}">copper</a>' in viewer.get("/datasets").text
    assert viewer.get(f"/datasets/{'0' * 64}").status_code == 404


def test_a_data_set_is_downloaded_in_two_forms(site, stored, monkeypatch):
    viewer = site.logged_in(Role.VIEWER)
    path = f"/api/v1/datasets/{stored.sha256}/file"
    whole = viewer.get(path)
    assert whole.content.startswith(b"\x89HDF")
    assert whole.headers["Content-Disposition"] == "attachment; filename*=UTF-8''copper.h5"
    text = viewer.get(path, params={"form": "extxyz"}).text
    assert (text.count("Lattice="), text.count("energy=-6.0")) == (2, 1)
    monkeypatch.setattr(datasets, "MOST_CONVERTED", 2)
    assert "HDF5" in viewer.get(path, params={"form": "extxyz"}).json()["detail"]


def test_a_data_set_without_its_file_is_shown_with_what_is_known(site):
    site.services.registry.add_dataset(dataset_record())
    page = site.logged_in(Role.VIEWER).get(f"/datasets/{'a' * 64}").text
    assert "file mine.extxyz" in page
    assert 'class="problem"' in page
