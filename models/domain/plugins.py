"""Installed plug-ins: what packages register under entry points, in groups such as ``tansaku.calculators``.

An entry point names an object of a *pure* module: a spec class, or a description. It is loaded when the registry of its kind
is made, and says, as text, which module and name in it compute (``opener``); that is imported when it is first asked for. A
plug-in that cannot be loaded is noted as a problem and left out: nothing but campaigns that need it is affected.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.identifiers import printable

GROUPS = (
    "calculators",
    "spaces",
    "objectives",
    "proposers",
    "features",
    "workflows",
    "launchers",
    "surrogates",
    "commands",
    "pages",
)
"""Kinds of what plug-ins may add; their entry points are in ``tansaku.KIND``."""

_PREFIX = "tansaku."
_LONGEST = 300

T = TypeVar("T")


@dataclass(frozen=True)
class Plugin:
    """One entry point.

    Attributes:
        group: Kind of what it adds.
        name: The word in campaign and site files.
        distribution: Package that was installed.
        version: Of that package.
        entry: The entry point.
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


def loaded(group: str, check: Callable[[Plugin, object], T | None], taken: Iterable[str] = ()) -> dict[str, T]:
    """Objects that the plug-ins of a group register, by name; unusable ones become problems.

    Args:
        group: The kind.
        check: Returns the object as the registry keeps it, None if it belongs to another registry of the same kind; raises
            TypeError or ValueError if it is not what the kind needs.
        taken: Names that tansaku itself has.
    """
    known, found = set(taken), {}
    for plugin in found_plugins():
        if plugin.group != group:
            continue
        try:
            if plugin.name in known:
                raise ValueError(f"the name is taken by {_owner(group, plugin.name)}")
            item = check(plugin, plugin.entry.load())
        except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's module may raise anything when it is imported
            _note(plugin, error)
            continue
        if item is None:
            continue
        known.add(plugin.name)
        _ACCEPTED[group, plugin.name] = plugin
        found[plugin.name] = item
    return found


def _owner(group: str, name: str) -> str:
    other = _ACCEPTED.get((group, name))
    return f"plug-in {other.origin}" if other is not None else "tansaku itself"


def reason_of(error: BaseException) -> str:
    """Words of an error that somebody else's code raised, fit to be shown."""
    return printable(str(error).strip() or "no reason given")[:_LONGEST]


def _note(plugin: Plugin, error: BaseException) -> None:
    reason = reason_of(error)
    if not isinstance(error, TypeError | ValueError) or isinstance(error, UnicodeError):
        reason = f"{type(error).__name__}: {reason}"
    if "partially initialized" in str(error):
        # Each group is loaded while tansaku's own module of that kind is imported, which the other objects of the module need.
        reason = f"module {plugin.entry.module} holds objects of several groups; expected a module for each group"
    _PROBLEMS[plugin.group, plugin.name, plugin.distribution] = PluginProblem(plugin, reason)


def check_spec(plugin: Plugin, spec: type[BaseModel]) -> None:
    """Checks that a plug-in's spec can stand beside tansaku's own: it is found by its type, and has a schema.

    Raises:
        ValueError: Its type is not the entry point's name, or not annotated as such.
        Exception: As Pydantic raises it for an annotation that it cannot use.
    """
    spec.model_rebuild()
    field = spec.model_fields.get("type")
    if field is None or field.default != plugin.name:
        raise ValueError(f"its spec has type {getattr(field, 'default', None)!r}; expected the entry point's name")
    if get_origin(field.annotation) is not Literal or get_args(field.annotation) != (plugin.name,):
        raise ValueError(f"its type is annotated {field.annotation}; expected Literal[{plugin.name!r}]")
    spec.model_json_schema()


