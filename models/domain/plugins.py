"""Installed plug-ins: what packages register under entry points, in groups such as ``tansaku.calculators``.

``models/domain/door.py`` loads them beside tansaku's own.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from tansaku.models.domain.identifiers import printable
from tansaku.models.domain.ours import OURS, installed, package_of

_PREFIX = "tansaku."
_LONGEST = 300


@dataclass(frozen=True)
class Plugin:
    """One entry point.

    Attributes:
        group: Kind of what it adds.
        name: The word in campaign and site files.
        distribution: Package that was installed.
        version: Of that package.
    """

    group: str
    name: str
    distribution: str
    version: str
    entry: importlib.metadata.EntryPoint

    @property
    def origin(self) -> str:
        """Distribution and version, as results and levels of theory record them."""
        return f"{self.distribution} {self.version}"

    @property
    def remedy(self) -> str:
        """Hint where it does not work."""
        return f"repair it, or pip uninstall {self.distribution}"


@dataclass(frozen=True)
class PluginProblem:
    """Reason why a plug-in was left out."""

    plugin: Plugin
    reason: str

    def __str__(self) -> str:
        plugin = self.plugin
        return f"plug-in {plugin.distribution} {plugin.version}: {plugin.group} {plugin.name!r} was left out: {self.reason}"


_PROBLEMS: dict[tuple[str, str, str], PluginProblem] = {}
_ACCEPTED: dict[tuple[str, str], Plugin] = {}


@lru_cache(maxsize=1)
def found_plugins() -> tuple[Plugin, ...]:
    """Every entry point of an installed package, in order of kind, name and package; none is loaded."""
    found = []
    for distribution in importlib.metadata.distributions():
        entries = [entry for entry in distribution.entry_points if entry.group.startswith(_PREFIX)]
        if entries:
            name, version = str(distribution.metadata["Name"]), str(distribution.version)
            found += [Plugin(entry.group.removeprefix(_PREFIX), entry.name, name, version, entry) for entry in entries]
    # Of a package that is found twice on the path, the first one counts, as for imports.
    unique = {(plugin.group, plugin.name, plugin.distribution): plugin for plugin in reversed(found)}
    return tuple(unique[key] for key in sorted(unique))


def note_accepted(plugin: Plugin) -> None:
    """Notes that a plug-in brings the kind of its name."""
    _ACCEPTED[plugin.group, plugin.name] = plugin


def reason_of(error: BaseException) -> str:
    """Words of an error that somebody else's code raised, fit to be shown."""
    return printable(str(error).strip() or "no reason given")[:_LONGEST]


def note_problem(plugin: Plugin, error: BaseException) -> None:
    """Notes that a plug-in was left out, and why."""
    reason = reason_of(error)
    if not isinstance(error, TypeError | ValueError) or isinstance(error, UnicodeError):
        reason = f"{type(error).__name__}: {reason}"
    if "partially initialized" in str(error):
        # Each group is loaded while tansaku's own module of that kind is imported, which the other objects of the module need.
        reason = f"module {plugin.entry.module} holds objects of several groups; expected a module for each group"
    _PROBLEMS[plugin.group, plugin.name, plugin.distribution] = PluginProblem(plugin, reason)


def plugin_of(group: str, name: str) -> Plugin | None:
    """The plug-in that brings a type; None for tansaku's own types."""
    return _ACCEPTED.get((group, name))


def problems() -> tuple[PluginProblem, ...]:
    """Plug-ins that were left out so far, and why."""
    return tuple(_PROBLEMS[key] for key in sorted(_PROBLEMS))


def reasons_for(name: str) -> str:
    """Reasons why what has this name does not work here, for error messages; empty without any.

    A room of tansaku that has it is not installed, or a plug-in that brings it was left out.
    """
    lacking = {package_of(kinds[name]) for group, kinds in OURS.items() if name in kinds and name not in installed(group)}
    reasons = [f"this installation of tansaku has no package {package}" for package in sorted(lacking)]
    reasons += [str(problem) for problem in problems() if problem.plugin.name == name]
    return "".join(f"; {reason}" for reason in reasons)


def code_of(plugin: Plugin) -> tuple[str, ...]:
    """Modules and names in them that an accepted plug-in computes with, such as ``my_package.engine:ENGINE``."""
    found = plugin.entry.load()
    engine = getattr(getattr(found, "facts", None), "engine", None)
    named = [
        f"{engine}:ENGINE" if engine else None,
        *(
            getattr(found, name, None)
            for name in ("opener", "restore", "compute", "sandboxed", "printer", "informer", "program_files")
        ),
    ]
    return tuple(path for path in named if path)


def origins(parts: Mapping[str, object]) -> tuple[str, ...]:
    """Plug-ins that parts of a campaign come from, for provenance.

    Args:
        parts: Types by kind.
    """
    found = [(kind, plugin) for kind, name in parts.items() if (plugin := plugin_of(kind, str(name))) is not None]
    return tuple(f"{plugin.origin} ({kind}: {plugin.name})" for kind, plugin in found)
