"""Copies, other names and deletion of campaigns: who may, here and by a request that the service carries out."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import reduce

import pytest

from tansaku.deploy.cli import copy_rename_delete as commands
from tansaku.deploy.web.app import create_app
from tansaku.flows.requests import Desk
from tansaku.models.domain.accounts import Role, User
from tansaku.models.domain.errors import StoreError, TransientError
from tansaku.models.domain.records import LeaseOwner
from tansaku.models.domain.requests import RequestState
from tansaku.tasks.act.commands.rename import RENAMED
from tansaku.tasks.act.commands.requested import carry_out
from tansaku.tasks.ground.site.users import user_name
from tansaku.tasks.read.views.service_health import describe_request
from tests.support.killed_writes import MortalStore

NAME, OTHERS, NEW = "rows", "small-table", "lines"
DEEP = reduce(lambda inner, _: [inner], range(800), 1)
PAGE, API = f"/campaigns/{NAME}", f"/api/v1/campaigns/{NAME}"


@pytest.fixture
def site(owned_site):
    return owned_site


@pytest.fixture
def resources(its_resources):
    return its_resources


def test_commands_leave_the_same_entries_in_the_audit(site, resources, monkeypatch):
    """`tansaku copy` and `tansaku rename`, beside the dashboard's forms."""
    monkeypatch.setattr(commands, "opened", lambda _: nullcontext(replace(resources, accounts=site.services.accounts)))
    commands.copy(NAME, "by-command", ["seed=7"])
    commands.rename("by-command", "renamed")
    (renamed, copied, *_) = site.services.accounts.audit()
    assert (copied.action, copied.subject, copied.after["copy_of"]) == ("campaign.create", "campaign:by-command", NAME)
    assert (renamed.action, renamed.subject) == ("campaign.rename", "campaign:by-command")
    assert (renamed.before, renamed.after["name"]) == ({"name": "by-command"}, "renamed")
    assert (copied.actor, copied.address) == (renamed.actor, renamed.address) == (user_name(), "local")


@pytest.fixture
def with_rights(site, resources):
    """The same as a server that renames and deletes campaigns itself."""
    services = replace(site.services, resources=resources)
    return replace(site, app=create_app(services), services=services)


def copy(browser, campaign: str = NAME, **body: object):
    return browser.change("POST", f"/api/v1/campaigns/{campaign}/copies", json={"name": NEW} | body)


def rename(browser, name: str = NAME, new: str = NEW):
    return browser.change("PUT", f"/api/v1/campaigns/{name}/name", json={"name": new})


def test_a_copy_has_the_spec_with_the_changes_and_is_made_once(site):
    operator = site.with_session(Role.OPERATOR)
    changes = {"budget.evaluations": 3, "execution.in_flight": 2, "seed": 7, "space.columns.cost": None}
    answers = [copy(operator, changes=changes) for _ in range(2)]
    assert [(answer.status_code, answer.json()["new"]) for answer in answers] == [(201, True), (200, False)]
    assert answers[0].headers["Location"] == f"/api/v1/campaigns/{NEW}"
    original, made = (site.services.store.campaign(name) for name in (NAME, NEW))
    spec = original.spec | {"name": NEW, "seed": 7}
    spec["budget"] |= {"evaluations": 3}
    spec["execution"] |= {"in_flight": 2}
    spec["space"]["columns"] |= {"cost": None}
    assert (made.spec, made.files, made.owner, made.last_number) == (spec, original.files, "operator", 0)
    (entry,) = [entry for entry in site.changes("campaign.create") if entry.subject == f"campaign:{NEW}"]
    assert (entry.actor, entry.after["copy_of"]) == ("operator", NAME)
    assert copy(operator, changes={"seed": 8}).status_code == 409


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"name": "A B"}, "name"),
        ({"changes": {"name": "x"}}, "name"),
        ({"changes": {"seed.a": 1}}, "seed.a"),
        ({"changes": {"sed": 1}}, "sed"),
        ({"changes": {"": 1}}, "changes"),
        ({"changes": {"seed": DEEP}}, "changes"),
        ({"changes": {"space.candidates": "/etc/passwd"}}, "space.candidates"),
        ({"changes": {"execution.in_flight": 10**6}}, "execution.in_flight"),
        ({"changes": {f"budget.{i}": 1 for i in range(21)}}, "changes"),
    ],
)
def test_a_copy_that_cannot_be_is_a_problem_with_its_key(site, body, key):
    answer = copy(site.with_session(Role.OPERATOR), **body)
    assert (answer.status_code, answer.json()["key"]) == (422, key), answer.text
    assert answer.json().get("line") is None
    assert "root:" not in answer.text
    assert NEW not in site.services.store.campaign_names()


