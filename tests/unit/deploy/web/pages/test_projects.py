"""The pages of projects: each change by a form, shown to those who may, refused at its field."""

from __future__ import annotations

import pytest

from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.conftest import SPEC

NAME, PAGE, API = "small-table", "/projects/tilt", "/api/v1"


@pytest.fixture
def site(site_with):
    return site_with("a1", "a3")


@pytest.fixture
def owner(site):
    browser = site.with_session(Role.OPERATOR)
    made = browser.submit("/projects", {"name": "tilt", "private": "yes"}, "/projects")
    assert (made.status_code, made.headers["Location"]) == (303, PAGE)
    return browser


def test_an_operator_creates_one_and_every_form_changes_it(site, owner):
    assert owner.submit(f"{PAGE}/members", {"user": "viewer", "role": "viewer"}).status_code == 303
    assert owner.submit(f"{PAGE}/tags", {"tags": "copper,  twin   boundary ,"}).status_code == 303
    assert owner.submit(f"{PAGE}/notes", {"notes": "# Plan\r\n<script>x</script> *now*", "revision": "3"}).status_code == 303
    page = owner.get(PAGE).text
    assert "<h3>Plan</h3>" in page
    assert "<em>now</em>" in page
    assert "<script>x" not in page
    assert "twin boundary" in page
    assert ">viewer</th><td>viewer</td>" in page
    assert owner.submit(f"{PAGE}/removals", {"user": "viewer"}).status_code == 303
    assert owner.submit(f"{PAGE}/privacy", {"private": "no"}).status_code == 303
    assert "tilt" in site.with_session(Role.VIEWER).get("/projects").text
    actions = sorted(entry.action for entry in site.services.accounts.audit(subject="project:tilt"))
    assert actions == [f"project.{kind}" for kind in ("create", "expel", "member", "notes", "privacy", "tags")]


def test_campaigns_are_cards_with_state_and_best_and_are_moved_from_their_page(site, owner):
    assert "It has no campaigns" in owner.get(PAGE).text
    assert owner.submit(f"/campaigns/{NAME}/project", {"project": "tilt"}).status_code == 303
    card = owner.get(PAGE).text.partition(f'<a href="/campaigns/{NAME}">')[2].partition("</li>")[0]
    assert 'class="badge' in card
    assert "best" in card
    assert "2 evaluations, 1 failed" in card
    assert 'It belongs to <a href="/projects/tilt">' in owner.get(f"/campaigns/{NAME}").text
    assert owner.submit(f"/campaigns/{NAME}/project", {"project": ""}).status_code == 303
    assert "It has no campaigns" in owner.get(PAGE).text
    assert owner.submit(f"/campaigns/{NAME}/project", {"project": "none-such"}).status_code == 404


def test_a_campaign_is_put_into_a_project_on_the_page_of_the_project(site, owner):
    assert f"<option>{NAME}</option>" in owner.get(PAGE).text
    assert owner.submit(f"{PAGE}/campaigns", {"campaign": NAME}).status_code == 303
    page = owner.get(PAGE).text
    assert f'<a href="/campaigns/{NAME}">{NAME}</a>' in page
    assert "Put a campaign into it" not in page  # there is no other
    assert owner.submit(f"{PAGE}/campaigns", {"campaign": "nowhere"}).status_code == 404
    assert "<footer>tansaku 0." in page
    viewer = site.with_session(Role.VIEWER)
    assert viewer.submit(f"{PAGE}/campaigns", {"campaign": NAME}, "/").status_code in (403, 404)


def test_a_new_campaign_is_created_in_a_project(site, owner):
    owner.upload()
    page = owner.get("/new?project=tilt").text
    assert "<option selected>tilt</option>" in page
    fields = {"spec": SPEC, "action": "create", "project": "tilt"}
    assert owner.submit("/new", fields, "/new").headers["Location"] == "/campaigns/rows"
    assert site.services.accounts.project_of(site.services.store.campaign_id("rows")) == "tilt"
    assert site.with_session(Role.VIEWER).get("/campaigns/rows").status_code == 404
    assert "<option selected>tilt</option>" in owner.get("/new?copy=rows").text


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/projects", {"name": "Tilt $x", "private": "yes"}, "expected up to 63"),
        ("/projects", {"name": '{"$gt": ""}', "private": "yes"}, "expected up to 63"),
        (f"{PAGE}/members", {"user": "nobody", "role": "viewer"}, "no user"),
        (f"{PAGE}/members", {"user": '{"$ne": 1}', "role": "viewer"}, "no user"),
        (f"{PAGE}/members", {"user": "viewer", "role": "king"}, "expected one of viewer, operator, owner"),
        (f"{PAGE}/removals", {"user": "operator"}, "nobody would be left"),
        (f"{PAGE}/tags", {"tags": "x" * 41}, "at most 40 characters"),
        (f"{PAGE}/notes", {"notes": "x" * 20_001, "revision": "1"}, "20,001 characters"),
        (f"{PAGE}/notes", {"notes": "x", "revision": "7"}, "changed in the meantime"),
    ],
)
def test_a_refused_form_says_why_and_changes_nothing(site, owner, path, fields, said):
    before = site.services.accounts.projects()
    answer = owner.submit(path, fields)
    assert answer.status_code in (409, 422), answer.status_code
    assert said in answer.text
    assert site.services.accounts.projects() == before


def test_others_have_no_forms_and_may_send_none(site, owner):
    owner.submit(f"{PAGE}/members", {"user": "viewer", "role": "owner"})
    viewer = site.with_session(Role.VIEWER)
    page = viewer.get(PAGE).text
    assert 'action="/projects' not in page
    assert viewer.submit(f"{PAGE}/tags", {"tags": "x"}).status_code == 403
    assert 'action="/projects/tilt/quota"' not in owner.get(PAGE).text
    assert owner.submit(f"{PAGE}/quota", {"evaluations": "3"}).status_code == 403


def test_an_admin_sets_the_quota_which_is_shown_with_what_is_used(site, owner):
    owner.submit(f"/campaigns/{NAME}/project", {"project": "tilt"})
    admin = site.with_session(Role.ADMIN)
    for fields in ({"evaluations": "x"}, {"evaluations": "1.5"}, {"core_hours": "nan"}, {"core_hours": "-1"}):
        assert admin.submit(f"{PAGE}/quota", fields).status_code == 422
    assert admin.submit(f"{PAGE}/quota", {"evaluations": "40", "core_hours": ""}).status_code == 303
    assert "of 40</span>" in " ".join(owner.get(PAGE).text.split())
