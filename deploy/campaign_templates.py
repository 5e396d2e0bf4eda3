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
    """The template and the table or structure of the same name, where it reads one, by name."""
    names = [template.name.removesuffix("yaml") + ending for ending in ("csv", "extxyz")]
    beside = {name: files("tansaku.deploy").joinpath("templates").joinpath(name) for name in names}
    return {template.name: template} | {name: file for name, file in beside.items() if file.is_file()}


def template_summary(template: Traversable) -> str:
    """First comment line of a template."""
    first = template.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("#").strip()
