"""Example campaign files that are shipped with the package."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def campaign_templates() -> dict[str, Traversable]:
    """The templates by name."""
    folder = files("tansaku.deploy").joinpath("templates")
    return {
        entry.name.removesuffix(".yaml"): entry for entry in sorted(folder.iterdir(), key=str) if entry.name.endswith(".yaml")
    }


def template_files(template: Traversable) -> dict[str, Traversable]:
    """The template and the table of the same name, where it reads one, by name."""
    table = template.name.removesuffix(".yaml") + ".csv"
    beside = files("tansaku.deploy").joinpath("templates").joinpath(table)
    return {template.name: template} | ({table: beside} if beside.is_file() else {})


def template_summary(template: Traversable) -> str:
    """First comment line of a template."""
    first = template.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("#").strip()
