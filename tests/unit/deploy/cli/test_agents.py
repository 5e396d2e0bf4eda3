"""An agent steers campaigns by MCP over standard input and output, with the role of its token."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from tansaku.deploy.cli.agents import Tools, server_of
from tansaku.deploy.python.machine import Machine
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import MissingComponentError
from tests.unit.client.conftest import SPEC, Dashboard, dashboard, make_site, site

__all__ = ["dashboard", "make_site", "site"]

COMMAND = ["-c", "from tansaku.deploy.cli.main import main; main()", "--server"]


def agent_of(served: Dashboard, role: Role):
    """The package's own client of a ``tansaku --server URL mcp`` that it starts."""
    mcp = pytest.importorskip("mcp")
    words = [*COMMAND, served.address, "mcp"]
    started = mcp.StdioServerParameters(command=sys.executable, args=words, env={"TANSAKU_TOKEN": served.token(role)})
    return mcp.Client(started)


async def said(client, tool: str, **given: object) -> str:
    answer = await client.call_tool(tool, given)
    return "".join(part.text for part in answer.content)


def test_an_agent_makes_measures_and_pauses_a_campaign(dashboard: Dashboard):
    async def work() -> None:
        async with agent_of(dashboard, Role.OPERATOR) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert tools == {"check", "create", "run", "status", "results", "ask", "tell", "predict", "pause"}
            assert "dry run" in await said(client, "create", spec=SPEC)
            assert await said(client, "status") == "no campaigns"
            assert await said(client, "create", spec=SPEC, dry_run=False) == "stored: rows"
            assert "dry run" in await said(client, "run", name="rows")
            assert dashboard.site.services.requests.requests_of("rows", 5, None) == []
            asked = (await client.call_tool("ask", {"name": "rows", "count": 2})).structured_content["result"]
            assert [(row["number"], row["candidate"], row["cells"]["x"]) for row in asked] == [(1, "a", 0.0), (2, "b", 0.5)]
            told = await said(client, "tell", name="rows", rows=[{"number": 1, "value": 2.5}])
            assert json.loads(told)["new"] == {"values": 1}
            found = (await client.call_tool("results", {"name": "rows", "evaluations": True})).structured_content["result"]
            assert found[0]["value"] == 2.5
            assert "no campaign" in await said(client, "status", name="other")
            assert "there is no model" in await said(client, "predict", name="rows", points=["a"])
            assert await said(client, "pause", name="rows") == "rows: pause stored"
            assert "PAUSED" in await said(client, "status", name="rows")

    asyncio.run(work())


HUGE = "x" * 1_000_000
MARKUP = "<b>a</b>\x1b[31m/../%2e%2e/?q=1#f\n"
NO_NAME = "is no name of lower-case letters, digits and hyphens"
NO_FILE = "is no campaign file; expected the path of one (.yaml, .yml, .json), or its text"
ONE_VALUE = {"name": "rows", "rows": [{"number": 1, "value": 1.0}]}

