"""Example campaign files that are shipped with the package."""

from __future__ import annotations

from functools import cache
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
    """The template and the tables and structures that its space reads, by name."""
    import yaml
    from pydantic import TypeAdapter

    from tansaku.models.domain.specs.space import SpaceSpec

    space = TypeAdapter(SpaceSpec).validate_python(yaml.safe_load(template.read_text(encoding="utf-8"))["space"])
    folder = files("tansaku.deploy").joinpath("templates")
    return {template.name: template} | {file.path: folder.joinpath(file.path) for file in space.files()}


@cache
def template_space(name: str) -> str:
    """Type of the space of a template, by its name."""
    import yaml

    return str(yaml.safe_load(campaign_templates()[name].read_text(encoding="utf-8"))["space"]["type"])


def template_summary(template: Traversable) -> str:
    """First comment line of a template."""
    first = template.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("#").strip()
