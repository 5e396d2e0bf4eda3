"""Stored documents that no version of tansaku wrote: each is readable or named as damaged, by every command and page."""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from bson import Binary, Code, Decimal128, Int64, MaxKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from starlette.testclient import TestClient

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.web import services_of
from tansaku.deploy.web.app import create_app
from tansaku.deploy.web.auth.sessions import open_session
from tansaku.models.domain.accounts import Role, User
from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.requests import RequestState, ServiceReport, ServiceRequest
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.backends.stores.mongo_requests import MongoRequests
from tansaku.tasks.ground.settings import Settings

NAME = "attacked"
VALUES = {
    "bytes": Binary(b"\x80\xff"),
    "bytes of text": Binary(b"text"),
    "a reference": ObjectId(b"0" * 12),
    "a time": datetime(2026, 1, 1),
    "a time beyond the calendar": DatetimeMS(10**15),
    "not a number": float("nan"),
    "infinite": float("inf"),
    "an expression": Regex("x"),
    "a decimal number": Decimal128("1.5"),
    "a position of a log": Timestamp(1, 1),
    "a largest key": MaxKey(),
    "a program": Code("x"),
    "a long integer": Int64(2**62),
    "text": "\x1b[2J<script>",
    "nothing": None,
    "a list": [1, [2]],
    "an object": {"a": {"b": 1}},
    "a fraction": 0.5,
    "a negative number": -3,
    "true": True,
}
FREE_FORM = {
    "spec": ("campaigns", ("spec", "proposer", "surprise")),
    "payload": ("campaigns", ("commands", 0, "payload", "surprise")),
    "runtime": ("campaigns", ("runtime", "surprise")),
    "properties": ("evaluations", ("outcome", "properties", "surprise")),
    "settings": ("evaluations", ("outcome", "provenance", "settings", "surprise")),
    "handle": ("evaluations", ("attempts", 0, "handle", "surprise")),
    "event": ("events", ("data", "surprise")),
    "fit": ("refits", ("hyperparameters", "surprise")),
}
COMMANDS = (
    ("status",), ("status", NAME), ("status", NAME, "--json"), ("list", "--json"), ("show", NAME), ("show", NAME, "--json"),
    ("show", NAME, "a1"), ("results", NAME), ("results", NAME, "--json"), ("results", NAME, "--evaluations", "--csv"),
    ("log", NAME, "--all"), ("log", NAME, "--all", "--json"), ("reconcile", "--dry-run", "--json"),
)  # fmt: skip
PAGES = (
    "/", "/campaigns/NAME", "/campaigns/NAME/evaluations/1", "/campaigns/NAME/figures", "/campaigns/NAME/budget",
    "/api/v1/campaigns", "/api/v1/campaigns/NAME", "/api/v1/campaigns/NAME/evaluations",
    "/api/v1/campaigns/NAME/evaluations/1", "/api/v1/campaigns/NAME/commands", "/api/v1/campaigns/NAME/series",
    "/api/v1/campaigns/NAME/predictions", "/api/v1/campaigns/NAME/observations", "/api/v1/campaigns/NAME/sharing",
    "/api/v1/campaigns/NAME/runs", "/api/v1/campaigns/NAME/runs/a-request", "/api/v1/health", "/queue",
    "/campaigns/NAME/table", "/campaigns/NAME/parts?part=results", "/campaigns/NAME/runs",
)  # fmt: skip


@pytest.fixture
def stored(tansaku, campaign_file, mongo_database, tmp_path):
    """``stored(*words)``: a command on a database with a finished campaign, an edit of it, fits, and a request to run it."""
    site = tmp_path / "site.yaml"
    site.write_text(f"schema_version: 1\ndatabase: {{name: {mongo_database.name}}}\n", encoding="utf-8")
    file = campaign_file(good=6, bad=1, proposer="gp").rename(tmp_path / f"{NAME}.yaml")

    def command(*words):
        return tansaku(*words, "--site", site)

    assert command("run", file, "--plain").code == ExitCode.OK
    assert command("edit", NAME, "budget.evaluations=9").code == ExitCode.OK
    assert command("resume", NAME, "--plain").code == ExitCode.OK
    command.database = mongo_database
    return command


@pytest.fixture
def dashboard(stored) -> Iterator[Callable[[str], object]]:
    """``dashboard("/")``: the answer of the dashboard on the same database to its admin."""
    site = SiteSpec.model_validate({"schema_version": 1, "database": {"name": stored.database.name}})
    with open_resources(Settings.from_environment(), site) as resources:
        services = services_of(resources)
        user = User(name="ada", role=Role.ADMIN, password_hash="x", created_at=services.clock())
        services.accounts.add_user(user)
        created = resources.store.campaign(NAME).created_at
        asked = {"campaign": NAME, "campaign_created_at": created, "user": "ada", "origin": "test", "created_at": created}
        resources.requests.add_request(ServiceRequest(id="a-request", **asked))
        resources.requests.report(ServiceReport(id="s@h", name="s", host="h", pid=1, since=created, version="1"))
        with TestClient(create_app(services), base_url="http://localhost", follow_redirects=False) as browser:
            browser._transport.raise_server_exceptions = False
            browser.cookies.set(services.settings.session_cookie, open_session(services, user, "testclient", None))
            yield lambda path: browser.get(path.replace("NAME", NAME))


