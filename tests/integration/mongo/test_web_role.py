"""The dashboard as the MongoDB user of its own role: all that it does works, and the server refuses everything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure
from starlette.testclient import TestClient

from tansaku.deploy.cli.web import first_page, services_of
from tansaku.deploy.web.app import create_app
from tansaku.deploy.web.auth.passwords import HashCost
from tansaku.deploy.web.auth.tokens import issue_token
from tansaku.deploy.web.services import Services, WebSettings
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import ConfigurationError, StoreError
from tansaku.models.domain.records import CampaignRecord
from tansaku.models.domain.requests import RequestState
from tansaku.tasks.act.commands.requested import carry_out
from tansaku.tasks.backends.resources import Resources, open_resources
from tansaku.tasks.backends.stores.users import WEB_ACTIONS, WEB_ROLE, store_user, store_web_user
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_site
from tests.support.campaign_files import rows_campaign
from tests.support.copper_desk import Desk, Direct

TABLE = "id,value,cost,x\na,1.0,2.0,0.0\nb,2.0,2.0,0.5\nc,0.5,2.0,1.0\n"
SPEC = rows_campaign("rows-of-role", 3)
DATABASE = "guarded_web"
PASSWORD = "correct horse battery"
NOT_AUTHORIZED = 13


def uri(port: int, user: str) -> str:
    return f"mongodb://{user}:word@127.0.0.1:{port}/{DATABASE}"


@pytest.fixture(scope="module")
def port(guarded) -> int:
    """A server with the users of the service and of the dashboard."""
    administrator, port = guarded
    store_user(administrator, "service", SecretStr("word"), [DATABASE])
    assert store_web_user(administrator, "web", SecretStr("first"), DATABASE)
    assert not store_web_user(administrator, "web", SecretStr("word"), DATABASE)
    return port


@pytest.fixture
def web(port: int, tmp_path) -> Iterator[Resources]:
    settings = Settings(home=tmp_path, mongo_uri=SecretStr(uri(port, "web")))
    with open_resources(settings, load_site(None)) as resources:
        yield resources


@pytest.fixture
def services(web: Resources) -> Services:
    settings = WebSettings(hash_cost=HashCost(passes=1, memory_kib=8, lanes=1), deletes=False)
    services = services_of(web, settings)
    assert "/login#token=" in first_page(services, "http://localhost")
    return services


@pytest.fixture
def program(services: Services) -> TestClient:
    """A program with an admin's token."""
    (admin, *_) = (user for user in services.accounts.users() if user.role is Role.ADMIN)
    secret, _ = issue_token(services, admin, "test", Role.ADMIN, 600.0)
    headers = {"Authorization": f"Bearer {secret}"}
    return TestClient(create_app(services), base_url="http://localhost", headers=headers, follow_redirects=False)


