"""Values that no client of ours sends, in every field of every body: each is refused or harmless, none is a server's error."""

import json

import pytest

from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.conftest import SPEC

NAME = "small-table"
USUAL = {
    "spec": SPEC, "kind": "edit", "confirm": "another", "note": "x", "name": "ada", "role": "viewer", "password": "x" * 20,
    "cron": "1 2 * * *", "campaign": NAME, "label": "x", "present": "x", "new": "x",
}  # fmt: skip
HALF = "\ud800"
NESTED = json.loads("[" * 900 + "]" * 900)
VALUES = {
    "half of a character": HALF,
    "its key": {HALF: 1},
    "a zero byte": "a\x00b",
    "a large number": 10**400,
    "not a number": float("nan"),
    "nested": NESTED,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_field_of_a_body_takes_the_server_down(site_with, add_models, value):
    site = add_models(site_with("a1"))
    browser = site.with_session(Role.ADMIN)
    browser.upload()
    document = browser.get("/api/v1/openapi.json").json()
    proof = {"Origin": "http://localhost", "X-CSRF-Token": browser.form_token(), "Content-Type": "application/json"}
    tag, tried = browser.get(f"/api/v1/campaigns/{NAME}").headers["ETag"], 0
    for path, method, schema in bodies(document):
        fields = schema["properties"]
        usual = {key: given for key, given in USUAL.items() if key in fields}
        for body in ({**usual, key: given} for key in fields for given in (value, {"budget.cost": value})):
            tried += 1
            headers = proof | {"Idempotency-Key": f"hostile-{tried}", "If-Match": tag}
            answer = browser.request(method, path, content=json.dumps(body), headers=headers)
            # 503: too many checks or logins at once.
            assert answer.status_code < 500 or answer.status_code == 503, (method, path, json.dumps(body)[:200])
    assert tried > 50


def bodies(document):
    """Path, method and schema of every JSON body of the API."""
    known = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            found = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if found is not None:
                there = path.replace("{name}", NAME).replace("{label}", "alloy@2")
                yield there, method.upper(), known[found["schema"]["$ref"].rpartition("/")[2]]


def test_half_of_a_character_is_named_as_what_is_wrong(site):
    browser = site.with_session(Role.OPERATOR)
    content = json.dumps({"spec": SPEC, "changes": {"name": HALF}})
    answer = browser.change("POST", "/api/v1/spec-edits", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, "half of a character" in answer.json()["detail"]) == (422, True)
