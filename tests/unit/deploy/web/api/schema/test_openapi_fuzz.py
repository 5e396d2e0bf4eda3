"""Requests made from the description of the API, by each role and by nobody: every answer is as described."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis import checks as known
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.responses import Response

from tansaku.deploy.web.auth.tokens import issue_token
from tansaku.models.domain.accounts import Role, User
from tests.support.records import dataset_record
from tests.unit.deploy.web.conftest import SPEC

NAME = "small-table"
HOSTS = frozenset({"localhost", "testserver"})
CHECKS = [
    known.not_a_server_error,
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
"""All of schemathesis for one request, but ``positive_data_acceptance``: no schema tells which texts are specs."""

EXAMPLES = 3
"""Requests of each kind to each operation; each is sent by every role, and making it takes longer than answering it."""

STREAMS = {"/api/v1/changes", "/api/v1/campaigns/{name}/changes"}
"""They do not end by themselves; test_changes.py follows them."""


def _attack(site, begin: int | None = None) -> Iterator[str]:
    """Sends valid and invalid requests to every operation, each by every role; yields what is wrong with the answers.

    Args:
        site: The application.
        begin: Seed of the requests; None: always the same ones.
    """
    users = site.services.accounts
    tokens = {role: issue_token(site.services, users.user(role.value), "fuzz", role, 86400.0)[0] for role in Role}
    senders = {None: {}} | {role: {"Authorization": f"Bearer {token}"} for role, token in tokens.items()}
    document = site.with_session(Role.VIEWER).get("/api/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(_without_tuples(document))
    schema.app = site.app
    # A list of too many entries may be larger than a body may be.
    rejected = schema.config.checks.negative_data_rejection
    rejected.expected_statuses = [*rejected.expected_statuses, "413"]
    stored = _stored(site)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 40
    for operation in operations:
        if operation.path in STREAMS:
            continue
        for mode in _modes(operation):
            yield from _findings(operation, mode, begin, senders, stored[operation.path.split("/")[3]])


def _findings(operation, mode, begin, senders, stored) -> Iterator[str]:
    found: list[str] = []
    proof = {"Authorization": "is replaced"}

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=begin is None,
        deadline=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode, headers=proof), exists=st.booleans())
    def attack(case, exists):
        if exists and mode is GenerationMode.POSITIVE:
            case.path_parameters.update({key: stored[key] for key in case.path_parameters if key in stored})
        for role, headers in senders.items():
            case.headers.pop("Authorization", None)
            case.headers.update(headers)
            # That needs a request of its own, and an answer that is none of a refusal.
            checks = [*CHECKS, ignored_auth] if role is Role.ADMIN else CHECKS
            try:
                case.call_and_validate(checks=checks)
            except BaseExceptionGroup as error:
                found.extend(f"{role} {operation.label}: {problem}" for problem in error.exceptions)

    (attack if begin is None else seed(begin)(attack))()
    yield from found


def _modes(operation) -> list[GenerationMode]:
    """Invalid requests are tried where there is more than a path, of which every text is valid."""
    described = operation.definition.raw
    parameters = [known for known in described.get("parameters", ()) if known["in"] == "query"]
    typed = [known for known in parameters if known["schema"] != {"type": "string"}]
    return list(GenerationMode) if typed or "requestBody" in described else [GenerationMode.POSITIVE]


def _stored(site) -> dict[str, dict[str, object]]:
    """Values of parameters of paths that exist, by the first part of the path."""
    browser = site.with_session(Role.ADMIN)
    file = browser.upload().json()["sha256"]
    key = {"Origin": "http://localhost", "X-CSRF-Token": browser.form_token(), "Idempotency-Key": "fuzz-0001"}
    run = browser.post(f"/api/v1/campaigns/{NAME}/runs", headers=key).json()["id"]
    timing = {"campaign": NAME, "cron": "30 2 * * *"}
    schedule = browser.post("/api/v1/schedules", headers=key, json=timing).json()["id"]
    hook = {"happenings": ["stuck"], "channel": "slack", "address": "https://hooks.example.org/x"}
    subscription = browser.post("/api/v1/notifications", headers=key, json=hook).json()["id"]
    check = browser.change("POST", "/api/v1/checks", json={"spec": SPEC}).json()["id"]
    site.services.accounts.add_user(User(name="eve", role=Role.VIEWER, password_hash=None, created_at=site.clock()))
    _, token = issue_token(site.services, site.services.accounts.user("eve"), "other", Role.VIEWER, 60.0)
    session = site.services.accounts.sessions("admin")[0].id
    saved = browser.change("PUT", "/api/v1/search/saved/lowest", json={"order": "lowest"}).json()["name"]
    wanted = {"name": "alloy", "dataset": "copper", "surrogate": "alloy@2"}
    site.services.registry.add_dataset(dataset_record(name="copper", sha256="a" * 64))
    training = browser.post("/api/v1/trainings", headers=key, json=wanted).json()["id"]
    known = {
        "campaigns": {"name": NAME, "number": 1, "request_id": run},
        "schedules": {"schedule_id": schedule},
        "notifications": {"subscription_id": subscription},
        "files": {"sha256": file},
        "checks": {"check_id": check},
        "users": {"name": "eve"},
        "tokens": {"token_id": token.id},
        "sessions": {"session_id": session},
        "models": {"label": "alloy@2"},
        "search": {"title": saved},
        "trainings": {"training_id": training},
    }
    return defaultdict(dict, known)


def _without_tuples(part: Any) -> Any:
    """The same for schemathesis 4.32, which cannot read ``prefixItems`` in answers; all items of our tuples are alike."""
    if isinstance(part, list):
        return [_without_tuples(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: _without_tuples(value) for key, value in part.items()}
    items = found.pop("prefixItems", None)
    if items is not None:
        assert all(item == items[0] for item in items)
        found["items"] = items[0]
    return found


@pytest.fixture
def site(make_site, recorded, add_models):
    """An application that has some of everything."""
    return add_models(make_site(recorded("a1", "a3"), hosts=HOSTS))


def test_every_answer_is_as_described(site):
    found = list(_attack(site))
    assert not found, "\n\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("begin", range(1, 21))
def test_every_answer_to_other_requests_is_as_described(site, begin):
    found = list(_attack(site, begin))
    assert not found, "\n\n".join(found)


def test_a_server_error_or_an_answer_that_is_not_described_would_be_found(make_site):
    site = make_site(hosts=HOSTS)

    @site.app.get("/api/v1/planted/{number}")
    def planted(number: int) -> int:
        if number:
            raise RuntimeError
        return Response("text")

    document = site.with_session(Role.VIEWER).get("/api/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.app = site.app
    for number, error in ((1, (RuntimeError, BaseExceptionGroup)), (0, BaseExceptionGroup)):
        case = schema["/api/v1/planted/{number}"]["GET"].Case(path_parameters={"number": number})
        with pytest.raises(error):
            case.call_and_validate(checks=CHECKS)
