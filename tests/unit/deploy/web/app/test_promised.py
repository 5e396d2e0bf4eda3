"""The API has what was decided for it: paths, verbs, the lowest role of each, and pages of lists."""

from __future__ import annotations

import pytest

from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.test_app import matrix

VIEWER, OPERATOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN
OF_ONE = "/campaigns/{name}"
PROJECT = "/projects/{project}"
EVALUATION = f"{OF_ONE}/evaluations/{{number}}"

PROMISED = {
    "/session": {"POST": None, "DELETE": VIEWER},
    "/campaigns": {"GET": VIEWER, "POST": OPERATOR},
    "/checks": {"POST": OPERATOR},
    "/checks/{check_id}": {"GET": OPERATOR},
    "/rehearsals": {"POST": OPERATOR},
    "/rehearsals/{check_id}": {"GET": OPERATOR},
    "/benchmarks": {"POST": OPERATOR},
    "/benchmarks/{check_id}": {"GET": OPERATOR},
    "/spec-edits": {"POST": OPERATOR},
    "/sheets": {"POST": OPERATOR},
    OF_ONE: {"GET": VIEWER, "DELETE": OPERATOR},  # the owner's rights are checked beyond the role
    f"{OF_ONE}/commands": {"GET": VIEWER, "POST": OPERATOR},
    f"{OF_ONE}/evaluations": {"GET": VIEWER},
    EVALUATION: {"GET": VIEWER},
    f"{EVALUATION}/structure": {"GET": VIEWER},
    f"{EVALUATION}/log": {"GET": OPERATOR},
    f"{OF_ONE}/observations": {"GET": VIEWER},
    f"{OF_ONE}/series": {"GET": VIEWER},
    f"{OF_ONE}/changes": {"GET": VIEWER},
    f"{OF_ONE}/runs": {"GET": VIEWER, "POST": OPERATOR},
    f"{OF_ONE}/asks": {"GET": VIEWER, "POST": OPERATOR},
    f"{OF_ONE}/tells": {"POST": OPERATOR},
    f"{OF_ONE}/attachments": {"POST": OPERATOR},
    f"{OF_ONE}/attachments/{{sha256}}": {"GET": VIEWER},
    f"{OF_ONE}/drawings": {"GET": VIEWER},
    f"{OF_ONE}/drawings/{{figure}}": {"GET": VIEWER},
    f"{OF_ONE}/workers": {"GET": VIEWER},
    f"{OF_ONE}/evaluations/{{number}}/path": {"GET": VIEWER},
    f"{OF_ONE}/hull": {"GET": VIEWER},
    f"{OF_ONE}/slices": {"GET": VIEWER},
    f"{OF_ONE}/importance": {"GET": VIEWER},
    f"{OF_ONE}/predictions": {"GET": VIEWER, "POST": VIEWER},
    f"{OF_ONE}/acquisitions": {"POST": VIEWER},
    f"{OF_ONE}/figures/parallel": {"GET": VIEWER},
    f"{OF_ONE}/figures/model": {"GET": VIEWER},
    f"{OF_ONE}/figures/contour": {"GET": VIEWER},
    f"{OF_ONE}/figures/importance": {"GET": VIEWER},
    f"{OF_ONE}/links": {"POST": OPERATOR},
    f"{OF_ONE}/copies": {"POST": OPERATOR},
    f"{OF_ONE}/name": {"PUT": OPERATOR},  # the owner's rights are checked beyond the role
    f"{OF_ONE}/audit": {"GET": VIEWER},
    "/comparison": {"GET": VIEWER},
    "/search/drawing": {"GET": VIEWER},
    "/benchmarks/{check_id}/drawing": {"GET": OPERATOR},
    "/table-searches/{check_id}/drawings/{figure}": {"GET": OPERATOR},
    "/models": {"GET": VIEWER},
    "/models/{label}": {"GET": VIEWER},
    "/models/{label}/drawings/{figure}": {"GET": VIEWER},
    "/models/{label}/promotion": {"PUT": OPERATOR},  # the owner's rights are checked beyond the role
    "/models/{name}/versions": {"GET": VIEWER},
    "/datasets": {"GET": VIEWER},
    "/datasets/{sha256}": {"GET": VIEWER},
    "/datasets/{sha256}/file": {"GET": VIEWER},
    "/queue": {"GET": VIEWER},
    "/health": {"GET": VIEWER},
    "/service": {"GET": VIEWER},
    "/schedules": {"GET": VIEWER, "POST": OPERATOR},
    "/schedules/{schedule_id}": {"PUT": OPERATOR, "DELETE": OPERATOR},
    "/notifications": {"GET": VIEWER, "POST": VIEWER},  # own ones
    "/notifications/messages": {"GET": VIEWER},
    "/notifications/{subscription_id}": {"DELETE": VIEWER},
    "/notifications/{subscription_id}/test": {"POST": VIEWER},
    # Beyond the role, the member's role in the project is checked.
    "/projects": {"GET": VIEWER, "POST": OPERATOR},
    PROJECT: {"GET": VIEWER},
    f"{PROJECT}/members/{{user}}": {"PUT": OPERATOR, "DELETE": OPERATOR},
    f"{PROJECT}/notes": {"PUT": OPERATOR},
    f"{PROJECT}/tags": {"PUT": OPERATOR},
    f"{PROJECT}/quota": {"PUT": ADMIN},
    f"{PROJECT}/privacy": {"PUT": OPERATOR},
    f"{OF_ONE}/project": {"GET": VIEWER, "PUT": OPERATOR},
    "/files": {"GET": VIEWER},
    "/files/{sha256}": {"PUT": OPERATOR},
    "/users": {"GET": ADMIN, "POST": ADMIN},
    "/users/{name}": {"PATCH": ADMIN, "DELETE": ADMIN},
    "/tokens": {"GET": VIEWER, "POST": VIEWER},  # own ones; those of others need an admin
    "/tokens/{token_id}": {"DELETE": VIEWER},
    "/sessions": {"GET": VIEWER},
    "/sessions/{session_id}": {"DELETE": VIEWER},
    "/schema/{kind}": {"GET": VIEWER},
}
"""Lowest role by path and verb; None: everybody."""

LISTS = ("/campaigns", f"{OF_ONE}/evaluations", "/models", "/datasets", "/schedules", "/files", "/users", "/queue", "/projects")


@pytest.fixture
def paths(site):
    document = site.with_session(VIEWER).get("/api/v1/openapi.json").json()
    return {path.removeprefix("/api/v1"): operations for path, operations in document["paths"].items()}


def test_every_path_has_its_verbs_for_its_roles(site, paths):
    roles = matrix(site.app)
    for path, verbs in PROMISED.items():
        for verb, role in verbs.items():
            assert verb.lower() in paths[path], (path, verb)
            assert roles[verb, f"/api/v1{path}"] == ([] if role is None else [role]), (path, verb)


def parameters(operation) -> dict[str, dict]:
    return {parameter["name"].lower(): parameter for parameter in operation.get("parameters", ())}


def test_lists_have_pages_of_at_most_five_hundred(paths):
    for path in LISTS:
        found = parameters(paths[path]["get"])
        assert found["limit"]["schema"]["maximum"] == 500, path
        assert "after" in found, path


def test_a_notification_s_settings_are_stored_once(paths):
    # The stored description of the API is older than this route.
    assert "idempotency-key" in parameters(paths["/notifications"]["post"])