def spec_classes(group: str, base: type[T], taken: Iterable[str] = ()) -> dict[str, type[T]]:
    """Classes of specs that plug-ins add, by type.

    Args:
        group: The kind.
        base: What they must be derived from.
        taken: Types that tansaku itself has.
    """

    def check(plugin: Plugin, found: object) -> type[T]:
        if not (isinstance(found, type) and issubclass(found, base)):
            raise TypeError(f"{plugin.entry.value} is not a class derived from {base.__name__}")
        check_spec(plugin, cast("type[BaseModel]", found))
        if not any(hasattr(found, name) for name in ("facts", "opener")):
            raise TypeError(f"{found.__name__} has no opener, which names the code")
        return found

    return loaded(group, check, taken)


def with_plugins(union: Any, group: str, base: type[BaseModel]) -> Any:  # noqa: ANN401 - unions of types are of no type
    """A union of specs discriminated by ``type``, extended by the specs of plug-ins.

    Args:
        union: ``Annotated[A | B, Field(discriminator="type")]``.
        group: The kind.
        base: What a plug-in's class must be derived from.
    """
    kinds, *marks = get_args(union)
    members = get_args(kinds) or (kinds,)
    added = spec_classes(group, base, [kind.model_fields["type"].default for kind in members])
    return Annotated[Union[(*members, *added.values())], *marks] if added else union


def plugin_of(group: str, name: str) -> Plugin | None:
    """The plug-in that brings a type; None for tansaku's own types."""
    return _ACCEPTED.get((group, name))


def problems() -> tuple[PluginProblem, ...]:
    """Plug-ins that were left out so far, and why."""
    return tuple(_PROBLEMS[key] for key in sorted(_PROBLEMS))


def reasons_for(name: str) -> str:
    """Problems of plug-ins that bring a type of this name, for the error message of an unknown type; empty without problems."""
    return "".join(f"; {problem}" for problem in problems() if problem.plugin.name == name)


def open_by(path: str, plugin: Plugin) -> Callable[..., Any]:
    """Imports the code behind a plug-in's type.

    Args:
        path: Module and name in it, such as ``my_package.engine:MyProposer``.
        plugin: Whose it is, for errors.

    Raises:
        MissingComponentError: It cannot be imported.
        ConfigurationError: It is not there.
    """
    module, _, name = path.partition(":")
    try:
        loaded_module = import_module(module)
    except (Exception, SystemExit) as error:
        raise MissingComponentError(
            f"plug-in {plugin.origin}: {path} cannot be imported: {type(error).__name__}: {reason_of(error)}",
            hint="repair or reinstall the plug-in",
        ) from error
    try:
        return cast("Callable[..., Any]", getattr(loaded_module, name))
    except AttributeError as error:
        raise ConfigurationError(f"plug-in {plugin.origin}: {module} has no {name}") from error


def code_of(plugin: Plugin) -> tuple[str, ...]:
    """Modules and names in them that an accepted plug-in computes with, such as ``my_package.engine:ENGINE``."""
    found = plugin.entry.load()
    engine = getattr(getattr(found, "facts", None), "engine", None)
    named = [
        f"{engine}:ENGINE" if engine else None,
        *(getattr(found, name, None) for name in ("opener", "restore", "compute", "sandboxed")),
    ]
    return tuple(path for path in named if path)


def opened(group: str, spec: BaseModel, attribute: str = "opener") -> Callable[..., Any] | None:
    """The code of a spec whose type is a plug-in's; None for tansaku's own types.

    Args:
        group: The kind.
        spec: Its ``opener`` names the code.
        attribute: Another one that says so.
    """
    plugin = plugin_of(group, str(getattr(spec, "type", "")))
    return None if plugin is None else open_by(str(getattr(spec, attribute)), plugin)


def origins(parts: Mapping[str, object]) -> tuple[str, ...]:
    """Plug-ins that parts of a campaign come from, for provenance.

    Args:
        parts: Types by kind.
    """
    found = [(kind, plugin) for kind, name in parts.items() if (plugin := plugin_of(kind, str(name))) is not None]
    return tuple(f"{plugin.origin} ({kind}: {plugin.name})" for kind, plugin in found)
