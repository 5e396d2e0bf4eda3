"""Groups of commands and pages of the dashboard that rooms of tansaku and plug-ins add.

A room is a folder such as ``sparse`` that no other part of tansaku imports. It is named here as an entry point names an object
of a plug-in, and an installation may lack it. The object describes a group or a page; its code is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from tansaku.models.domain.plugins import Plugin, loaded, open_by, plugin_of, reasons_for

if TYPE_CHECKING:
    from tansaku.models.domain.accounts import Role

ROOMS: Mapping[str, Mapping[str, str]] = {
    "commands": {"sparse": "tansaku.sparse.commands:COMMANDS"},
    "pages": {"sparse": "tansaku.sparse.page:PAGE"},
}
"""Objects of rooms by kind and name."""

T = TypeVar("T")


@dataclass(frozen=True)
class CommandGroup:
    """A group of commands; its name is that of the entry point.

    Attributes:
        help: Line in the help of `tansaku`.
        opener: Module and name of a ``typer.Typer``.
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
        path: Address, such as ``/sparse``.
        role: Lowest role whose navigation shows it.
        opener: Module and name of a sequence of ``fastapi.APIRouter``.
        package: Package with folders ``templates`` and ``static``: templates are called ``NAME/FILE``, as are static files.
        sandboxed: Module and name of a function that answers in a process with limits (arguments as JSON, folder of the files,
            report of progress; returns JSON); empty: none.
    """

    title: str
    path: str
    role: Role
    opener: str
    package: str
    sandboxed: str = ""


def command_groups() -> Mapping[str, CommandGroup]:
    """Groups of commands of rooms and plug-ins, by name."""
    return _offered("commands", CommandGroup)


def pages() -> Mapping[str, Page]:
    """Pages of rooms and plug-ins, by name."""
    return _offered("pages", Page)


@cache
def _offered(group: str, kind: type[T]) -> Mapping[str, T]:
    def check(plugin: Plugin, found: object) -> T:
        if not isinstance(found, kind):
            raise TypeError(f"{plugin.entry.value} is no {kind.__name__}")
        return found

    rooms = {name: EntryPoint(name, value, group) for name, value in ROOMS[group].items()}
    here = {name: entry.load() for name, entry in rooms.items() if find_spec(entry.module.rpartition(".")[0]) is not None}
    return here | loaded(group, check, rooms)


def code_behind(group: str, name: str, path: str) -> Any:  # noqa: ANN401 - whatever the kind says
    """Imports the code of a room or a plug-in.

    Args:
        group: The kind.
        name: Of the group or page.
        path: Module and name in it.

    Raises:
        MissingComponentError: A plug-in's code cannot be imported.
    """
    plugin = plugin_of(group, name)
    return EntryPoint(name, path, group).load() if plugin is None else open_by(path, plugin)


def reason_without_commands(name: str) -> str:
    """Why a group of commands of this name does not work here; empty if nothing is known of it."""
    room = ROOMS["commands"].get(name)
    if room is not None and name not in command_groups():
        return f"this installation of tansaku has no package {room.partition(':')[0].rpartition('.')[0]}"
    return reasons_for(name).removeprefix("; ")
