"""`tansaku init` and `tansaku check`: writing a campaign file and seeing what it would do, at no cost."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.session import opened
from tansaku.deploy.cli.tables import show_json

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

DEFAULT_TEMPLATE = "al-110-tilt"


def _templates() -> dict[str, Traversable]:
    folder = files("tansaku.deploy").joinpath("templates")
    return {
        entry.name.removesuffix(".yaml"): entry for entry in sorted(folder.iterdir(), key=str) if entry.name.endswith(".yaml")
    }


def _complete_template(incomplete: str) -> list[str]:
    return [name for name in _templates() if name.startswith(incomplete)]


def _summary(template: Traversable) -> str:
    """First comment line of a template."""
    first = template.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("#").strip()


def init(
    template: Annotated[
        str, typer.Argument(metavar="[TEMPLATE]", help="Which one; see --list.", autocompletion=_complete_template)
    ] = DEFAULT_TEMPLATE,
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the file is written.")] = Path(),
    list_templates: Annotated[bool, typer.Option("--list", help="List the templates and write nothing.")] = False,
) -> None:
    """Writes an example campaign file to start from; never overwrites one."""
    from tansaku.models.domain.errors import ConfigurationError, NotFoundError

    templates = _templates()
    if list_templates:
        for name, entry in templates.items():
            typer.echo(f"{name:<20} {_summary(entry)}")
        return
    if template not in templates:
        raise NotFoundError(f"no template {template!r}", hint="there are " + ", ".join(templates))
    if not folder.is_dir():
        raise ConfigurationError(f"--to {str(folder)!r}: expected an existing folder")
    target = folder / f"{template}.yaml"
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(templates[template].read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise ConfigurationError(f"{str(target)!r} exists already; nothing was written") from error
    typer.echo(f"wrote {target}")
    typer.echo(f"next: tansaku check {target}; tansaku run {target}")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Validates a campaign file and shows what it would search, run and spend; spends nothing."""
    from tansaku.tasks.rehearsal import rehearse

    found = rehearse(file, lambda: opened(None))
    if as_json:
        show_json(found.model_dump(mode="json"))
    else:
        typer.echo(found.describe())
