"""The OPTIMADE view of a server: answers of every address by the models of the package, errors, roles, and other clients."""

from __future__ import annotations

import sys
from urllib.parse import quote

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import SlowQueryError
from tansaku.tasks.read.views.optimade import filters
from tests.support.alloys import ENERGIES, store_crystals
from tests.unit.client.conftest import dashboard

__all__ = ["dashboard"]

BASE = "/optimade/v1"


@pytest.fixture
def reader(site, tmp_path, require):
    """A viewer's browser on a server with five structures."""
    require("optimade")
    store_crystals(site.services.store, site.services.artifacts, tmp_path)
    return site.with_session(Role.VIEWER)


def structures(reader, **parameters):
    query = "&".join(f"{name}={quote(str(value))}" for name, value in parameters.items())
    return reader.get(f"{BASE}/structures?{query}")


def refused(answer, status, said):
    from optimade.models import ErrorResponse

    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/vnd.api+json"
    (error,) = ErrorResponse.model_validate(answer.json()).errors
    assert error.status == str(status)
    assert said in error.detail


def test_answers_are_those_of_the_specification(reader):
    from optimade import models

    found = structures(reader).json()
    (first, *_) = found["data"]
    for path, model in (
        ("info", models.InfoResponse),
        ("info/structures", models.EntryInfoResponse),
        ("links", models.LinksResponse),
        ("structures", models.StructureResponseMany),
        (f"structures/{first['id']}", models.StructureResponseOne),
    ):
        answer = reader.get(f"{BASE}/{path}")
        assert answer.status_code == 200, answer.text
        read = model.model_validate(answer.json())
        assert read.meta.query.representation == f"/{path}"
    for entry in found["data"]:  # the model of a list takes any objects
        models.StructureResource.model_validate(entry)
    assert found["meta"]["data_returned"] == len(ENERGIES)
    versions = reader.get("/optimade/versions")
    assert (versions.text, versions.headers["Content-Type"].split(";")[0]) == ("version\n1\n", "text/csv")


def test_pages_follow_each_other_with_the_same_question(reader):
    asked = {"filter": "nelements=2", "page_limit": 2, "response_fields": "nsites,_tansaku_candidate", "sort": "_tansaku_value"}
    found, answer = [], structures(reader, **asked).json()
    while True:
        found += answer["data"]
        assert answer["meta"]["more_data_available"] is (answer["links"]["next"] is not None)
        if answer["links"]["next"] is None:
            break
        answer = reader.get(answer["links"]["next"]).json()
    assert [set(entry["attributes"]) for entry in found] == [{"nsites", "_tansaku_candidate"}] * 5
    assert [entry["attributes"]["_tansaku_candidate"] for entry in found] == sorted(ENERGIES, key=ENERGIES.get)


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"filter": "nsites ="}, 400, "cannot be read"),
        ({"filter": '{"$where": "sleep(1)"}'}, 400, "cannot be read"),
        ({"filter": "(" * 40 + "nsites=1" + ")" * 40}, 400, "brackets"),
        ({"filter": "nsites=1 OR " * 400 + "nsites=2"}, 400, "at most 2000"),
        ({"filter": "nsites = nelements"}, 501, "optional part"),
        ({"response_fields": "nsites,colour"}, 400, "no field 'colour'"),
        ({"sort": "-elements"}, 400, "cannot be sorted"),
        ({"page_limit": "0"}, 400, "page_limit"),
        ({"page_limit": "501"}, 403, "at most 500"),
        ({"page_cursor": "nowhere"}, 400, "page_cursor"),
        ({"page_offset": "3"}, 400, "no such parameter"),
        ({"_tansaku_mode": "3"}, 400, "no such parameter"),
        ({"response_format": "xml"}, 400, "expected json"),
        ({"include": "references"}, 400, "no related entries"),
    ],
)
def test_wrong_questions_are_refused_with_a_document(reader, given, status, said):
    refused(structures(reader, **given), status, said)


def test_other_addresses_and_versions_are_refused_with_a_document(reader):
    refused(reader.get(f"{BASE}/structures?sort=id&sort=id"), 400, "more than once")
    refused(reader.get(f"{BASE}/structures/none"), 404, "none")
    refused(reader.get(f"{BASE}/references"), 404, "nothing at")
    refused(reader.get("/optimade/v2/info"), 553, "expected /optimade/v1")


def test_fields_of_other_databases_are_ignored_with_a_warning(reader):
    answer = structures(
        reader, filter="nsites = 4 OR _other_gap = 3", response_fields="_other_gap,assemblies", _other_mode=1
    ).json()
    assert [entry["attributes"] for entry in answer["data"]] == [{"_other_gap": None, "assemblies": None}] * 3
    assert answer["meta"]["warnings"] == [{"type": "warning", "detail": "_other_gap is a field of another database"}]


def test_a_question_that_the_database_gives_up_is_refused(reader, site, monkeypatch):
    def slow(*_):
        raise SlowQueryError("the database was given up after 5 s")

    monkeypatch.setattr(site.services.store, "page", slow)
    refused(structures(reader), 503, "given up")


def test_only_who_may_read_may_read_here(site, reader):
    refused(site.browser().get(f"{BASE}/structures"), 401, "Authorization: Bearer")
    link = site.logged_in(Role.ADMIN).change("POST", "/api/v1/campaigns/cu-au/links", json={"days": 1}).json()["link"]
    secret = link.partition("#token=")[2]
    by_link = site.browser().get(f"{BASE}/structures", headers={"Authorization": f"Bearer {secret}"})
    refused(by_link, 403, "this link shows one campaign alone")


def test_a_missing_package_is_named(reader, monkeypatch):
    monkeypatch.setitem(sys.modules, "lark", None)
    refused(structures(reader), 501, "pip install 'tansaku[optimade]'")


def test_the_validator_and_another_client_read_a_server(dashboard, tmp_path, require, capsys):
    require("optimade")
    require("pymatgen")
    from optimade.validator import ImplementationValidator
    from pymatgen.ext.optimade import OptimadeRester

    services = dashboard.site.services
    store_crystals(services.store, services.artifacts, tmp_path)
    headers = {"Authorization": f"Bearer {dashboard.token(Role.VIEWER)}"}
    address = f"{dashboard.address}/optimade"
    validator = ImplementationValidator(base_url=f"{address}/v1", http_headers=headers, max_retries=1)
    validator.validate_implementation()
    assert validator.valid, capsys.readouterr().out
    assert validator.results.optional_failure_count == 0, validator.results.optional_failure_messages

    rester = OptimadeRester(f"{address}/")
    rester.session.headers.update(headers)
    (found,) = rester.get_structures(elements=["Au", "Cu"], nsites=[3, 4]).values()
    assert sorted(structure.composition["Cu"] for structure in found.values()) == [1, 2, 3]


def test_every_request_of_a_list_is_bounded_by_the_length_of_its_filter():
    assert filters.LONGEST * 3 < 8192  # what servers read of an address, with all characters quoted
