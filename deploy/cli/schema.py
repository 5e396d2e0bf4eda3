"""`tansaku schema`: JSON Schemas for editors."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tansaku.deploy.cli.tables import show_json


def schema(
    kind: Annotated[
        Literal["campaign", "site", "dataset", "model", "screen"], typer.Argument(help="Which file the schema is for.")
    ] = "campaign",
) -> None:
    """Prints the JSON Schema of a campaign, site, data-set, model or screen file, for completion and checks in an editor."""
    from tansaku.tasks.reference import json_schema

    show_json(json_schema(kind))