def wrongs(stored, dashboard, commands=COMMANDS, pages=PAGES) -> Iterator[str]:
    """What ends in anything but an answer or an error in words."""
    for words in commands:
        try:
            ended = stored(*words)
        except Exception as error:  # noqa: BLE001 - whatever a command does not catch
            yield f"{words}: {type(error).__name__} {error}"
        else:
            if (
                ended.code not in (ExitCode.OK, ExitCode.USAGE, ExitCode.DATABASE, ExitCode.NOT_FOUND)
                or "Traceback" in ended.err
            ):
                yield f"{words}: {ended}"
    for path in pages:
        answer = dashboard(path)
        if answer.status_code >= 500:
            yield f"{path}: {answer.status_code} {answer.text[:200]}"


def put(database, collection, path, value):
    """Changes the first document of a collection; returns what takes it back."""
    found = database[collection].find_one({}, sort=[("_id", 1)])
    changed = copy.deepcopy(found)
    *keys, last = path
    place = functools.reduce(lambda part, key: part[key], keys, changed)
    place[last] = value
    database[collection].replace_one({"_id": found["_id"]}, changed)
    return lambda: database[collection].replace_one({"_id": found["_id"]}, found)


EXITS = (ExitCode.OK, ExitCode.USAGE, ExitCode.DATABASE, ExitCode.NOT_FOUND)
KINDS = ("campaigns", "evaluations", "events", "refits", "observations", "web_requests", "web_services")


def paths_in(document, before=()):
    """Paths of all parts of a document."""
    for key, item in document.items() if isinstance(document, dict) else enumerate(document):
        yield (*before, key)
        if isinstance(item, dict | list):
            yield from paths_in(item, (*before, key))


def turn(number, choices, size):
    """Some of the choices, others for each number, so that all take their turn."""
    return tuple(choices[(number * size + step) % len(choices)] for step in range(size))


def test_values_that_are_not_plain_data_are_named(stored, dashboard):
    """In each free-form part, each kind of value; commands and pages take turns, as all read by the same records."""
    found, number = [], 0
    for place, (collection, path) in FREE_FORM.items():
        for name, value in VALUES.items():
            number += 1
            undo = put(stored.database, collection, path, value)
            some = wrongs(stored, dashboard, turn(number, COMMANDS, 1), turn(number, PAGES, 1))
            found += [f"{place}, {name}: {wrong}" for wrong in some]
            undo()
    assert not found, "\n".join(found)


def mutations(database, chance):
    """Each part of a document of each kind, with another value for it, in a random order."""
    for collection in KINDS:
        document = database[collection].find_one({}, sort=[("_id", 1)])
        yield from ((collection, path, chance.choice(list(VALUES))) for path in paths_in(document) if path != ("_id",))


def attacked(stored, dashboard, changes):
    found = []
    for number, (collection, path, name) in enumerate(changes):
        undo = put(stored.database, collection, path, VALUES[name])
        some = wrongs(stored, dashboard, turn(number, COMMANDS, 2), turn(number, PAGES, 2))
        found += [f"{collection}, {path}, {name}: {wrong}" for wrong in some]
        undo()
    return found


def test_no_changed_document_ends_in_a_traceback(stored, dashboard):
    chance = random.Random(7)
    changes = chance.sample(list(mutations(stored.database, chance)), 30)
    assert not (found := attacked(stored, dashboard, changes)), "\n".join(found)


def test_a_damaged_request_or_report_keeps_nobody_from_the_others(stored, dashboard):
    requests = MongoRequests(stored.database)
    [request], [report] = requests.requests_in(RequestState.WAITING), requests.services()
    for collection, key, value in (("web_requests", "drivers", Binary(b"x")), ("web_services", "seen_at", "yesterday")):
        document = stored.database[collection].find_one()
        stored.database[collection].insert_one(document | {"_id": "0-damaged", "campaign": "another", key: value})
    assert requests.requests_in(RequestState.WAITING) == [request]
    assert [seen.report for seen in requests.services()] == [report.report]
    with pytest.raises(StoreError, match="damaged: drivers"):
        requests.request("0-damaged")
    assert dashboard("/api/v1/health").json()["waiting"] == 1


@pytest.mark.slow
def test_no_changed_part_of_any_document_ends_in_a_traceback(stored, dashboard):
    changes = list(mutations(stored.database, random.Random(1)))
    assert not (found := attacked(stored, dashboard, changes)), "\n".join(found)