MALFORMED = [
    *(
        (tool, given, message)
        for tool in ("check", "create")
        for given, message in (
            ({}, "spec: missing"),
            ({"spec": 5}, "spec: 5 must be a valid string"),
            ({"spec": ""}, "spec: '' must have at least 1 character"),
            ({"spec": HUGE}, "must have at most 262144 characters"),
            ({"spec": "nowhere.yaml"}, f"spec: 'nowhere.yaml' {NO_FILE}"),
            ({"spec": "/dev/zero"}, f"spec: '/dev/zero' {NO_FILE}"),
            ({"spec": "/etc/passwd"}, f"spec: '/etc/passwd' {NO_FILE}"),
            ({"spec": "a\0b.yaml"}, NO_FILE),
            ({"spec": "x" * 3000 + ".yaml"}, NO_FILE),
            ({"spec": SPEC, "extra": 1}, "extra: unknown key"),
            ({"spce": SPEC}, "spce: unknown key (did you mean 'spec'?)"),
        )
    ),
    *(
        (tool, {"name": name} | more, message)
        for tool, more in (
            *((tool, {}) for tool in ("run", "status", "results", "ask", "pause")),
            ("tell", {"rows": [{"number": 1, "value": 1.0}]}),
            ("predict", {"points": ["a"]}),
        )
        for name, message in (
            (5, "name: 5 must be a valid string"),
            ("other", "name: no campaign 'other'"),
            (HUGE, NO_NAME),
            (MARKUP, f"name: '<b>a</b>\\x1b[31m/../%2e%2e/?q=1#f\\n' {NO_NAME}"),
        )
    ),
    *((tool, {}, "name: missing") for tool in ("run", "results", "ask", "tell", "predict", "pause")),
    ("status", {"names": "rows"}, "names: unknown key (did you mean 'name'?)"),
    ("create", {"spec": SPEC, "dry_run": "maybe"}, "dry_run: 'maybe' must be a valid boolean"),
    ("run", {"name": "rows", "dry_run": None}, "dry_run: None must be a valid boolean"),
    ("results", {"name": "rows", "last": -5}, "last: -5 must be greater than or equal to 1"),
    ("results", {"name": "rows", "evaluations": [1]}, "evaluations: [1] must be a valid boolean"),
    ("ask", {"name": "rows", "count": 10**30}, "count: 1000000000000000000000000000000 must be less than or equal to 1000"),
    ("ask", {"name": "rows", "count": 1.5}, "count: 1.5 must be a valid integer"),
    ("tell", {"name": "rows"}, "rows: missing"),
    ("tell", {"name": "rows", "rows": []}, "rows: [] must have at least 1 item; it has 0"),
    ("tell", {"name": "rows", "rows": [1]}, "rows[0]: 1 must be a mapping of names to values"),
    ("tell", {"name": "rows", "rows": [{"number": 1, "value": [1]}]}, "rows[0].value: [1] must be"),
    ("tell", {"name": "rows", "rows": [{"number": 99, "value": 1}]}, "number: there is no proposal 99; waiting are 1, 2"),
    ("tell", {"name": "rows", "rows": [{"number": 1, "value": "far"}]}, "value: 'far' is not a number"),
    ("tell", {"name": "rows", "rows": [{"number": 1, "value": HUGE}]}, "rows[0].value: 'xxx"),
    ("tell", {"name": "rows", "rows": [{HUGE: 1, "number": 1, "value": 1}]}, "rows[0].xxx"),
    ("tell", {"name": "rows", "rows": ONE_VALUE["rows"] * 6000}, "must have at most 5000 items"),
    ("tell", ONE_VALUE | {"extra": 2}, "extra: unknown key; known are name, rows"),
    ("predict", {"name": "rows", "points": "a"}, "points: 'a' must be a valid list"),
    ("predict", {"name": "rows", "points": [[]]}, "points[0]: [] must be a valid string or a mapping of names to values"),
    ("predict", {"name": "rows", "points": [{"x": 1}]}, "point 1: kind: must be given too"),
    ("predict", {"name": "rows", "points": [{"x": "far", "kind": "soft"}]}, "point 1: x: 'far'; expected a number"),
    ("predict", {"name": "rows", "points": ["a"] * 600}, "must have at most 500 items"),
]


def test_malformed_arguments_are_named_and_the_server_goes_on(dashboard: Dashboard):
    async def work() -> list[str]:
        async with agent_of(dashboard, Role.OPERATOR) as client:
            await said(client, "create", spec=SPEC, dry_run=False)
            await said(client, "ask", name="rows", count=2)
            wrong = []
            for tool, given, message in MALFORMED:
                answer = await client.call_tool(tool, given)
                text = "".join(part.text for part in answer.content)
                if not answer.is_error or message not in text or len(text) > 1000:
                    wrong.append(f"{tool} {str(given)[:100]}: expected {message!r}, not {text[:300]!r}")
            assert json.loads(await said(client, "tell", **ONE_VALUE))["new"] == {"values": 1}
            # Some agents send a list as a text.
            assert "there is no model" in await said(client, "predict", name="rows", points='["a"]')
            return wrong

    assert asyncio.run(work()) == []


def test_no_tool_deletes_and_a_viewer_only_reads(dashboard: Dashboard):
    dashboard.connect().create(SPEC)
    tools = Tools(dashboard.connect(Role.VIEWER))
    assert "NEW" in tools.status("rows")
    with pytest.raises(PermissionError):
        tools.pause("rows")
    assert not any("delete" in name or "rename" in name for name in dir(tools))


def test_without_its_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    with pytest.raises(MissingComponentError, match=r"tansaku mcp needs the package mcp[\s\S]*pip install 'tansaku\[mcp\]'"):
        server_of(Machine())
