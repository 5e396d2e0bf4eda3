"""Searches of tables by the API and on their page."""

import csv
import re
import threading
import time

import numpy as np
import pandas as pd
import pytest

from tansaku.models.domain.accounts import Role
from tansaku.sparse.web import searching
from tansaku.tasks.act.checks.request import CheckProgress
from tansaku.tasks.act.checks.sandbox import UnwantedError

SEARCHES = "/api/v1/table-searches"
QUICK = {"target": "y", "resamples": 2, "repeats": 1}


@pytest.fixture
def browser(site, require):
    require("sklearn")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 5)), columns=["a", "b", "<c>", "d", "e"])
    frame["y"] = frame["a"] - 0.8 * frame["<c>"] + 0.1 * rng.normal(size=30)
    frame["same"] = 2.0 * frame["y"] + 1.0
    found = site.logged_in(Role.OPERATOR)
    assert found.upload("t.csv", frame.to_csv(index=False)).status_code == 201
    frame.loc[3, "b"] = np.nan
    found.upload("gaps.csv", frame.drop(columns="same").to_csv(index=False))
    found.upload("rows.parquet", frame.to_parquet())
    return found


def search(browser, file="t.csv", **question):
    body = {"file": file, "question": QUICK | {"without": ["same"]} | question}
    return browser.change("POST", f"{SEARCHES}?wait=20", json=body)


def ended(browser, address):
    """The search of a page when it has ended, also on a machine that does other work."""
    found = {"state": "running"}
    for _ in range(10):
        if found["state"] != "running":
            break
        found = browser.get(f"{SEARCHES}/{address.rpartition('/')[2]}?wait=20").json()
    return found


def test_the_columns_that_made_the_target_are_found(browser, site):
    answer = search(browser)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["state"] == "valid", found["problems"]
    assert set(found["search"]["best"]["columns"]) == {"a", "<c>"}
    assert found["search"]["feature_posterior"]["a"] > 0.99
    assert [file["name"] for file in found["files"]] == ["t.csv"]
    assert browser.get(f"{SEARCHES}/{found['id']}").json() == found
    # The same question is not searched again.
    assert search(browser).json()["id"] == found["id"]
    assert len(site.services.desk.sandbox.requests) == 1
    assert found["stage"] == ""


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"without": []}, "leaks into 'same'"),
        ({"file": "gaps.csv", "without": []}, "missing or infinite values in 'b' (1 rows)"),
    ],
)
def test_tables_and_questions_that_do_not_fit_are_named(browser, question, said):
    answer = search(browser, **question).json()
    assert answer["state"] == "invalid"
    told = " ".join(item["message"] for item in answer["problems"])
    assert said in told
    assert "--" not in told
    assert "/" not in told


@pytest.mark.parametrize(
    ("question", "said"),
    [({"target": "z"}, "target: no column 'z' in t.csv"), ({"without": ["same", "q"]}, "without: no column 'q' in t.csv")],
)
def test_columns_that_a_table_lacks_are_refused_before_anything_waits(browser, site, question, said):
    answer = search(browser, **question)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert site.services.desk.sandbox.requests == []


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("none.csv", "no file 'none.csv' is in the library"),
        ("../t.csv", "paths cannot be given"),
        ("rows.parquet", "expected a CSV file"),
    ],
)
def test_other_files_are_refused(browser, site, file, said):
    answer = search(browser, file)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert site.services.desk.sandbox.requests == []


@pytest.mark.parametrize("question", [{"max_features": 9}, {"max_features": 0}, {"target": ""}, {"unknown": 1}])
def test_values_out_of_range_are_refused(browser, question):
    [key] = question
    answer = search(browser, **question)
    assert answer.status_code == 422
    assert key in answer.text


def test_the_page_shows_the_report(browser):
    sent = browser.submit("/sparse", {"file": "t.csv", "target": "y", "max_features": "2", "without": "same\n"}, "/sparse")
    assert sent.status_code == 303
    address = sent.headers["Location"]
    assert ended(browser, address)["state"] == "valid"
    page = browser.get(address).text
    assert "Which columns explain y" in page
    assert re.search(r'<th scope="row">(a, &lt;c&gt;|&lt;c&gt;, a)</th>', page)
    assert "<c>" not in page
    assert "LASSO" in page
    assert "data-poll" not in page


