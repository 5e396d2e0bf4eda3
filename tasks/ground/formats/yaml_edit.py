"""Changes single values in a YAML text and keeps everything else, including comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.formats.yaml_text import Dumper, Loader, parse_yaml

Value = str | int | float | bool | None


def edit_yaml(text: str, changes: Mapping[str, Value], source: str) -> str:
    """The text with other values.

    Args:
        text: One YAML document, a mapping.
        changes: New values by key, as ``name``, or by keys of two levels, as ``budget.evaluations``. None takes a limit away.
        source: Name shown in errors.

    Raises:
        ConfigurationError: It is no mapping, or there is no simple value to be replaced.
    """
    for dotted, value in changes.items():
        text = _edited(text, tuple(dotted.split(".")), value, source)
    return text


def value_at(data: object, dotted: str) -> Value:
    """The value of a key in plain data; None where there is none, or it is no simple value."""
    for step in dotted.split("."):
        data = data.get(step) if isinstance(data, Mapping) else None
    return data if isinstance(data, str | int | float | bool) else None


def assignments(changes: Sequence[str]) -> JsonDict:
    """New values by dotted key, from ``KEY=VALUE`` each, the value in YAML. Raises ConfigurationError."""
    payload: JsonDict = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key.strip():
            raise ConfigurationError(f"{change!r}: expected KEY=VALUE, e.g. budget.evaluations=500")
        payload[key.strip()] = parse_yaml(value, change).data
    return payload


def _edited(text: str, path: tuple[str, ...], value: Value, source: str) -> str:
    known = parse_yaml(text, source).data
    if not isinstance(known, dict):
        raise ConfigurationError(f"{source}: expected a mapping of keys to values")
    root = yaml.compose(text, Loader=Loader)
    parent = root if len(path) == 1 else _child(root, path[0])
    if parent is None or _is_empty(parent):
        if value is None:
            return text
        edited = _with_parent(text, root, parent, path, value)
    elif not isinstance(parent, yaml.MappingNode):
        raise ConfigurationError(f"{path[0]}: expected a mapping of keys to values")
    else:
        edited = _with_value(text, parent, path[-1], value)
    found = parse_yaml(edited, source).data
    for step in path[:-1]:
        found = (found or {}).get(step)
    if (found or {}).get(path[-1]) != value:
        raise ConfigurationError(f"{'.'.join(path)}: cannot be changed here; change it in the text")
    return edited


def _child(parent: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = parent.value if isinstance(parent, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.start_mark.index == node.end_mark.index


def _with_parent(text: str, root: Any, parent: yaml.Node | None, path: tuple[str, ...], value: Value) -> str:  # noqa: ANN401
    """The text with a new mapping of one key, in place of an empty value or at the end."""
    mapping = f"{{{path[-1]}: {_written(value)}}}"
    if parent is not None:
        place = parent.start_mark.index
        return f"{text[:place]} {mapping}{text[place:]}"
    if root.flow_style:
        return _with_value(text, root, path[0], None, f"{path[0]}: {mapping}")
    return f"{text.rstrip()}\n{path[0]}: {mapping}\n"


def _with_value(text: str, parent: yaml.MappingNode, key: str, value: Value, entry: str = "") -> str:
    node = _child(parent, key)
    if node is not None:
        if not isinstance(node, yaml.ScalarNode):
            raise ConfigurationError(f"{key}: is not a single value; change it in the text")
        begin, end = node.start_mark.index, node.end_mark.index
        return f"{text[:begin]}{' ' if begin == end else ''}{_written(value)}{text[end:]}"
    if value is None and not entry:
        return text
    entry = entry or f"{key}: {_written(value)}"
    if parent.flow_style or not parent.value:
        place = parent.start_mark.index + 1
        return f"{text[:place]}{entry}{', ' if parent.value else ''}{text[place:]}"
    first = parent.value[0][0].start_mark
    return f"{text[: first.index]}{entry}\n{' ' * first.column}{text[first.index :]}"


def _written(value: Value) -> str:
    """A value as YAML writes it in a list on one line, which is valid everywhere."""
    return yaml.dump([value], Dumper=Dumper, default_flow_style=True, allow_unicode=True, width=10_000).strip()[1:-1]
