"""`tansaku schema`: JSON Schemas for editors, and explanations of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from tansaku.deploy.campaign_templates import campaign_templates
from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.tables import show_json

if TYPE_CHECKING:
    from tansaku.tasks.ground.formats.schema import FileKind


def schema(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND|KEY", help="campaign, site, dataset, model or screen; with --explain a key of these files."
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Explain KEY, such as budget.evaluations; without KEY list the keys by task.")
    ] = False,
) -> None:
    """Explains a key of a file, or prints the JSON Schema of a kind of file, for completion and validation in an editor."""
    import yaml

    from tansaku.tasks.ground.formats import schema as formats

    if not explain:
        show_json(formats.json_schema(_kind(subject or "campaign")))
    elif subject is None:
        say(formats.key_overview())
    else:
        documents = [yaml.safe_load(template.read_text(encoding="utf-8")) for template in campaign_templates().values()]
        say(formats.explained(subject, formats.examples_in(documents)))


def _kind(name: str) -> FileKind:
    from tansaku.tasks.ground.formats.schema import FileKind

    kinds: tuple[FileKind, ...] = get_args(FileKind)
    for kind in kinds:
        if kind == name:
            return kind
    raise typer.BadParameter(f"{name!r} is no kind of file; expected one of {', '.join(kinds)}; a key needs --explain")
