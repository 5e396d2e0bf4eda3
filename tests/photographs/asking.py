"""Asks every GET of the API, in this process; routes and their choices are those of its description."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from tansaku.deploy.cli.web import services_of
from tansaku.deploy.web.app import create_app
from tansaku.deploy.web.auth.sessions import open_session
from tansaku.deploy.web.services import WebSettings
from tansaku.models.domain.accounts import Role, User
from tansaku.tasks.backends.resources import DatabaseResources
from tests.photographs.plain import table_of

HOST = "localhost"
DESCRIPTION = "/api/v1/openapi.json"


def browser_of(resources: DatabaseResources) -> TestClient:
    """A browser in which an admin is logged in."""
    services = services_of(resources, WebSettings(hosts=frozenset({HOST})))
    admin = User(name="admin", role=Role.ADMIN, created_at=services.clock())
    services.accounts.add_user(admin)
    browser = TestClient(create_app(services), base_url=f"http://{HOST}")
    browser.cookies.set(services.settings.session_cookie, open_session(services, admin, "test", None))
    return browser


class Parameters:
    """Values of parameters of paths, as the API itself lists them.

    Args:
        browser: Asks.
        campaigns: Names of all campaigns.
    """

    def __init__(self, browser: TestClient, campaigns: Sequence[str]) -> None:
        self._browser, self._campaigns = browser, campaigns

    def of(self, path: str, described: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Every combination of values for a route; of evaluations the first and the last of a campaign.

        Args:
            path: The route.
            described: Its parameters that are in the path.
        """
        names = [one["name"] for one in described]
        if names[:1] != ["name"]:
            choices = [self._enumerated(one) or self._listed(path, one["name"]) for one in described]
            yield from (dict(zip(names, values, strict=True)) for values in itertools.product(*choices))
            return
        for campaign in self._campaigns:
            own = f"{path.partition('{name}')[0]}{campaign}{path.partition('{name}')[2]}"
            rest = [self._listed(own, name) for name in names[1:]]
            yield from (dict(zip(names, (campaign, *values), strict=True)) for values in itertools.product(*rest))

    def _enumerated(self, described: dict[str, Any]) -> list[str]:
        return list(described["schema"].get("enum", ()))

    def _listed(self, path: str, parameter: str) -> list[Any]:
        """First and last value of a parameter in the list that its route is below; none where nothing is listed there."""
        answer = self._browser.get(path.partition(f"/{{{parameter}}}")[0], params={"limit": 500})
        key = {"number": "round", "request_id": "id", "command_id": "id", "training_id": "id"}.get(parameter, parameter)
        listed = answer.json()
        items = listed if isinstance(listed, list) else listed.get("items", [])
        found = [item[key] for item in items if key in item]
        return list(dict.fromkeys(found[:1] + found[-1:]))


def answers(browser: TestClient, campaigns: Sequence[str], left_out: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """The answer of every route, for every choice that its description names.

    Args:
        browser: Of an admin.
        campaigns: Names of all campaigns.
        left_out: Routes that are not asked.
    """
    description = browser.get(DESCRIPTION).json()
    parameters = Parameters(browser, campaigns)
    yield f"GET {DESCRIPTION}", description
    for path, operations in sorted(description["paths"].items()):
        if "get" not in operations or path in left_out:
            continue
        described = operations["get"].get("parameters", ())
        queries = [one for one in described if one["in"] == "query"]
        for values in parameters.of(path, [one for one in described if one["in"] == "path"]):
            for query in _queries(queries, description["components"]["schemas"]):
                answer = browser.get(path.format(**values), params=query)
                yield _name(path, values, query), _plain(answer)


def _queries(described: Sequence[dict[str, Any]], schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """No choice, then each value of each parameter that has few."""
    yield {}
    for one in described:
        schema = one["schema"]
        known = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        yield from ({one["name"]: value} for value in known.get("enum", ()))


def _name(path: str, values: dict[str, Any], query: dict[str, Any]) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return f"GET {path.format(**values)}" + (f"?{asked}" if asked else "")


def _plain(answer: Any) -> dict[str, Any]:
    """Status, type and content; of a table its rows, of a picture or an archive nothing."""
    kind = answer.headers.get("content-type", "")
    body: Any = answer.text.splitlines() if kind.startswith("text/") or "xyz" in kind else None
    if "json" in kind:
        body = json.loads(answer.text)
    elif body is None and "parquet" in kind:
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            file.write(answer.content)
            file.flush()
            body = table_of(Path(file.name))
    return {"status": answer.status_code, "type": kind, "body": body}
