"""Projects by the API: who may what, quotas before anything is spent, writes that are killed, hostile values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tansaku.deploy.web import creating, projecting
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import InvalidSpecError
from tansaku.models.domain.projects import Quota
from tansaku.models.domain.roles import ProjectRole
from tests.support.killed_writes import KilledError, MortalStore
from tests.unit.deploy.web.conftest import SPEC

NAME, API = "small-table", "/api/v1"
PROJECT = f"{API}/projects/tilt"
ADA = Actor(name="operator", role=Role.OPERATOR)
BODIES = {
    ("GET", PROJECT): None,
    ("PUT", f"{PROJECT}/members/admin"): {"role": "viewer"},
    ("DELETE", f"{PROJECT}/members/admin"): None,
    ("PUT", f"{PROJECT}/notes"): {"notes": "why"},
    ("PUT", f"{PROJECT}/tags"): {"tags": ["copper"]},
    ("PUT", f"{PROJECT}/quota"): {"evaluations": 1000, "core_hours": None},
    ("PUT", f"{PROJECT}/privacy"): {"private": True},
    ("PUT", f"{API}/campaigns/own/project"): {"project": "tilt"},
    ("GET", f"{API}/campaigns/{NAME}"): None,
    ("POST", f"{API}/campaigns/{NAME}/runs"): None,
}
LOOK, WORK, OWN = {"GET"}, {"notes", "tags", "project", "runs"}, {"admin", "privacy"}
"""Ends of the addresses that viewers, operators and owners of a project may use, each also those before."""


@pytest.fixture
def site(site_with):
    """The admin's project with a campaign of the operator; the viewer is an operator of the site and owns a campaign."""
    site = site_with("a1", "a3")
    accounts, store = site.services.accounts, site.services.store
    accounts.replace_user(accounts.user("viewer").model_copy(update={"role": Role.OPERATOR}))
    record = store.campaign(NAME)
    own = {"id": "own-id", "name": "own", "owner": "viewer", "spec": record.spec | {"name": "own"}}
    store.create_campaign(record.model_copy(update=own))
    admin = site.with_session(Role.ADMIN)
    assert admin.change("POST", f"{API}/projects", json={"name": "tilt"}).status_code == 201
    assert admin.change("PUT", f"{API}/campaigns/{NAME}/project", json={"project": "tilt"}).status_code == 200
    return site


def may(role: ProjectRole | None, method: str, path: str) -> bool:
    if role is None:
        return False
    end = path.rpartition("/")[2]
    return (
        method in LOOK
        or (role.includes(ProjectRole.OPERATOR) and end in WORK)
        or (role.includes(ProjectRole.OWNER) and end in OWN)
    )


@pytest.mark.parametrize("role", [None, *ProjectRole])
def test_each_role_in_a_project_may_use_its_routes_and_no_others(site, role):
    if role is not None:
        site.services.accounts.replace_project(
            site.services.accounts.project("tilt").model_copy(
                update={"members": site.services.accounts.project("tilt").with_member("viewer", role, site.clock())}
            )
        )
    browser = site.with_session(Role.VIEWER)
    for (method, path), body in BODIES.items():
        answer = browser.change(method, path, key="key-of-the-role", **({} if body is None else {"json": body}))
        if may(role, method, path):
            assert answer.status_code < 300, (path, answer.text)
        else:
            closed = 404 if role is None and not path.endswith("/quota") else 403
            assert answer.status_code == closed, (path, answer.status_code)


