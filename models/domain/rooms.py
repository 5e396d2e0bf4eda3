"""Commands, pages of the dashboard, figures, views of results and methods to compare, which rooms of tansaku and plug-ins add.

A room is a folder such as ``sparse`` that no other part of tansaku imports. It is named here as an entry point names an object
of a plug-in, and an installation may lack it. The object describes what is added; its code is imported when it is used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tansaku.models.domain.ours import OURS, installed

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from tansaku.models.domain.accounts import Role

T = TypeVar("T")


@dataclass(frozen=True)
class CommandGroup:
    """A group of commands, or one command; its name is that of the entry point.

    Attributes:
        help: Line in the help of `tansaku`.
        opener: Module and name of a ``typer.Typer``, or of the function that is the command.
        panel: Heading under which the help lists it.
    """

    help: str
    opener: str
    panel: str = "Models"


@dataclass(frozen=True)
class Page:
    """A page of the dashboard; its name is that of the entry point.

    Attributes:
        title: In the navigation.
        path: Address, such as ``/sparse``, or of a page about a campaign, such as ``/campaigns/{name}/diffusion``.
        role: Lowest role whose navigation shows it.
        opener: Module and name of a sequence of ``fastapi.APIRouter``.
        package: Package with folders ``templates`` and ``static``: templates are called ``NAME/FILE``, as are static files.
        sandboxed: Module and name of a function that answers in a process with limits (arguments as JSON, folder of the files,
            report of progress; returns JSON); empty: none.
        view: Campaigns whose goal names this view link to the page, and the navigation does not; empty: the navigation does.
    """

    title: str
    path: str
    role: Role
    opener: str
    package: str
    sandboxed: str = ""
    view: str = ""


@dataclass(frozen=True)
class FigureSet:
    """Figures besides those of every campaign, drawn where the description of the space names the entry point.

    Attributes:
        opener: Module and name of a function of a campaign and its artifacts, which returns its ``Drawing``s.
        pictures: Stems of those that stand on the campaign's page, which draws no figure of its own for such a space.
    """

    opener: str
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """A way to read and to print the results of campaigns whose goal names the entry point.

    Attributes:
        opener: Module and name of a function of a campaign that returns what notebooks get.
        printer: Module and name of a function that prints results: of a campaign, its artifacts, ``as_json`` and ``as_csv``.
    """

    opener: str
    printer: str


@dataclass(frozen=True)
class Method:
    """A method that `tansaku bench` compares with the proposers; its name is that of the entry point.

    Attributes:
        opener: Module and name of a function of the method's name that returns a ``Proposer`` for one objective.
    """

    opener: str


@dataclass(frozen=True)
class FormOffer:
    """A form of the dashboard's page of new campaigns, at ``/new/`` and the name of the entry point.

    Attributes:
        opener: Module and name of a ``SpecForm``.
    """

    opener: str


def command_groups() -> Mapping[str, CommandGroup]:
    """Groups of commands of rooms and plug-ins, by name."""
    return _offered("commands", CommandGroup)


def pages() -> Mapping[str, Page]:
    """Pages of rooms and plug-ins, by name."""
    return _offered("pages", Page)


def spec_forms() -> Mapping[str, FormOffer]:
    """Forms of new campaigns of rooms and plug-ins, by name."""
    return _offered("forms", FormOffer)


def figure_sets() -> Mapping[str, FigureSet]:
    """Sets of figures, by name."""
    return _offered("figures", FigureSet)


def views() -> Mapping[str, View]:
    """Views of results of rooms and plug-ins, by name."""
    return _offered("views", View)


def methods() -> Mapping[str, Method]:
    """Methods of rooms and plug-ins, by name."""
    return _offered("methods", Method)


@cache
def _offered(group: str, kind: type[T]) -> Mapping[str, T]:
    if not _plugins_may_add(group):
        return {name: _named(path) for name, path in installed(group).items()}
    from tansaku.models.domain.door import kinds

    def check(entry: EntryPoint, found: object) -> T:
        if not isinstance(found, kind):
            raise TypeError(f"{entry.value} is no {kind.__name__}")
        return found

    return kinds(group, check)


def _plugins_may_add(group: str) -> bool:
    """Whether an installed package names the group: `tansaku --help` asks, and to read all entry points takes much longer."""
    section = f"[tansaku.{group}]".encode()
    for folder in sys.path:
        try:
            found = [entry.path for entry in os.scandir(folder or ".") if entry.name.endswith((".dist-info", ".egg-info"))]
        except NotADirectoryError:  # an archive of packages
            return True
        except OSError:
            continue
        files = (Path(path, "entry_points.txt") for path in found)
        if any(section in file.read_bytes() for file in files if file.is_file()):
            return True
    return False


def _named(path: str) -> Any:  # noqa: ANN401 - whatever the kind says
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def code_behind(group: str, name: str, path: str) -> Any:  # noqa: ANN401 - whatever the kind says
    """Imports the code of a room or a plug-in.

    Args:
        name: Of what it describes.
        path: Module and name in it.

    Raises:
        MissingComponentError: A plug-in's code cannot be imported.
    """
    if name in OURS[group]:
        return _named(path)
    from tansaku.models.domain.door import opened

    return opened(group, name, path)
