"""The output of attempts, on its page and by the API."""

import time

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.ground.settings import Settings

PAGE = "/campaigns/small-table/evaluations/1"
API = f"/api/v1{PAGE}/log"


@pytest.fixture
def with_jobs(site_with, make_site, tmp_path):
    """An application whose campaign's worker wrote something hostile."""
    store = site_with("a1").services.store
    resources = Resources(Settings(home=tmp_path), SiteSpec(), store, None, None)
    logs = resources.job_folder("small-table") / "logs"
    logs.mkdir(parents=True)
    # Written before the evaluation ended a moment ago, and still being written.
    (logs / f"{time.time_ns() - 60 * 10**9}-0.log").write_text("<script>alert(1)</script>\x1b[31m\npassword=hunter2\n")
    return make_site(store, given={"resources": resources})


def test_an_operator_reads_text_without_markup_codes_and_secrets(with_jobs):
    browser = with_jobs.logged_in(Role.OPERATOR)
    assert f'data-poll="{PAGE}/log"' in browser.get(PAGE).text
    answer = browser.get(f"{PAGE}/log")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "hunter2" not in answer.text
    (attempt,) = browser.get(API).json()
    assert attempt["files"][0]["text"] == "<script>alert(1)</script>\npassword=[removed]"
    assert attempt["folder"].endswith("spool/small-table")
    assert browser.get(API.replace("/1/", "/9/")).status_code == 404


def test_a_viewer_reads_no_log(with_jobs):
    browser = with_jobs.logged_in(Role.VIEWER)
    assert "Log of the attempts" not in browser.get(PAGE).text
    assert [browser.get(path).status_code for path in (f"{PAGE}/log", API)] == [403, 403]


def test_a_server_without_a_site_says_so(site_with):
    (attempt,) = site_with("a1").logged_in(Role.OPERATOR).get(API).json()
    assert (attempt["files"], attempt["folder"]) == ([], None)
    assert "no site file" in attempt["note"]