def test_the_dashboard_does_all_it_does_with_this_role(program: TestClient, services: Services, port: int, tmp_path):
    uploaded = program.post("/api/v1/files?name=rows.csv", content=TABLE.encode())
    assert uploaded.status_code == 201, uploaded.text
    assert program.post("/api/v1/files?name=rows.csv", content=TABLE.encode()).status_code == 200
    spare = program.post("/api/v1/files?name=spare.csv", content=b"id,value\na,1\n").json()
    assert program.delete(f"/api/v1/files/{spare['sha256']}").status_code == 204
    created = program.post("/api/v1/campaigns", json={"spec": SPEC, "run": True})
    assert created.status_code == 201, created.text
    (waiting,) = services.requests.requests_in(RequestState.WAITING)
    assert waiting.campaign == "rows-of-role"
    campaign = "/api/v1/campaigns/rows-of-role"
    tag = program.get(campaign).headers["ETag"]
    edit = {"kind": "edit", "changes": {"budget.evaluations": 2}}
    given = program.post(f"{campaign}/commands", json=edit, headers={"Idempotency-Key": "edit-0001", "If-Match": tag})
    assert given.status_code == 202, given.text
    for kind in ("pause", "resume", "cancel"):
        headers = {"Idempotency-Key": f"{kind}-0001"}
        assert program.post(f"{campaign}/commands", json={"kind": kind}, headers=headers).status_code == 202
    assert program.post("/api/v1/users", json={"name": "ada", "role": "viewer", "password": PASSWORD}).status_code == 201
    ada = TestClient(create_app(services), base_url="http://localhost")
    login = ada.post("/api/v1/session", json={"name": "ada", "password": PASSWORD})
    assert login.status_code == 201, login.text
    proof = {"X-CSRF-Token": login.json()["csrf_token"], "Origin": "http://localhost"}
    token = ada.post("/api/v1/tokens", json={"label": "x", "role": "viewer", "days": 1}, headers=proof)
    assert ada.delete(f"/api/v1/tokens/{token.json()['id']}", headers=proof).status_code == 204
    assert ada.delete("/api/v1/session", headers=proof).status_code == 204
    assert program.patch("/api/v1/users/ada", json={"role": "operator"}).status_code == 200
    assert program.delete("/api/v1/users/ada").status_code == 204
    assert program.post(f"{campaign}/copies", json={"name": "copy-of-role"}).status_code == 201
    renaming = program.put("/api/v1/campaigns/copy-of-role/name", json={"name": "renamed-of-role"})
    assert (renaming.status_code, renaming.json()["state"]) == (202, "waiting"), renaming.text
    deletion = program.request("DELETE", campaign, json={"confirm": "rows-of-role"})
    assert (deletion.status_code, deletion.json()["state"]) == (202, "waiting"), deletion.text
    assert not services.store.campaign("rows-of-role").deleting
    actions = {entry["action"] for entry in program.get("/api/v1/audit").json()["items"]}
    assert actions >= {"campaign.create", "campaign.run", "campaign.edit", "file.add", "file.remove", "user.add", "user.remove"}
    for route in iter_route_contexts(program.app.routes):
        if route.name == "static" or "GET" not in route.methods or route.path.endswith("/changes"):
            continue
        answer = program.get(route.path.replace("{name}", "rows-of-role").replace("{number}", "1"))
        assert answer.status_code < 500, (route.path, answer.text)
        assert "authorized" not in answer.text

    # The service may rename and delete them.
    wanted = services.requests.request(deletion.json()["id"])
    with open_resources(Settings(home=tmp_path, mongo_uri=SecretStr(uri(port, "service"))), load_site(None)) as resources:
        carry_out(resources, wanted)
        carry_out(resources, services.requests.request(renaming.json()["id"]))
    assert program.get("/api/v1/campaigns/renamed-of-role").status_code == 200
    assert program.get(campaign).status_code == 404
    assert program.get(f"{campaign}/runs/{wanted.id}").json()["kind"] == "delete"


OPERATIONS: dict[str, Callable[[Database[dict[str, Any]], str], object]] = {
    "insert": lambda database, name: database[name].insert_one({"_id": "planted"}),
    "update": lambda database, name: database[name].update_one({"_id": "planted"}, {"$set": {"x": 1}}),
    "remove": lambda database, name: database[name].delete_one({"_id": "planted"}),
    "find": lambda database, name: database[name].find_one({"_id": "planted"}),
    "createIndex": lambda database, name: database[name].create_index("planted", expireAfterSeconds=1),
    "dropIndex": lambda database, name: database[name].drop_index("number"),
    "dropCollection": lambda database, name: database[name].drop(),
    "collMod": lambda database, name: database.command("collMod", name, validator={}),
    "renameCollection": lambda database, name: database[name].rename(f"{name}-old"),
}


def refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except OperationFailure as error:
        # Any other error, such as that of an index which is not there, comes after the server has agreed.
        return error.code == NOT_AUTHORIZED
    return False


def adopted(desk: Desk, record: CampaignRecord) -> dict:
    """What a campaign adopts by structure, without the names that its candidates have."""
    with desk.resources.artifacts.open(record.spec["reuse_sha256"]) as stream:
        found = json.loads(stream.read())
    return {key: {name: value for name, value in known.items() if name != "candidates"} for key, known in found.items()}