def test_the_figures_of_a_report_are_taken(browser):
    found = search(browser).json()
    drawings = f"{SEARCHES}/{found['id']}/drawings"
    columns = list(csv.DictReader(browser.get(f"{drawings}/columns?form=csv").text.splitlines()))
    assert {row["column"]: float(row["probability"]) for row in columns} == found["search"]["feature_posterior"]
    density = list(csv.DictReader(browser.get(f"{drawings}/density?form=csv").text.splitlines()))
    assert list(density[0]) == ["from [nats]", "to [nats]", "log10 of the number of sets"]
    assert len(density) == len(found["search"]["density_of_states"]["log_count"])
    for figure in ("columns", "density"):
        assert browser.get(f"{drawings}/{figure}").content.startswith(b"\x89PNG")
        assert "#ffffff" not in browser.get(f"{drawings}/{figure}?form=svg&scheme=dark").text
    assert browser.get(f"{drawings}/nothing").status_code == 404


def test_the_size_is_told_before_a_search_begins(browser, site):
    fields = {"file": "t.csv", "target": "y", "max_features": "2", "without": "same\n"}
    page = browser.submit("/sparse", fields | {"size": "yes"}, "/sparse")
    assert page.status_code == 200
    # The empty set, five single columns and ten pairs.
    assert re.search(
        r'id="size" role="status">16 sets of up to 2 of 5 columns, 30 rows; all are judged. About \d+ seconds?,', page.text
    )
    assert 'value="y"' in page.text
    assert 'id="searches-title"' not in page.text
    assert site.services.checks.asked(searching.Asked) == []
    wrong = browser.submit("/sparse", fields | {"size": "yes", "target": "z"}, "/sparse")
    assert wrong.status_code == 422
    assert "no column &#x27;z&#x27;" in wrong.text
    told = browser.change(
        "POST", f"{SEARCHES}?wait=20", json={"file": "t.csv", "only_size": True, "question": QUICK | {"without": ["same"]}}
    )
    assert (told.json()["size"]["supports"], told.json()["search"]) == (26, None)
    assert told.json()["size"]["limit"] == site.services.site.web.sandbox.rehearsal_seconds


def test_a_search_is_cancelled_and_can_begin_again(browser, site, monkeypatch):
    ended = threading.Event()

    def endless(_, watch):
        watch.on_progress(CheckProgress(done=7, total=100, stage="resampling"))
        while watch.wanted():
            time.sleep(0.01)
        ended.set()
        raise UnwantedError("nobody waits")

    monkeypatch.setattr(site.services.desk.sandbox, "ask", endless)
    fields = {"file": "t.csv", "target": "y", "max_features": "1", "without": "same\n"}
    address = browser.submit("/sparse", fields, "/sparse").headers["Location"]
    until = time.monotonic() + 10
    while "resampling: 7 %" not in browser.get("/sparse").text and time.monotonic() < until:
        time.sleep(0.01)
    assert 'data-poll="/sparse"' in browser.get("/sparse").text
    assert ">Cancel</button>" in browser.get(address).text
    assert browser.submit(f"{address}/cancellation", {}, address).headers["Location"] == address
    assert ended.is_set()
    page = browser.get(address).text
    assert "cancelled by operator" in page
    assert ("data-poll" in page, ">Cancel</button>" in page) == (False, False)
    assert "cancelled by operator" in browser.get("/sparse").text
    (entry,) = site.changes("search.cancel")
    assert (entry.actor, entry.before["state"], entry.after["state"]) == ("operator", "running", "cancelled")
    assert (entry.after["file"], entry.after["target"]) == ("t.csv", "y")
    # Nothing runs: a second command changes nothing, and the same question is searched again.
    browser.submit(f"{address}/cancellation", {}, address)
    assert browser.change("DELETE", f"{SEARCHES}/none").status_code == 404
    assert len(site.changes("search.cancel")) == 1
    ended.clear()
    assert browser.submit("/sparse", fields, "/sparse").headers["Location"] == address
    assert "cancelled" not in browser.get(address).text
    identifier = address.rpartition("/")[2]
    assert browser.change("DELETE", f"{SEARCHES}/{identifier}").json()["state"] == "cancelled"
    assert ended.is_set()
    _, entry = site.changes("search.cancel")
    assert (entry.actor, entry.address) == ("operator", "testclient")


def test_a_form_that_is_refused_keeps_what_was_typed(browser):
    sent = browser.submit("/sparse", {"file": "t.csv", "target": "yield", "max_features": "many"}, "/sparse")
    assert sent.status_code == 422
    assert 'value="yield"' in sent.text
    assert "many" in re.search(r'<p class="problem" id="problem-sparse-max_features".*', sent.text)[0]
    failed = browser.submit("/sparse", {"file": "t.csv", "target": "yield", "max_features": "2"}, "/sparse")
    assert failed.status_code == 422
    assert "no column" in re.search(r'<p class="problem" id="problem-sparse-target".*', failed.text)[0]
    assert browser.get("/sparse/none").status_code == 404
