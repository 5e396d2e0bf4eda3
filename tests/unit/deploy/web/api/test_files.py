"""Files of the library by the API."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk
from ase.io import write

from tansaku.deploy.web.api import files
from tansaku.deploy.web.errors import ProblemError
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.web import LibrarySpec, WebSpec
from tests.unit.deploy.web.conftest import SPEC, TABLE

PATH = "/api/v1/files"
SETFL = "a\nb\nc\n1 Al\n5 0.1 5 0.1 0.5\n13 26.98 4.05 fcc\n" + "0 0 0 0 0\n" * 3
"""A potential of zeros for aluminium in the format eam/alloy."""

SHA256 = hashlib.sha256(TABLE.encode()).hexdigest()


def test_a_file_is_put_under_its_hash_and_found_again(site):
    browser = site.logged_in(Role.OPERATOR)
    first = browser.change("PUT", f"{PATH}/{SHA256}?name=rows.csv", content=TABLE)
    assert first.status_code == 201, first.text
    assert {key: first.json()[key] for key in ("sha256", "name", "kind", "size", "user")} == {
        "sha256": SHA256,
        "name": "rows.csv",
        "kind": "table",
        "size": len(TABLE),
        "user": "operator",
    }
    again = browser.change("PUT", f"{PATH}/{SHA256}?name=other.csv", content=TABLE)
    (upload,) = again.json()["uploads"]
    assert (again.status_code, again.json()) == (200, first.json() | {"uploads": [upload]})
    assert (upload["user"], upload["name"]) == ("operator", "other.csv")
    with site.services.artifacts.open(SHA256) as stream:
        assert stream.read() == TABLE.encode()
    viewer = site.logged_in(Role.VIEWER)
    assert viewer.get(PATH).json() == {"items": [again.json()], "next": None}
    assert viewer.get(f"{PATH}/{SHA256}").json() == again.json()
    assert viewer.get(f"{PATH}/{'0' * 64}").status_code == 404
    assert [(entry.actor, entry.subject) for entry in site.changes("file.add")] == [("operator", f"file:{SHA256}")] * 2


def test_files_are_listed_in_pages(site):
    browser = site.logged_in(Role.OPERATOR)
    for number in range(3):
        site.clock.pass_time(1)
        assert browser.upload(f"t{number}.csv", f"id\n{number}\n").status_code == 201
    first = browser.get(f"{PATH}?limit=2").json()
    assert [item["name"] for item in first["items"]] == ["t2.csv", "t1.csv"]
    second = browser.get(f"{PATH}?limit=2&after={first['next']}").json()
    assert ([item["name"] for item in second["items"]], second["next"]) == (["t0.csv"], None)
    assert browser.get(f"{PATH}?after=none").status_code == 422
    assert browser.get(f"{PATH}?limit=501").status_code == 422


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../rows.csv", TABLE),
        ("/etc/rows.csv", TABLE),
        (".rows.csv", TABLE),
        ("a b.csv", TABLE),
        ("rows.csv%00", TABLE),
        ("rows.csv%0a", TABLE),
        ("x" * 101 + ".csv", TABLE),
        ("rows.sh", TABLE),
        ("rows.pkl", TABLE),
        ("rows.csv.gz", TABLE),
        ("rows", TABLE),
        ("", TABLE),
        ("rows.csv", ""),
        ("rows.csv", "a\0b"),
        ("rows.parquet", "no parquet"),
        ("rows.parquet", "PAR1 and nothing else"),
        ("rows.csv", "id,value\na,1,5\n"),
        ("rows.csv", f"id\n{'x' * 200_000}\n"),
        ("al.eam.alloy", "a\nb\nc\n2 Al\n"),
        ("al.cif", "data_x\n_cell_length_a nothing\n"),
        ("al.extxyz", "3\n\nAl 0 0 0\n"),
        ("al.extxyz", '1\nLattice="inf 0 0 0 5 0 0 0 5"\nAl 0 0 0\n'),
        ("al.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 5"\nAl nan 0 0\n'),
        ("al.extxyz", '1\nLattice="5 0 0 0 1e30 0 0 0 5"\nAl 0 0 0\n'),
        ("al.extxyz", "1000000000\n\nAl 0 0 0\n"),
        ("al.extxyz", '1\nLattice="5 0 0 0 5 0 0 0 5"\n<b> 0 0 0\n'),
        ("al.cif", f"data_x\n{'#' * 70_000}\0"),
        ("al.extxyz", '2\nLattice="5 0 0 0 5 0 0 0 5"\nAl 0 0 0\nAl 5 0 0\n'),
        ("al.cif", "<html><script>alert(1)</script>"),
        ("al.cif", "\x89PNG\r\n\x1a\n\0"),
        ("archive.cif", "PK\x03\x04\0"),
        ("archive.zip", "PK\x03\x04\0"),
        ("rows.csv", 'id\n"a\n'),
        ("model.safetensors", "no weights"),
    ],
)
def test_other_files_are_refused(site, name, content):
    browser = site.logged_in(Role.OPERATOR)
    answer = browser.upload(name, content)
    assert answer.status_code == 422, answer.text
    assert answer.json()["key"] in {"name", "content"}
    assert site.services.library.files() == []


def test_a_crystal_that_is_too_large_is_refused_before_it_is_parsed(site):
    answer = site.logged_in(Role.OPERATOR).upload("al.CIF", "data_x\n" + "#" * 1_000_000)
    assert (answer.status_code, answer.json()["detail"]) == (422, "content: 1,000,007 bytes; expected at most 1,000,000")
    assert site.services.desk.sandbox.uploads == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", "id;value\na;1,5\n"),
        ("water.xyz", "3\nno cell\nO 0 0 0\nH 0 0 1\nH 0 1 0\n"),
        ("al.eam.alloy", SETFL),
        ("misnamed.eam", SETFL),
    ],
)
def test_what_some_campaign_can_read_is_taken(site, name, content):
    answer = site.logged_in(Role.OPERATOR).upload(name, content)
    assert answer.status_code == 201, answer.text
    (request,) = site.services.desk.sandbox.uploads
    assert (request.task, request.file) == ("file", name)


def mutations(content: bytes, count: int) -> Iterator[bytes]:
    """Files that somebody damaged, or wrote to do harm: bytes changed, cut off, doubled, and numbers that no file has."""
    chance = random.Random(len(content))
    numbers = [b"1e400", b"-1", b"9" * 30, b"nan", b"\0", b"\xff\xfe", b"", b"(" * 50, b"\n" * 50]
    for _ in range(count):
        at, length = chance.randrange(len(content)), chance.randint(1, 8)
        ways = [
            content[:at] + bytes([content[at] ^ chance.randint(1, 255)]) + content[at + 1 :],
            content[:at],
            content[:at] + content[at - length :],
            content[:at] + chance.choice(numbers) + content[at + length :],
        ]
        yield chance.choice(ways)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "copper.cif", "copper.extxyz", "al.eam.alloy", "net.safetensors"])
def test_a_changed_file_is_taken_or_refused(site, name, tmp_path, require):
    require("pymatgen")
    require("safetensors")
    import safetensors.numpy

    if name.startswith("copper"):
        write(tmp_path / name, bulk("Cu", cubic=True))
    elif name == "rows.parquet":
        pd.DataFrame({"id": ["a", "b"], "value": [1.0, 2.0]}).to_parquet(tmp_path / name)
    elif name == "net.safetensors":
        safetensors.numpy.save_file({"w": np.zeros(4)}, tmp_path / name)
    else:
        (tmp_path / name).write_text(TABLE if name == "rows.csv" else SETFL)
    browser = site.with_session(Role.OPERATOR)
    form = {"Origin": "http://localhost", "X-CSRF-Token": browser.form_token()}
    for content in mutations((tmp_path / name).read_bytes(), 25):
        answer = browser.post(f"{PATH}?name={name}", content=content, headers=form)
        assert answer.status_code in {200, 201, 422}, (content, answer.text)
        assert answer.status_code != 422 or answer.json()["key"] == "content"


def test_a_body_of_another_hash_is_refused(site):
    browser = site.logged_in(Role.OPERATOR)
    answer = browser.change("PUT", f"{PATH}/{'0' * 64}?name=rows.csv", content=TABLE)
    assert (answer.status_code, answer.json()["key"]) == (422, "sha256")
    assert browser.change("PUT", f"{PATH}/..%2F..?name=rows.csv", content=TABLE).status_code in {404, 405, 422}
    assert site.services.library.files() == []


def test_the_library_has_room_for_so_much(make_site):
    limits = WebSpec(library=LibrarySpec(file=1, total=1, files=2))
    site = make_site(given={"site": SiteSpec(web=limits)})
    browser = site.logged_in(Role.OPERATOR)
    large = ("id\n" * 2**19)[: 2**20 - 10]
    assert browser.upload("large.csv", large + "12345678901").status_code == 413

    def pieces():
        yield b"id\n" * 2**19
        yield b"x"

    answer = browser.change("POST", f"{PATH}?name=pieces.csv", content=pieces())
    assert answer.status_code == 413, answer.text
    assert browser.upload("large.csv", large).status_code == 201
    assert "full" in browser.upload("more.csv", "id\n" * 10).json()["detail"]
    assert browser.upload("one.csv", "id\n").status_code == 201
    assert "as many as it may" in browser.upload("two.csv", "i\n").json()["detail"]
    # Other bodies are as small as before.
    assert browser.change("POST", "/api/v1/campaigns", json={"spec": "x" * 2**21}).status_code == 413


def test_only_so_many_uploads_run_at_once(site, monkeypatch):
    browser = site.logged_in(Role.OPERATOR)
    with ExitStack() as others:
        for number in range(files.AT_ONCE):
            others.enter_context(files.upload_place(f"user-{number}"))
        assert browser.upload().status_code == 503
    assert browser.upload().status_code == 201


def test_one_user_s_uploads_keep_nobody_out(site):
    browser = site.logged_in(Role.OPERATOR)
    with ExitStack() as places:
        for _ in range(files.OF_A_USER):
            places.enter_context(files.upload_place("slow"))
        with pytest.raises(ProblemError, match="too many uploads"), files.upload_place("slow"):
            pass
        assert browser.upload().status_code == 201
    assert not files._UPLOADING


def test_admins_remove_what_no_campaign_uses(site):
    browser = site.logged_in(Role.OPERATOR)
    browser.upload()
    browser.upload("unused.csv", "id\n")
    unused = hashlib.sha256(b"id\n").hexdigest()
    assert browser.change("POST", "/api/v1/campaigns", json={"spec": SPEC}).status_code == 201
    assert browser.change("DELETE", f"{PATH}/{unused}").status_code == 403
    admin = site.logged_in(Role.ADMIN)
    assert admin.change("DELETE", f"{PATH}/{SHA256}").status_code == 409
    assert admin.change("DELETE", f"{PATH}/{unused}").status_code == 204
    assert admin.change("DELETE", f"{PATH}/{unused}").status_code == 404
    assert [file.name for file in site.services.library.files()] == ["rows.csv"]
    assert [(entry.actor, entry.before["name"]) for entry in site.changes("file.remove")] == [("admin", "unused.csv")]
