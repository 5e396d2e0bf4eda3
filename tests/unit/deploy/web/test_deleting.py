"""Deletion of campaigns: who may, here and by a request that the service carries out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tansaku.deploy.web.app import create_app
from tansaku.flows.requests import Desk
from tansaku.models.domain.accounts import Role, User
from tansaku.models.domain.errors import StoreError, TransientError
from tansaku.models.domain.records import LeaseOwner
from tansaku.models.domain.requests import RequestState
from tansaku.tasks.act.commands.requested import delete_requested
from tansaku.tasks.read.views.service_health import describe_request

NAME, OTHERS = "rows", "small-table"
PAGE, API = f"/campaigns/{NAME}", f"/api/v1/campaigns/{NAME}"


@pytest.fixture
def site(owned_site):
    return owned_site


@pytest.fixture
def resources(its_resources):
    return its_resources


@pytest.fixture
def deletes(site, resources):
    """The same as a server that deletes campaigns itself."""
    services = replace(site.services, resources=resources)
    return replace(site, app=create_app(services), services=services)


def delete(browser, name: str = NAME, **body: str):
    return browser.change("DELETE", f"/api/v1/campaigns/{name}", json=body or {"confirm": name})


def user(site, name: str, role: Role) -> None:
    site.services.accounts.add_user(User(name=name, role=role, password_hash=None, created_at=site.clock()))


def test_an_admin_deletes_any_campaign_and_its_owner_that_one(deletes):
    admin, operator = deletes.with_session(Role.ADMIN), deletes.with_session(Role.OPERATOR)
    answer = delete(operator, OTHERS)
    assert (answer.status_code, "the operator who created it" in answer.json()["detail"]) == (403, True)
    assert [delete(browser, confirm="row").status_code for browser in (admin, operator)] == [422, 422]
    assert delete(operator).status_code == 204
    assert admin.submit(f"/campaigns/{OTHERS}/deletion", {"confirm": OTHERS}).headers["Location"] == "/"
    assert deletes.services.store.campaign_names() == []
    assert {entry.actor for entry in deletes.changes("campaign.delete")} == {"admin", "operator"}
    assert delete(admin).status_code == 404


def test_a_demoted_owner_and_a_later_user_of_that_name_own_nothing(deletes):
    operator = deletes.with_session(Role.OPERATOR)
    accounts = deletes.services.accounts
    known = accounts.user("operator")
    accounts.replace_user(known.model_copy(update={"role": Role.VIEWER}))
    assert delete(operator).status_code == 403
    accounts.remove_user("operator")
    deletes.clock.pass_time(1)
    user(deletes, "operator", Role.OPERATOR)
    assert delete(deletes.with_session(Role.OPERATOR)).status_code == 403
    assert NAME in deletes.services.store.campaign_names()


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


class Runs:
    """Stands for a Prefect server that starts nothing."""

    due: str | None = None

    def deployment(self) -> str:
        return "deployment"

    def open_run(self, campaign: str) -> str | None:
        return self.due


def answered(site, deletion, runs: Runs):
    """The request after the service has looked."""
    requests = site.services.requests
    Desk("tansaku", site.services.store, requests, runs, deletion).answer_all()
    return requests.requests_of(NAME)[0]


def test_the_service_deletes_what_was_asked_for(site, resources):
    delete(site.with_session(Role.OPERATOR))
    found = answered(site, lambda request: delete_requested(resources, request), Runs())
    assert (found.state, found.run, describe_request(found)) == (RequestState.ENDED, None, "delete: done by service tansaku")
    assert found.ended_at is not None
    assert site.services.store.campaign_names() == [OTHERS]
    answer = site.with_session(Role.OPERATOR).get(f"{API}/runs/{found.id}")
    assert answer.json()["outlook"] == "delete: done by service tansaku"


def test_a_service_that_was_killed_after_the_deletion_ends_the_request(site, resources):
    delete(site.with_session(Role.OPERATOR))

    def killed(request):
        delete_requested(resources, request)
        raise TransientError("killed before the answer")

    with pytest.raises(TransientError):
        answered(site, killed, Runs())
    assert answered(site, lambda request: delete_requested(resources, request), Runs()).state is RequestState.ENDED


def test_the_service_refuses_while_a_run_is_due_and_for_a_later_campaign_of_the_name(site, resources):
    delete(site.with_session(Role.OPERATOR))
    runs = Runs()
    runs.due = "run-7"
    found = answered(site, lambda request: pytest.fail("not to be called"), runs)
    assert (found.state, "run-7" in found.reason) == (RequestState.REFUSED, True)
    site.services.clock.pass_time(1)
    delete(site.with_session(Role.OPERATOR))
    (waiting,) = site.services.requests.requests_in(RequestState.WAITING)
    other = waiting.model_copy(update={"campaign_created_at": site.clock()})
    with pytest.raises(StoreError, match="another one of its name"):
        delete_requested(resources, other)
    assert NAME in site.services.store.campaign_names()
