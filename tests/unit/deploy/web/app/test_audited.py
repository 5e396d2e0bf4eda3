"""Every request that changes something is in the audit: who, from where, and what it was before where it was something."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tansaku.deploy.web.app import ROUTERS
from tansaku.models.domain.accounts import AuditEntry, Role
from tests.support.records import dataset_record
from tests.unit.deploy.web.conftest import PASSWORD, SPEC, TABLE

NAME = "small-table"
CAMPAIGN, FILE, USER, SCHEDULE = "campaigns/{name}", "files/{sha256}", "users/{name}", "schedules/{schedule_id}"
MEASURED = SPEC.replace("name: rows", "name: measured").replace("value: value, ", "")
MEASURED = MEASURED.replace("proposer:", "calculator: {type: manual}\nproposer:")
OTHER_TABLE = TABLE + "d,4.0,2.0,1.5\n"
COMPUTES_ONLY = {
    "campaigns/{name}/acquisitions",
    "campaigns/{name}/predictions",
    "checks",
    "rehearsals",
    "benchmarks",
    "spec-edits",
    "sheets",
}


def changing_routes() -> set[str]:
    """Requests of the API that may change something, as ``METHOD path``."""
    found = set()
    for route in (route for router in ROUTERS for route in router.routes):
        path = route.path.removeprefix("/api/v1/")
        if path != route.path and path not in COMPUTES_ONLY:
            found |= {f"{method} {path}" for method in route.methods - {"GET", "HEAD", "OPTIONS"}}
    return found


class Client:
    """Sends changes, and notes the entries that each leaves in the audit.

    Args:
        site: The application.
        browser: Of a user.
    """

    def __init__(self, site, browser) -> None:
        self.site, self.browser = site, browser
        self.entries: dict[str, list[AuditEntry]] = {}

    def send(self, route: str, at: dict[str, str] | None = None, headers: dict[str, str] | None = None, **given: object):
        method, path = route.split()
        known = {entry.id for entry in self.site.services.accounts.audit(limit=1000)}
        answer = self.browser.change(method, f"/api/v1/{path.format(**(at or {}))}", headers=headers, **given)
        assert answer.status_code < 300, (route, answer.text)
        found = self.site.services.accounts.audit(limit=1000)
        self.entries.setdefault(route, []).extend(entry for entry in found if entry.id not in known)
        return answer


@pytest.fixture
def client(make_site, recorded, add_models):
    site = add_models(make_site(recorded("a1", "a3", "b1")))
    return Client(site, site.with_session(Role.ADMIN))


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


def change_accounts(client: Client) -> None:
    client.send("POST users", json={"name": "ada", "role": "operator", "password": PASSWORD})
    client.send(f"PATCH {USER}", {"name": "ada"}, json={"role": "viewer"})
    programs = Client(client.site, client.site.browser())
    programs.browser.form_token = lambda: ""
    programs.send("POST session", json={"name": "ada", "password": PASSWORD})
    session = client.site.services.accounts.sessions("ada")[0].id
    client.send("DELETE sessions/{session_id}", {"session_id": session})
    client.send(f"DELETE {USER}", {"name": "ada"})
    issued = client.send("POST tokens", json={"label": "notebook", "role": "viewer"}).json()
    client.send("DELETE tokens/{token_id}", {"token_id": issued["id"]})
    client.entries |= programs.entries


def change_notifications(client: Client) -> None:
    wanted = {"happenings": ["finished"], "channel": "slack", "address": "https://hooks.example.org/x"}
    client.send("POST notifications", headers=key("the-subscription"), json=wanted)
    at = {"subscription_id": "the-subscription"}
    client.send("POST notifications/{subscription_id}/test", at)
    client.send("DELETE notifications/{subscription_id}", at)


def change_searches(client: Client) -> None:
    client.send("PUT search/saved/{title}", {"title": "lowest"}, json={"order": "lowest"})
    client.send("DELETE search/saved/{title}", {"title": "lowest"})


def change_projects(client: Client) -> None:
    client.send("POST projects", json={"name": "tilt"})
    at = {"project": "tilt", "user": "viewer"}
    client.send("PUT projects/{project}/members/{user}", at, json={"role": "operator"})
    client.send("DELETE projects/{project}/members/{user}", at)
    client.send("PUT projects/{project}/notes", at, json={"notes": "why"})
    client.send("PUT projects/{project}/tags", at, json={"tags": ["copper"]})
    client.send("PUT projects/{project}/quota", at, json={"evaluations": 1000})
    client.send("PUT projects/{project}/quota", at, json={"evaluations": None})
    client.send("PUT projects/{project}/privacy", at, json={"private": False})
    client.send("PUT campaigns/{name}/project", {"name": NAME}, json={"project": "tilt"})
    client.send("PUT campaigns/{name}/project", {"name": NAME}, json={"project": None})


def change_campaigns(client: Client) -> None:
    client.send("POST files", params={"name": "rows.csv"}, content=TABLE)
    other = {"sha256": sha256(OTHER_TABLE.encode()).hexdigest()}
    client.send(f"PUT {FILE}", other, params={"name": "other.csv"}, content=OTHER_TABLE)
    client.send(f"DELETE {FILE}", other)
    client.send("POST campaigns", json={"spec": SPEC})
    client.send("POST campaigns", json={"spec": MEASURED})
    rows, measured, seen = {"name": "rows"}, {"name": "measured"}, {"name": NAME}
    client.send(f"POST {CAMPAIGN}/copies", rows, json={"name": "copied"})
    client.send(f"PUT {CAMPAIGN}/name", {"name": "copied"}, json={"name": "renamed"})
    client.send("POST campaigns/{name}/links", rows, json={"days": 1})
    client.send("PUT campaigns/{name}/sharing", rows, json={"users": ["operator"]})
    client.send(f"POST {CAMPAIGN}/asks", measured, key("ask-00001"), json={"count": 2})
    client.send(f"POST {CAMPAIGN}/tells", measured, key("tell-0001"), json={"rows": [{"id": "a", "value": 1.5}]})
    curve = {"report": "tell-0001", "file": "curve.txt"}
    client.send(f"POST {CAMPAIGN}/attachments", measured, key("attach-01"), params=curve, content="1 2 3")
    tag = {"If-Match": client.browser.get(f"/api/v1/campaigns/{NAME}").headers["ETag"]}
    edit = {"kind": "edit", "changes": {"budget.evaluations": 7}}
    client.send(f"POST {CAMPAIGN}/commands", seen, key("edit-0001") | tag, json=edit)
    client.send(f"POST {CAMPAIGN}/runs", rows, key("run-00001"))
    client.send("POST schedules", headers=key("schedule-1"), json={"campaign": NAME, "cron": "30 2 * * *"})
    nightly = {"schedule_id": "schedule-1"}
    client.send(f"PUT {SCHEDULE}", nightly, {"If-Match": '"1"'}, json={"cron": "0 3 * * *"})
    client.send(f"DELETE {SCHEDULE}", nightly, {"If-Match": '"2"'})
    client.site.services.registry.add_dataset(dataset_record(name="copper", sha256="a" * 64))
    wanted = {"name": "alloy", "dataset": "copper", "surrogate": "kernel_ridge"}
    client.send("POST trainings", headers=key("training-1"), json=wanted)
    client.send("DELETE trainings/{training_id}", {"training_id": "training-1"})
    client.send("PUT models/{label}/promotion", {"label": "alloy@2"}, json={"note": "lower error"})
    client.send(f"DELETE {CAMPAIGN}", seen, json={"confirm": NAME})


def test_every_change_by_the_api_is_in_the_audit(client):
    change_accounts(client)
    change_notifications(client)
    change_searches(client)
    change_projects(client)
    change_campaigns(client)
    other = Client(client.site, client.site.with_session(Role.ADMIN))
    other.send("DELETE session")
    client.entries |= other.entries
    client.send("PUT session/password", json={"present": PASSWORD, "new": "another long password"})
    assert set(client.entries) == changing_routes()
    assert [route for route, entries in client.entries.items() if not entries] == []
    for route, entries in client.entries.items():
        by = "ada" if route == "POST session" else "admin"
        assert {(entry.actor, entry.address) for entry in entries} == {(by, "testclient")}, route
    changed = {
        f"PATCH {USER}",
        f"PUT {SCHEDULE}",
        f"PUT {CAMPAIGN}/name",
        f"PUT {CAMPAIGN}/sharing",
        f"POST {CAMPAIGN}/commands",
    }
    for route in changed:
        (entry,) = client.entries[route]
        assert entry.before is not None, route
        assert entry.before != entry.after, route
    assert PASSWORD not in str(client.entries)
