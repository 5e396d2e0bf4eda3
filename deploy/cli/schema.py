"""`tansaku schema`: JSON Schemas for editors."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tansaku.deploy.cli.tables import show_json


def schema(
    kind: Annotated[
        Literal["campaign", "site", "dataset", "model", "screen"], typer.Argument(help="Kind of file.")
    ] = "campaign",
) -> None:
    """Prints the JSON Schema of a kind of file, for completion and validation in an editor."""
    from tansaku.tasks.ground.formats.schema import json_schema

    show_json(json_schema(kind))