def test_unknown_campaigns_are_not_found_and_those_of_others_not_renamed(with_rights):
    operator = with_rights.with_session(Role.OPERATOR)
    assert [act(operator, "none").status_code for act in (copy, rename)] == [404, 404]
    answer = rename(operator, OTHERS)
    assert (answer.status_code, "the operator who created it" in answer.json()["detail"]) == (403, True)


def test_the_forms_copy_run_and_rename(with_rights):
    operator = with_rights.with_session(Role.OPERATOR)
    assert [text in operator.get(PAGE).text for text in (f"{PAGE}/copies", f"{PAGE}/name")] == [True, True]
    assert f"/campaigns/{OTHERS}/name" not in operator.get(f"/campaigns/{OTHERS}").text
    fields = {"name": NEW, "changes": "seed=5\n\nbudget.evaluations = 1\n", "run": "yes"}
    assert operator.submit(f"{PAGE}/copies", fields).headers["Location"] == f"/campaigns/{NEW}"
    assert with_rights.services.store.campaign(NEW).spec["seed"] == 5
    assert [request.kind for request in with_rights.services.requests.requests_of(NEW)] == ["run"]
    assert operator.submit(f"{PAGE}/copies", {"name": "third", "changes": "seed"}).status_code == 422
    assert operator.submit(f"{PAGE}/name", {"name": "third"}).headers["Location"] == "/campaigns/third"
    assert operator.get("/campaigns/third").status_code == 200
    assert operator.get(PAGE).status_code == 404


