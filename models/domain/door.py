"""The one door by which kinds of things enter: calculators, spaces and the rest, tansaku's own and plug-ins'.

An entry names the descriptor of a kind in a *pure* module: a spec class, or a description. It is loaded when the kinds of its
group are asked for first, and says, as text, what opens it (``opener``): that is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import EntryPoint
from operator import attrgetter
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Field

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.ours import installed
from tansaku.models.domain.plugins import found_plugins, note_accepted, note_problem, plugin_of, reason_of

T = TypeVar("T")
SpecT = TypeVar("SpecT", bound=BaseModel)


def kinds(group: str, check: Callable[[EntryPoint, Any], T]) -> dict[str, T]:
    """All kinds of a group by name: tansaku's own, then those of installed plug-ins.

    A plug-in that cannot be loaded becomes a problem and is left out: nothing but campaigns that need it is affected.

    Args:
        check: Returns the descriptor as the group keeps it; raises TypeError or ValueError if it is not what the group needs.
    """
    found = {name: check(entry, entry.load()) for name, entry in _ours(group).items()}
    for plugin in found_plugins():
        if plugin.group != group:
            continue
        try:
            if plugin.name in found:
                owner = plugin_of(group, plugin.name)
                raise ValueError(f"the name is taken by {f'plug-in {owner.origin}' if owner is not None else 'tansaku itself'}")
            descriptor = plugin.entry.load()
            kind = check(plugin.entry, descriptor)
            if isinstance(descriptor, type) and issubclass(descriptor, BaseModel):
                _check_spec(plugin.name, descriptor)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's module may raise anything when it is imported
            note_problem(plugin, error)
            continue
        note_accepted(plugin)
        found[plugin.name] = kind
    return found


def spec_kinds(group: str, base: type[SpecT]) -> dict[str, type[SpecT]]:
    """Classes of specs of a group by type.

    Args:
        base: What they are derived from.
    """

    def check(entry: EntryPoint, found: object) -> type[SpecT]:
        if not (isinstance(found, type) and issubclass(found, base)):
            raise TypeError(f"{entry.value} is not a class derived from {base.__name__}")
        if not isinstance(getattr(found, "opener", None), str):
            raise TypeError(f"{found.__name__} has no opener, which names the code")
        return found

    return kinds(group, check)


def one_of(specs: Iterable[type[BaseModel]]) -> Any:  # noqa: ANN401 - unions of types are of no type
    """The union of specs, discriminated by ``type``."""
    return Annotated[Union[tuple(specs)], Field(discriminator="type")]  # noqa: UP007 - of a tuple


def _ours(group: str) -> dict[str, EntryPoint]:
    return {name: EntryPoint(name, value, f"tansaku.{group}") for name, value in installed(group).items()}


def _check_spec(name: str, spec: type[BaseModel]) -> None:
    """Checks that a plug-in's spec can stand beside tansaku's own: it is found by its type, and has a schema.

    Raises:
        ValueError: Its type is not the entry point's name, or not annotated as such.
        Exception: As Pydantic raises it for an annotation that it cannot use.
    """
    spec.model_rebuild()
    field = spec.model_fields.get("type")
    if field is None or field.default != name:
        raise ValueError(f"its spec has type {getattr(field, 'default', None)!r}; expected the entry point's name")
    if get_origin(field.annotation) is not Literal or get_args(field.annotation) != (name,):
        raise ValueError(f"its type is annotated {field.annotation}; expected Literal[{name!r}]")
    spec.model_json_schema()


def opened(group: str, name: str, path: str) -> Any:  # noqa: ANN401 - functions and classes of every kind
    """Imports what a descriptor names.

    Args:
        group: Group of the kind.
        name: Its name, which says whose it is.
        path: Module and name in it, such as ``my_package.engine:MyProposer``.

    Raises:
        MissingComponentError: It is a plug-in's and cannot be imported.
        ConfigurationError: It is a plug-in's and is not there.
    """
    plugin = plugin_of(group, name)
    module, _, attribute = path.partition(":")
    try:
        loaded = import_module(module)
    except (Exception, SystemExit) as error:
        if plugin is None:
            raise
        raise MissingComponentError(
            f"plug-in {plugin.origin}: {path} cannot be imported: {type(error).__name__}: {reason_of(error)}",
            hint="repair or reinstall the plug-in",
        ) from error
    try:
        return attrgetter(attribute)(loaded)
    except AttributeError as error:
        if plugin is None:
            raise
        raise ConfigurationError(f"plug-in {plugin.origin}: {module} has no {attribute}") from error
