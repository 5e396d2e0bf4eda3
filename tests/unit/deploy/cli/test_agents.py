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
