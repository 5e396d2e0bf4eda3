"""`tansaku mcp`: offers verbs of campaigns to programs that speak the Model Context Protocol, on standard input and output."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tansaku.models.domain.errors import MissingComponentError, TansakuError

if TYPE_CHECKING:
    import pandas as pd
    from mcp.server.mcpserver import MCPServer

    import tansaku_client
    from tansaku.deploy.python.machine import Machine

ROWS = 100
"""Rows of results in one answer."""


def mcp() -> None:
    """Serves check, create, run, status, results, ask, tell, predict and pause to an agent by MCP; nothing deletes."""
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.deploy.python.machine import Machine

    server_of(Machine()).run()


class Tools:
    """The tools of an agent, which reads their docstrings.

    Args:
        place: This machine's database, or a dashboard, where the role of the token holds.
    """

    def __init__(self, place: Machine | tansaku_client.Server) -> None:
        self._place = place

    def check(self, spec: str) -> str:
        """Checks a campaign file (path, or on a dashboard its YAML text): what is wrong, or what it would search and cost."""
        return self._place.check(spec).describe()

    def create(self, spec: str, dry_run: bool = True) -> str:
        """Stores the campaign of a file (path, or on a dashboard its YAML text). Unless dry_run is false, only checks it."""
        if dry_run:
            return f"dry run, nothing was stored; dry_run=false stores it\n{self.check(spec)}"
        return f"stored: {self._place.create(spec).name}"

    def run(self, name: str, dry_run: bool = True) -> str:
        """Starts computing a campaign, which costs computing time. Unless dry_run is false, only says how it stands."""
        campaign = self._place.campaign(name)
        if dry_run:
            return f"dry run, nothing was started; dry_run=false starts it\n{campaign.status.describe()}"
        campaign.start()
        return f"started; status says how {name} fares"

    def status(self, name: str | None = None) -> str:
        """Tells state, counts, budget and best value of a campaign; without a name it lists the campaigns."""
        if name is None:
            return "\n".join(line.name for line in self._place.campaigns) or "no campaigns"
        return self._place.campaign(name).status.describe()

    def results(self, name: str, evaluations: bool = False, last: int = ROWS) -> list[dict[str, Any]]:
        """Returns the best values of each system, or the last evaluations."""
        campaign = self._place.campaign(name)
        return rows_of((campaign.frame if evaluations else campaign.results).tail(last))

    def ask(self, name: str, count: int | None = None) -> list[dict[str, Any]]:
        """Returns the candidates to measure next, and why; proposes until `count` wait for values. Repeating it is safe."""
        return [
            {"number": row.number, "candidate": row.id, "cells": dict(row.cells), "why": row.why}
            | {"measure": row.measure, "mean": row.mean, "deviation": row.deviation}
            for row in self._place.campaign(name).ask(count)
        ]

    def tell(self, name: str, rows: list[dict[str, Any]]) -> str:
        """Records measured values, all or none: rows with `number` or `candidate`, `value`, and `note` or `status`."""
        return json.dumps(self._place.campaign(name).tell(rows).model_dump(mode="json"))

    def predict(self, name: str, points: list[str | dict[str, str | float]]) -> list[dict[str, Any]]:
        """Predicts mean and deviation of the value at candidates (ids) or at points (their parameters)."""
        return rows_of(self._place.campaign(name).predict(points).reset_index())

    def pause(self, name: str) -> str:
        """Stops proposing candidates; what runs is finished and kept."""
        self._place.campaign(name).pause()
        return f"{name}: pause stored"


def server_of(place: Machine | tansaku_client.Server) -> MCPServer:
    """A server with a tool for each method of `Tools`. Raises MissingComponentError where the package `mcp` is missing."""
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError as error:
        raise MissingComponentError("tansaku mcp needs the package mcp", hint="pip install 'tansaku[mcp]'") from error
    server, tools = MCPServer("tansaku"), Tools(place)
    for name in [name for name in vars(Tools) if name[0] != "_"]:
        server.add_tool(_explained(getattr(tools, name)))
    return server


def _explained(tool: Callable[..., Any]) -> Callable[..., Any]:
    """A tool whose errors are words for the agent."""
    from mcp.server.mcpserver.exceptions import ToolError

    from tansaku_client import ServerError

    @functools.wraps(tool)
    def called(*given: object, **named: object) -> object:
        try:
            return tool(*given, **named)
        except (TansakuError, ServerError) as error:
            raise ToolError(str(error)) from error

    return called


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain data."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15))
    return rows
