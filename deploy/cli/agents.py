"""`tansaku mcp`: offers verbs of campaigns to programs that speak the Model Context Protocol, on standard input and output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from tansaku.models.domain.errors import ConfigurationError, installed
from tansaku.models.domain.identifiers import NAME_PATTERN, shown
from tansaku_client.calls import is_text

if TYPE_CHECKING:
    import pandas as pd

    import tansaku_client
    from tansaku.deploy.cli.agent_server import AgentServer
    from tansaku.deploy.python.campaign import Campaign
    from tansaku.deploy.python.machine import Machine

ROWS = 100
"""Rows of results in one answer."""

_ENDINGS = (".yaml", ".yml", ".json")

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Text = Annotated[str, Field(max_length=2000)]
Spec = Annotated[str, Field(min_length=1, max_length=262_144)]
Count = Annotated[int, Field(ge=1, le=1000)]
Last = Annotated[int, Field(ge=1, le=5000)]
Rows = Annotated[list[dict[Text, Text | int | float | None]], Field(min_length=1, max_length=5000)]
Points = Annotated[list[Text | dict[Text, Text | int | float]], Field(min_length=1, max_length=500)]


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

    def _campaign(self, name: str) -> Campaign | tansaku_client.Campaign:
        """A campaign. Raises ConfigurationError where there is none of the name."""
        try:
            return self._place.campaign(name)
        except LookupError as error:
            raise ConfigurationError(f"name: {error}") from error

    def check(self, spec: Spec) -> str:
        """Checks a campaign file (its YAML or JSON text, or its path): what is wrong, or what it would search and cost."""
        return self._place.check(_spec(spec)).describe()

    def create(self, spec: Spec, dry_run: bool = True) -> str:
        """Stores the campaign of a file (its YAML or JSON text, or its path). Unless dry_run is false, only checks it."""
        if dry_run:
            return f"dry run, nothing was stored; dry_run=false stores it\n{self.check(spec)}"
        return f"stored: {self._place.create(_spec(spec)).name}"

    def run(self, name: Name, dry_run: bool = True) -> str:
        """Starts computing a campaign, which costs computing time. Unless dry_run is false, only says how it stands."""
        campaign = self._campaign(name)
        if dry_run:
            return f"dry run, nothing was started; dry_run=false starts it\n{campaign.status.describe()}"
        campaign.start()
        return f"started; status says how {name} fares"

    def status(self, name: Name | None = None) -> str:
        """Tells state, counts, budget and best value of a campaign; without a name it lists the campaigns."""
        if name is None:
            return "\n".join(line.name for line in self._place.campaigns) or "no campaigns"
        return self._campaign(name).status.describe()

    def results(self, name: Name, evaluations: bool = False, last: Last = ROWS) -> list[dict[str, Any]]:
        """Returns the best values of each system, or the last evaluations."""
        campaign = self._campaign(name)
        return rows_of((campaign.frame if evaluations else campaign.results).tail(last))

    def ask(self, name: Name, count: Count | None = None) -> list[dict[str, Any]]:
        """Returns the candidates to measure next, and why; proposes until `count` wait for values. Repeating it is safe."""
        return [
            {"number": row.number, "candidate": row.id, "cells": dict(row.cells), "why": row.why}
            | {"measure": row.measure, "mean": row.mean, "deviation": row.deviation}
            for row in self._campaign(name).ask(count)
        ]

    def tell(self, name: Name, rows: Rows) -> str:
        """Records measured values, all or none: rows with `number` or `candidate`, `value`, and `note` or `status`."""
        return json.dumps(self._campaign(name).tell(rows).model_dump(mode="json"))

    def predict(self, name: Name, points: Points) -> list[dict[str, Any]]:
        """Predicts mean and deviation of the value at candidates (ids) or at points (their parameters)."""
        return rows_of(self._campaign(name).predict(points).reset_index())

    def pause(self, name: Name) -> str:
        """Stops proposing candidates; what runs is finished and kept."""
        self._campaign(name).pause()
        return f"{name}: pause stored"


def _spec(spec: str) -> str:
    """The text of a campaign file, or the path of one. Raises ConfigurationError for what is neither.

    A device would have no end, standard input is what the agent sends, and any other file is none of a dashboard's business.
    """
    try:
        found = is_text(spec) or (Path(spec).suffix in _ENDINGS and Path(spec).is_file())
    except OSError:  # it is too long, or lies in a folder that may not be read
        found = False
    if not found:
        raise ConfigurationError(
            f"spec: {shown(spec)} is no campaign file; expected the path of one ({', '.join(_ENDINGS)}), or its text"
        )
    return spec


def server_of(place: Machine | tansaku_client.Server) -> AgentServer:
    """A server with a tool for each method of `Tools`. Raises MissingComponentError where the package `mcp` is missing."""
    with installed("tansaku mcp needs the package mcp", hint="pip install 'tansaku[mcp]'"):
        from tansaku.deploy.cli.agent_server import AgentServer
    tools = Tools(place)
    return AgentServer("tansaku", {name: getattr(tools, name) for name in vars(Tools) if name[0] != "_"})


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain data."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15))
    return rows