def test_results_of_another_campaign_are_adopted_with_this_role(program: TestClient, port: int, tmp_path):
    launcher = Direct(tmp_path / "jobs")
    launcher.folder.mkdir()
    with open_resources(Settings(home=tmp_path, mongo_uri=SecretStr(uri(port, "service"))), load_site(None)) as resources:
        desk = Desk(tmp_path, replace(resources, open_launcher=lambda _: launcher), launcher)
        desk.create("old", -2, 2)
        assert desk.drive("old") == "exhausted"
        desk.write("new", -1, 4, reuse=True)
        created = program.post("/api/v1/campaigns", json={"spec": (tmp_path / "new.yaml").read_text()})
        assert created.status_code == 201, created.text
        by_command = desk.create("same", -1, 4, reuse=True)
        known = [adopted(desk, record) for record in (desk.store.campaign("new"), by_command)]
        assert known[0] == known[1] != {}
        assert desk.frozen("new") == desk.frozen("same") == {"results": 5, "campaigns": {"old": 5}, "left_out": {}}
        assert desk.drive("new") == "exhausted"
        assert desk.origins("new") == [("old", 2), ("old", 3), ("old", 4), ("old", 5), None, None]
        assert len(launcher.computed) == 2


def test_everything_that_is_not_in_the_table_is_refused(port: int, web: Resources):
    with MongoClient(uri(port, "service")) as whole, MongoClient(uri(port, "web")) as client:
        stored = {"_id": "planted"}
        there = {*whole[DATABASE].list_collection_names(), *WEB_ACTIONS, "site_workers", "another"}
        for name in sorted(there):
            allowed = set(WEB_ACTIONS.get(name, ()))
            for action, carry_out in OPERATIONS.items():
                whole[DATABASE][name].delete_one(stored)
                assert refused(lambda run=carry_out, name=name: run(client[DATABASE], name)) == (action not in allowed), (
                    name,
                    action,
                )
            whole[DATABASE][name].delete_one(stored)
        assert {"evaluations", "observations", "campaigns", "web_audit"} <= there
        for command in (
            lambda: client["other"]["any"].find_one(),
            lambda: client["admin"]["system.users"].find_one(),
            lambda: client["admin"].command("shutdown"),
            lambda: client[DATABASE].command("createUser", "friend", pwd="x", roles=[]),
            lambda: client[DATABASE].command("updateRole", WEB_ROLE, privileges=[], roles=["readWrite"]),
            lambda: client[DATABASE].command("grantRolesToUser", "web", roles=["readWrite"]),
            lambda: client[DATABASE].command("dropDatabase"),
            lambda: list(client[DATABASE]["campaigns"].aggregate([{"$out": "another"}])),
        ):
            assert refused(command)


def test_the_store_itself_says_that_it_is_refused(web: Resources, program: TestClient):
    assert program.post("/api/v1/files?name=rows.csv", content=TABLE.encode()).status_code in (200, 201)
    assert program.post("/api/v1/campaigns", json={"spec": SPEC}).status_code == 201
    with pytest.raises(StoreError, match="not authorized"):
        web.store.delete_campaign("rows-of-role")


def test_a_role_is_corrected_to_the_table(guarded, port: int):
    administrator, _ = guarded
    with MongoClient(administrator.get_secret_value()) as root:
        root[DATABASE].command("grantRolesToRole", WEB_ROLE, roles=["readWrite"])
        with MongoClient(uri(port, "web")) as client:
            assert not refused(lambda: client[DATABASE]["evaluations"].delete_one({"_id": "planted"}))
        store_web_user(administrator, "web", SecretStr("word"), DATABASE)
        with MongoClient(uri(port, "web")) as client:
            assert refused(lambda: client[DATABASE]["evaluations"].delete_one({"_id": "planted"}))


def test_without_the_indexes_the_dashboard_says_so(guarded, port: int, tmp_path):
    """It may build none: on a database that nobody prepared it refuses to work slowly, or without unique keys."""
    administrator, _ = guarded
    with MongoClient(administrator.get_secret_value()) as root:
        root[DATABASE]["evaluations"].drop_index("system")
    settings = Settings(home=tmp_path, mongo_uri=SecretStr(uri(port, "web")))
    with pytest.raises(StoreError, match="not authorized"), open_resources(settings, load_site(None)):
        pass
    store_web_user(administrator, "web", SecretStr("word"), DATABASE)
    with open_resources(settings, load_site(None)):
        pass


def test_names_are_checked():
    with pytest.raises(ConfigurationError):
        store_web_user(SecretStr("mongodb://127.0.0.1:1/"), "web", SecretStr("x"), "admin")