def test_a_viewer_of_the_site_only_looks_whatever_the_project_says(site):
    accounts, admin = site.services.accounts, site.with_session(Role.ADMIN)
    accounts.replace_user(accounts.user("viewer").model_copy(update={"role": Role.VIEWER}))
    assert admin.change("PUT", f"{PROJECT}/members/viewer", json={"role": "owner"}).status_code == 200
    browser = site.with_session(Role.VIEWER)
    assert browser.get(PROJECT).json()["role"] == "viewer"
    for (method, path), body in BODIES.items():
        answer = browser.change(method, path, key="key-of-the-role", **({} if body is None else {"json": body}))
        assert answer.status_code == (200 if method == "GET" else 403), path


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{API}/projects", {"name": {"$gt": ""}}),
        ("POST", f"{API}/projects", {"name": "$where"}),
        ("POST", f"{API}/projects", {"name": "../x"}),
        ("POST", f"{API}/projects", {"name": "x", "members": []}),
        ("PUT", f"{PROJECT}/members/viewer", {"role": {"$ne": None}}),
        ("PUT", f"{PROJECT}/members/%24ne", {"role": "viewer"}),
        ("PUT", f"{PROJECT}/members/{'x' * 300}", {"role": "viewer"}),
        ("PUT", f"{PROJECT}/notes", {"notes": ["x"]}),
        ("PUT", f"{PROJECT}/notes", {"notes": "x" * 20_001}),
        ("PUT", f"{PROJECT}/tags", {"tags": [{"$set": 1}]}),
        ("PUT", f"{PROJECT}/tags", {"tags": ["x"] * 21}),
        ("PUT", f"{PROJECT}/quota", {"evaluations": -1}),
        ("PUT", f"{PROJECT}/quota", {"core_hours": "inf"}),
        ("PUT", f"{PROJECT}/quota", {"evaluations": 1e300}),
        ("PUT", f"{API}/campaigns/{NAME}/project", {"project": {"$ne": ""}}),
        ("PUT", f"{API}/campaigns/{NAME}/project", {}),
    ],
)
def test_hostile_values_are_refused_by_name(site, method, path, body):
    before = site.services.accounts.projects()
    answer = site.with_session(Role.ADMIN).change(method, path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["key"]
    assert site.services.accounts.projects() == before


def test_notes_are_stored_as_typed_without_control_characters(site):
    browser = site.with_session(Role.ADMIN)
    text = "# $where: {}\r\n\u00a0é\u200d <script>\x1b[31m\x00"
    answer = browser.change("PUT", f"{PROJECT}/notes", json={"notes": text})
    assert answer.json()["notes"] == "# $where: {}\n\u00a0é\u200d <script>[31m"
    tag = answer.headers["ETag"]
    assert browser.change("PUT", f"{PROJECT}/notes", headers={"If-Match": tag}, json={"notes": "two"}).status_code == 200
    assert browser.change("PUT", f"{PROJECT}/notes", headers={"If-Match": tag}, json={"notes": "three"}).status_code == 409


@pytest.fixture
def limited(site):
    """The operator owns a project with a quota, and has uploaded the table."""
    operator, admin = site.with_session(Role.OPERATOR), site.with_session(Role.ADMIN)
    operator.upload()
    assert operator.change("POST", f"{API}/projects", json={"name": "small"}).status_code == 201
    assert admin.change("PUT", f"{API}/projects/small/quota", json={"evaluations": 3}).status_code == 200
    return site


def created(browser, name: str = "rows", **changes: str):
    text = SPEC.replace("name: rows", f"name: {name}")
    for old, new in changes.items():
        text = text.replace({"evaluations": "evaluations: 2"}[old], new)
    return browser.change("POST", f"{API}/campaigns", json={"spec": text, "project": "small"})


def test_a_quota_refuses_creation_raise_move_and_run_by_name_before_anything_is_stored(limited):
    browser, store = limited.with_session(Role.OPERATOR), limited.services.store
    assert created(browser).status_code == 201
    assert browser.get(f"{API}/projects/small").json()["used"] == {"evaluations": 2, "core_hours": 0.0}
    refused = created(browser, "second")
    assert (refused.status_code, refused.json()["key"]) == (422, "budget.evaluations")
    assert "its other campaigns have 2; expected at most 1" in refused.text
    assert "second" not in store.campaign_names()
    assert created(browser, "third", evaluations="cost: 2").json()["detail"].startswith("budget.evaluations: missing")

    def raised(value: int):
        tag = {"If-Match": browser.get(f"{API}/campaigns/rows").headers["ETag"]}
        body = {"kind": "edit", "changes": {"budget.evaluations": value}}
        return browser.change("POST", f"{API}/campaigns/rows/commands", key=f"raise-to-{value}", headers=tag, json=body)

    assert raised(4).json()["key"] == "budget.evaluations"
    assert store.campaign("rows").commands == ()
    assert raised(3).status_code == 202
    assert browser.get(f"{API}/projects/small").json()["used"]["evaluations"] == 3
    admin = limited.with_session(Role.ADMIN)
    assert admin.change("PUT", f"{API}/campaigns/own/project", json={"project": "small"}).status_code == 422
    assert limited.services.accounts.project_of("own-id") is None
    admin.change("PUT", f"{API}/projects/small/quota", json={"evaluations": 1})
    for path, key in ((f"{API}/campaigns/rows/runs", "run-rows"), (f"{API}/campaigns/rows/commands", "resume-it")):
        answer = browser.change("POST", path, key=key, json={"kind": "resume"})
        assert (answer.status_code, answer.json()["key"]) == (422, "budget.evaluations"), path
    schedule = browser.change("POST", f"{API}/schedules", key="schedule-1", json={"campaign": "rows", "cron": "1 1 * * *"})
    assert schedule.status_code == 422
    assert limited.services.requests.requests_of("rows") == []
    assert raised(1).status_code == 202, "a smaller limit is never refused"
    assert browser.change("POST", f"{API}/campaigns/rows/runs", key="run-rows").status_code == 202


def test_two_creations_at_once_share_a_quota(limited):
    """The second is judged with the first one stored, whenever it was admitted."""
    desk = limited.services.desk
    first, second = (desk.admit(ADA, SPEC.replace("name: rows", f"name: {name}")) for name in ("one", "two"))
    places = [projecting.placing(limited.services, ADA, "small") for _ in range(2)]
    desk.create(ADA, first, "", places[0])
    with pytest.raises(InvalidSpecError, match=r"budget\.evaluations: 2; project 'small' has a quota of 3 evaluations"):
        desk.create(ADA, second, "", places[1])


def make(services) -> None:
    projecting.changes(services, ADA).create("new", private=True, owner="operator")


def add(services) -> None:
    projecting.changes(services, ADA).set_member("tilt", "viewer", ProjectRole.VIEWER)


def move(services) -> None:
    projecting.changes(services, ADA).move(services.store.campaign("own"), "tilt")


WRITES = {make: "add_project", add: "replace_project", move: "place_campaign"}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", ["append_audit", "the write"])
@pytest.mark.parametrize("act", WRITES)
def test_whatever_was_killed_the_same_change_again_completes_it(site, act, write, after):
    method = WRITES[act] if write == "the write" else write
    mortal = MortalStore(site.services.accounts, method, after)
    with pytest.raises(KilledError):
        act(replace(site.services, accounts=mortal))
    assert mortal.hit
    for _ in range(2):
        act(replace(site.services))
    accounts = site.services.accounts
    assert accounts.project("new" if act is make else "tilt") is not None
    assert (accounts.project("tilt").member("viewer") is not None) is (act is add)
    assert accounts.project_of("own-id") == ("tilt" if act is move else None)
    kind = {make: "create", add: "member", move: "move"}[act]
    about = "project:new" if act is make else "project:tilt"
    found = [entry for entry in accounts.audit(subject=about) if entry.actor == "operator"]
    assert {entry.action for entry in found} == {f"project.{kind}"}
    assert len(found) == 1 or act is not make


@pytest.mark.parametrize("method", ["place_campaign", "append_audit"])
@pytest.mark.parametrize("after", [False, True])
def test_a_campaign_that_is_created_in_a_project_is_never_seen_outside(limited, method, after):
    """Its place is stored before the campaign: a kill in between leaves nothing that others see."""
    services, viewer = limited.services, limited.with_session(Role.VIEWER)
    mortal = MortalStore(services.accounts, method, after)
    wanted = creating.Creation(SPEC, project="small")
    dying = replace(services, accounts=mortal)
    object.__setattr__(dying.desk, "files", services.desk.files)
    object.__setattr__(dying.desk, "sandbox", services.desk.sandbox)
    with pytest.raises(KilledError):
        creating.create(dying, ADA, wanted)
    assert viewer.get(f"{API}/campaigns/rows").status_code == 404
    assert creating.create(services, ADA, wanted).new
    assert viewer.get(f"{API}/campaigns/rows").status_code == 404
    assert not creating.create(services, ADA, wanted).new
    assert services.accounts.project_of(services.store.campaign_id("rows")) == "small"


def test_a_campaign_without_a_project_is_as_before(limited):
    browser = limited.with_session(Role.OPERATOR)
    record = limited.services.store.campaign("own")
    assert "project" not in record.model_dump()
    assert limited.services.accounts.project_of(record.id) is None
    assert browser.get(f"{API}/campaigns/own/project").json() == {"project": None}
    assert limited.services.accounts.project("small").quota == Quota(evaluations=3)