def test_a_name_is_changed_once_and_its_history_is_kept(with_rights):
    operator = with_rights.with_session(Role.OPERATOR)
    created_at = with_rights.services.store.campaign(NAME).created_at
    answers = [rename(operator) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == {"name": NEW, "was": NAME, "followers": []}
    record = with_rights.services.store.campaign(NEW)
    assert (record.created_at, record.former_names, record.owner) == (created_at, (NAME,), "operator")
    (entry,) = with_rights.changes("campaign.rename")
    assert (entry.subject, entry.before, entry.after["name"]) == (f"campaign:{NAME}", {"name": NAME}, NEW)
    (event,) = with_rights.services.store.events(NEW, kind=RENAMED)
    assert event.data["by"] == "operator (dashboard, testclient)"
    assert rename(operator, NEW, NAME).status_code == 200
    assert rename(operator).status_code == 200
    assert len(with_rights.changes("campaign.rename")) == 3


def test_a_taken_or_wrong_name_is_a_problem_and_a_driven_campaign_a_conflict(with_rights):
    operator = with_rights.with_session(Role.OPERATOR)
    for new in (OTHERS, NAME, "A", ""):
        answer = rename(operator, new=new)
        assert (answer.status_code, answer.json()["key"]) == (422, "name")
    owner = LeaseOwner(host="node7", pid=1, process_started=0.0, user="bob")
    with_rights.services.store.acquire_lease(NAME, owner, 600.0)
    assert rename(operator).status_code == 409
    assert with_rights.changes("campaign.rename") == []


class Runs:
    """Stands for a Prefect server that starts nothing."""

    due: str | None = None

    def deployment(self) -> str:
        return "deployment"

    def open_run(self, campaign: str) -> str | None:
        assert campaign == NAME
        return self.due


def answered(site, change, request_id: str, runs: Runs | None = None):
    """The request after the service has looked."""
    Desk("tansaku", site.services.store, site.services.requests, runs or Runs(), change).answer_all()
    return site.services.requests.request(request_id)


def test_a_server_that_may_not_rename_asks_the_service_once(site, resources):
    operator = site.with_session(Role.OPERATOR)
    answers = [rename(operator) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    asked = answers[0].json()
    assert (asked["kind"], asked["campaign"], asked["new_name"], asked["state"]) == ("rename", NAME, NEW, "waiting")
    assert rename(operator, new="third").status_code == 409
    assert "rename: requested; waiting for the service" in operator.get(PAGE).text
    (entry,) = site.changes("campaign.rename")
    found = answered(site, lambda request: carry_out(resources, request), asked["id"])
    assert (found.state, found.campaign, describe_request(found)) == (
        RequestState.ENDED, NEW, "rename: done by service tansaku",
    )  # fmt: skip
    for name in (NAME, NEW):
        assert operator.get(f"/api/v1/campaigns/{name}/runs/{asked['id']}").json()["state"] == "ended"
    assert rename(operator).status_code == 200
    assert site.changes("campaign.rename") == [entry]


@pytest.mark.parametrize("method", ["rename_campaign", "append_event", "acquire_lease", None])
def test_a_service_that_is_killed_while_it_renames_finishes_it(site, resources, method):
    asked = rename(site.with_session(Role.OPERATOR)).json()["id"]
    store = resources.store
    mortal = MortalStore(store, method, after=True, error=TransientError("killed after the write"))

    def change(request):
        carry_out(replace(resources, store=mortal), request)
        raise TransientError("killed before the answer")

    with pytest.raises(TransientError):
        answered(site, change, asked)
    assert answered(site, lambda request: carry_out(resources, request), asked).state is RequestState.ENDED
    assert set(store.campaign_names()) == {NEW, OTHERS}


def test_the_service_refuses_while_a_run_is_due_and_where_the_campaign_is_another_one(site, resources):
    operator, runs = site.with_session(Role.OPERATOR), Runs()
    runs.due = "run-7"
    refused = answered(site, lambda _: pytest.fail("not to be called"), rename(operator).json()["id"], runs)
    assert (refused.state, "run-7" in refused.reason) == (RequestState.REFUSED, True)
    site.services.clock.pass_time(1)
    assert rename(operator).json()["state"] == "waiting"
    site.services.store.acquire_lease(NAME, LeaseOwner(host="node7", pid=1, process_started=0.0, user="bob"), 600.0)
    (waiting,) = site.services.requests.requests_in(RequestState.WAITING)
    found = answered(site, lambda request: carry_out(resources, request), waiting.id)
    assert (found.state, "node7" in found.reason) == (RequestState.REFUSED, True)
    with pytest.raises(StoreError, match="deleted or renamed"):
        carry_out(resources, waiting.model_copy(update={"campaign_created_at": site.clock()}))


def delete(browser, name: str = NAME, **body: str):
    return browser.change("DELETE", f"/api/v1/campaigns/{name}", json=body or {"confirm": name})


def test_an_admin_deletes_any_campaign_and_its_owner_that_one(with_rights):
    admin, operator = with_rights.with_session(Role.ADMIN), with_rights.with_session(Role.OPERATOR)
    answer = delete(operator, OTHERS)
    assert (answer.status_code, "the operator who created it" in answer.json()["detail"]) == (403, True)
    assert [delete(browser, confirm="row").status_code for browser in (admin, operator)] == [422, 422]
    assert delete(operator).status_code == 204
    assert admin.submit(f"/campaigns/{OTHERS}/deletion", {"confirm": OTHERS}).headers["Location"] == "/"
    assert with_rights.services.store.campaign_names() == []
    assert {entry.actor for entry in with_rights.changes("campaign.delete")} == {"admin", "operator"}
    assert delete(admin).status_code == 404


def test_a_demoted_owner_and_a_later_user_of_that_name_own_nothing(with_rights):
    operator = with_rights.with_session(Role.OPERATOR)
    accounts = with_rights.services.accounts
    known = accounts.user("operator")
    accounts.replace_user(known.model_copy(update={"role": Role.VIEWER}))
    assert delete(operator).status_code == 403
    accounts.remove_user("operator")
    with_rights.clock.pass_time(1)
    accounts.add_user(User(name="operator", role=Role.OPERATOR, password_hash=None, created_at=with_rights.clock()))
    assert delete(with_rights.with_session(Role.OPERATOR)).status_code == 403
    assert NAME in with_rights.services.store.campaign_names()


def test_the_form_is_shown_to_those_who_may(site):
    def shown(role: Role) -> list[bool]:
        browser = site.with_session(role)
        return ["Delete for good" in browser.get(f"/campaigns/{name}").text for name in (NAME, OTHERS)]

    assert [shown(role) for role in Role] == [[False, False], [True, False], [True, True]]
    parts = [site.with_session(Role.OPERATOR).get(f"/campaigns/{name}/parts").text for name in (NAME, OTHERS)]
    assert "Delete for good" not in "".join(parts), "all operators are sent the same parts"


def test_a_server_that_may_not_delete_stores_one_request(site):
    operator = site.with_session(Role.OPERATOR)
    answers = [delete(operator) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    (waiting,) = site.services.requests.requests_in(RequestState.WAITING)
    assert (waiting.kind, waiting.campaign, waiting.user, waiting.origin) == (
        "delete", NAME, "operator", "dashboard, testclient",
    )  # fmt: skip
    (entry,) = site.changes("campaign.delete")
    assert (entry.before["evaluations"], entry.after) == (0, {"request": waiting.id})
    assert operator.submit(f"{PAGE}/deletion", {"confirm": NAME}).headers["Location"] == PAGE
    assert "delete: requested; waiting for the service" in operator.get(PAGE).text
    assert "(delete waiting)" in operator.get("/").text
    found = operator.get(f"{API}/runs/{waiting.id}").json()
    assert (found["kind"], found["state"]) == ("delete", "waiting")


def test_a_campaign_with_a_driver_is_not_asked_for(site):
    owner = LeaseOwner(host="node7", pid=1, process_started=0.0, user="bob")
    site.services.store.acquire_lease(NAME, owner, 600.0)
    assert delete(site.with_session(Role.ADMIN)).status_code == 409
    assert site.services.requests.requests_of(NAME) == []


def test_the_service_deletes_what_was_asked_for(site, resources):
    asked = delete(site.with_session(Role.OPERATOR)).json()["id"]
    found = answered(site, lambda request: carry_out(resources, request), asked)
    assert (found.state, found.run, describe_request(found)) == (RequestState.ENDED, None, "delete: done by service tansaku")
    assert found.ended_at is not None
    assert site.services.store.campaign_names() == [OTHERS]
    answer = site.with_session(Role.OPERATOR).get(f"{API}/runs/{found.id}")
    assert answer.json()["outlook"] == "delete: done by service tansaku"


def test_a_service_that_was_killed_after_the_deletion_ends_the_request(site, resources):
    asked = delete(site.with_session(Role.OPERATOR)).json()["id"]

    def killed(request):
        carry_out(resources, request)
        raise TransientError("killed before the answer")

    with pytest.raises(TransientError):
        answered(site, killed, asked)
    assert answered(site, lambda request: carry_out(resources, request), asked).state is RequestState.ENDED


def test_the_service_deletes_nothing_while_a_run_is_due_and_no_later_campaign_of_the_name(site, resources):
    asked, runs = delete(site.with_session(Role.OPERATOR)).json()["id"], Runs()
    runs.due = "run-7"
    found = answered(site, lambda request: pytest.fail("not to be called"), asked, runs)
    assert (found.state, "run-7" in found.reason) == (RequestState.REFUSED, True)
    site.services.clock.pass_time(1)
    delete(site.with_session(Role.OPERATOR))
    (waiting,) = site.services.requests.requests_in(RequestState.WAITING)
    other = waiting.model_copy(update={"campaign_created_at": site.clock()})
    with pytest.raises(StoreError, match="another one of its name"):
        carry_out(resources, other)
    assert NAME in site.services.store.campaign_names()
