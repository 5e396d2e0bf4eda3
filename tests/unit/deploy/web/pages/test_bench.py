"""Methods compared on a table by a form: progress, table, figure; refusals; cancelling."""

from __future__ import annotations

import csv
import re

import pytest

from tansaku.models.domain.accounts import Role

API = "/api/v1/benchmarks"
SPEC = """\
schema_version: 1
name: rows
space:
  type: table
  candidates: twelve.csv
  columns: {id: id, value: value}
  features: {place: {columns: [x]}}
objective: {unit: eV}
proposer: {type: gp, initial_points: 2}
budget: {evaluations: 8}
"""
TABLE = "id,value,x\n" + "".join(f"r{number},{(number - 7) ** 2},{number}\n" for number in range(12))


@pytest.fixture
def browser(site):
    found = site.with_session(Role.OPERATOR)
    assert found.upload("twelve.csv", TABLE).status_code == 201
    return found


def test_methods_are_compared_on_the_table_of_a_spec(site, browser):
    answer = browser.submit("/bench", {"spec": SPEC, "seeds": "2", "methods": "random, default"}, "/new")
    assert answer.status_code == 303, answer.text
    address = answer.headers["Location"]
    identifier = address.rpartition("/")[2]
    found = browser.get(f"{API}/{identifier}?wait=20").json()
    assert found["state"] == "valid", found
    rows = found["comparison"]["rows"]
    assert [row["method"] for row in rows] == ["random", "default"]
    assert all(row["mean_gap"] == sorted(row["mean_gap"], reverse=True) for row in rows)
    page = browser.get(address).text
    assert re.findall(r'<tr><th scope="row">(\w+)</th>', page) == ["random", "default"]
    drawing = f"{API}/{identifier}/drawing"
    assert f'data-take="{drawing}"' in page
    assert browser.get(f"{drawing}?form=svg").text.count("<svg") == 1
    gaps = list(csv.DictReader(browser.get(f"{drawing}?form=csv").text.splitlines()))
    assert {row["method"] for row in gaps} == {"random", "default"}
    assert all(float(row["lower"]) <= float(row["mean"]) <= float(row["upper"]) for row in gaps)
    table = browser.get(f"{address}/table.csv").text.splitlines()
    assert table[0].startswith("method,")
    assert [line.partition(",")[0] for line in table[1:]] == ["random", "default"]
    assert f'<a href="{address}">rows</a>' in browser.get("/bench").text
    assert address not in site.with_session(Role.ADMIN).get("/bench").text, "others may not know the campaign"
    again = browser.submit("/bench", {"spec": SPEC, "seeds": "2", "methods": "random, default"}, "/new")
    assert again.headers["Location"] == address


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"seeds": "0"}, "greater than or equal to 1"),
        ({"seeds": "many"}, "valid integer"),
        ({"seeds": "2", "methods": ",".join(["random"] * 9)}, "at most 8"),
    ],
)
def test_what_cannot_be_compared_is_refused(browser, fields, said):
    answer = browser.submit("/bench", {"spec": SPEC, **fields}, "/new")
    assert (answer.status_code, said in answer.text) == (422, True), answer.text


@pytest.mark.parametrize(
    ("spec", "methods", "said"),
    [
        (SPEC, "rnadom", "did you mean"),
        (SPEC, "default+auto", "expected some of random"),
        (SPEC.replace("twelve", "none"), "random", "none.csv"),
        ("a: [", "random", "not valid YAML"),
    ],
)
def test_a_wrong_spec_or_method_is_named(browser, spec, methods, said):
    answer = browser.submit("/bench", {"spec": spec, "seeds": "1", "methods": methods}, "/new")
    address = answer.headers["Location"]
    browser.get(f"{API}/{address.rpartition('/')[2]}?wait=20")
    page = browser.get(address).text
    assert "cannot be done" in page
    assert said in page.replace("&#39;", "'"), page
    assert browser.get(f"{API}/{address.rpartition('/')[2]}/drawing").status_code == 404
    assert browser.get(f"{address}/table.csv").status_code == 404


def test_viewers_compare_nothing(site, browser):
    viewer = site.with_session(Role.VIEWER)
    assert viewer.get("/bench").status_code == 403
    assert browser.get("/bench/nothing").status_code == 404
    cancelled = browser.submit("/bench/nothing/cancellation", {}, "/new")
    assert cancelled.headers["Location"] == "/bench/nothing"


def test_the_form_of_a_table_leads_to_it(browser):
    assert 'formaction="/bench"' in browser.get("/new/table").text
