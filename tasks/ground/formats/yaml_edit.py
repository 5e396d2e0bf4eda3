"""Changes values in a YAML text and keeps everything else, including comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any, NamedTuple

import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.formats.yaml_text import Dumper, KeyPath, Loader, parse_yaml, write_yaml

Value = str | int | float | bool | None

_LONGEST_LINE = 100


def edit_yaml(text: str, changes: Mapping[str, Value], source: str) -> str:
    """The text with other values.

    Args:
        text: One YAML document, a mapping.
        changes: New values by key, as ``name``, or by keys of two levels, as ``budget.evaluations``. None takes a limit away.
        source: Name shown in errors.

    Raises:
        ConfigurationError: It is no mapping, or there is no simple value to be replaced.
    """
    known = parse_yaml(text, source).data
    if not isinstance(known, dict):
        raise ConfigurationError(f"{source}: expected a mapping of keys to values")
    data = deepcopy(known)
    for dotted, value in changes.items():
        _put(data, dotted.split("."), value)
    return with_data(text, data, source)


def with_data(text: str, data: JsonDict, source: str) -> str:
    """The text with other data, changed only where they differ.

    Args:
        text: One YAML document, a mapping.
        data: All that it is to hold.
        source: Name shown in errors.

    Raises:
        ConfigurationError: It is no YAML.
    """
    while (change := _first_change(parse_yaml(text, source).data, data)) is not None:
        edited = _changed(text, data, change, source)
        if edited is None:
            return write_yaml(data)
        text = edited
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


def _put(data: JsonDict, path: Sequence[str], value: Value) -> None:
    *steps, last = path
    for step in steps:
        if data.get(step) is None:
            if value is None:
                return
            data[step] = {}
        data = data[step]
        if not isinstance(data, dict):
            raise ConfigurationError(f"{step}: expected a mapping of keys to values")
    if isinstance(data.get(last), dict | list):
        raise ConfigurationError(f"{last}: is not a single value; change it in the text")
    if value is not None or last in data:
        data[last] = value


class _Change(NamedTuple):
    """One difference between a text and the data that it is to hold: at a path, a key gets another name, or a new value."""

    path: KeyPath
    renamed: str | None = None


def _first_change(old: Any, new: Any, path: KeyPath = ()) -> _Change | None:  # noqa: ANN401 - plain data of any shape
    if _same(old, new):
        return None
    if isinstance(old, dict) and isinstance(new, dict):
        gone, added = [key for key in old if key not in new], [key for key in new if key not in old]
        if len(gone) == len(added) == 1 and list(old).index(gone[0]) == list(new).index(added[0]):
            return _Change((*path, gone[0]), renamed=added[0])
        if gone:
            return _Change((*path, gone[0]))
        # Known keys first: a new one then goes to the end of a text that is right so far.
        for key in [*old, *added]:
            if key in added:
                return _Change((*path, key))
            if (change := _first_change(old[key], new[key], (*path, key))) is not None:
                return change
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        changes = (_first_change(*pair, (*path, place)) for place, pair in enumerate(zip(old, new, strict=True)))
        return next(filter(None, changes))
    return _Change(path)


def _same(old: Any, new: Any) -> bool:  # noqa: ANN401 - plain data of any shape
    """Whether two values are written the same: unlike Python, YAML tells true from 1, and not a number is equal to itself."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    if old != old and new != new:
        return True
    return bool(isinstance(old, bool) == isinstance(new, bool) and old == new)


def _changed(text: str, data: JsonDict, change: _Change, source: str) -> str | None:
    """The text after one change; where its place cannot be edited alone, the value around it is written again as a whole.

    None where nothing but the whole text can be written again.
    """
    before = parse_yaml(text, source).data
    for end in range(len(change.path), 0, -1):
        tried = change if end == len(change.path) else _Change(change.path[:end])
        wanted = _applied(before, data, tried)
        with suppress(ConfigurationError, yaml.YAMLError):
            edited = _written_at(text, tried, wanted)
            if edited is not None and _same(parse_yaml(edited, source).data, wanted):
                return edited
    return None


def _applied(before: JsonDict, data: JsonDict, change: _Change) -> JsonDict:
    """The data before with one change."""
    result = deepcopy(before)
    *steps, last = change.path
    here: Any = result
    wanted: Any = data
    for step in steps:
        here, wanted = here[step], wanted[step]
    if change.renamed is not None:
        items = [(change.renamed if key == last else key, value) for key, value in here.items()]
        here.clear()
        here.update(items)
    elif isinstance(wanted, dict) and last not in wanted:
        del here[last]
    else:
        here[last] = wanted[last]
    return result


def _written_at(text: str, change: _Change, wanted: JsonDict) -> str | None:
    """The text with the change written at its place; None where it has no place of its own."""
    *steps, last = change.path
    parent = yaml.compose(text, Loader=Loader)
    for step in steps:
        parent, wanted = _child(parent, step), wanted[step]  # type: ignore[index]
    if isinstance(parent, yaml.SequenceNode):
        node = parent.value[int(last)]
        return f"{text[: node.start_mark.index]}{_flow(wanted[last])}{text[_end(node) :]}"  # type: ignore[index]
    if not isinstance(parent, yaml.MappingNode):
        return None
    place = next((place for place, (key, _) in enumerate(parent.value) if key.value == last), None)
    if place is None and not parent.value:
        return None  # what was empty gets the usual form
    if place is None:
        return _with_entry(text, parent, str(last), wanted[str(last)])
    key, node = parent.value[place]
    if change.renamed is not None:
        return f"{text[: key.start_mark.index]}{_flow(change.renamed)}{text[key.end_mark.index :]}"
    if last not in wanted:
        return _without_entry(text, parent, place)
    colon = text.index(":", key.end_mark.index) + 1
    column = 0 if parent.flow_style else key.start_mark.column + 2
    if isinstance(node, yaml.ScalarNode) and node.start_mark.index >= colon and not isinstance(wanted[str(last)], dict | list):
        written, colon = _flow(wanted[str(last)]), max(colon, node.start_mark.index)
        return f"{text[:colon]}{'' if text[colon - 1].isspace() else ' '}{written}{text[max(_end(node), colon) :]}"
    written = _value(wanted[str(last)], column, flow=bool(parent.flow_style))
    return f"{text[:colon]}{written}{text[max(_end(node), colon) :]}"


def _with_entry(text: str, parent: yaml.MappingNode, key: str, value: Any) -> str:  # noqa: ANN401 - plain data
    """The text with a new key at the end of a mapping."""
    end = _end(parent.value[-1][1])
    if parent.flow_style:
        return f"{text[:end]}, {_flow(key)}:{_value(value, 0, flow=True)}{text[end:]}"
    column = parent.value[0][0].start_mark.column
    line_end = text.find("\n", end)
    place = len(text) if line_end < 0 else line_end
    return f"{text[:place]}\n{' ' * column}{_flow(key)}:{_value(value, column + 2, flow=False)}{text[place:]}"


def _without_entry(text: str, parent: yaml.MappingNode, place: int) -> str:
    key, node = parent.value[place]
    begin, end = key.start_mark.index, max(_end(node), key.end_mark.index + 1)
    if len(parent.value) == 1:
        return f"{text[: parent.start_mark.index]}{{}}{text[_end(parent) :]}"
    if parent.flow_style and place:
        begin = _end(parent.value[place - 1][1])
    elif parent.flow_style:
        end = parent.value[1][0].start_mark.index
    else:
        begin = text.rfind("\n", 0, begin) + 1
        line_end = text.find("\n", end)
        end = len(text) if line_end < 0 else line_end + 1
    return f"{text[:begin]}{text[end:]}"


def _child(parent: yaml.Node | None, step: str | int) -> yaml.Node | None:
    if isinstance(parent, yaml.SequenceNode):
        found: yaml.Node = parent.value[int(step)]
        return found
    pairs = parent.value if isinstance(parent, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == step), None)


def _end(node: yaml.Node) -> int:
    """End of a node: the mark of a block is at the next token, behind comments that belong to what follows."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return int(node.end_mark.index)


def _value(value: Any, column: int, *, flow: bool) -> str:  # noqa: ANN401 - plain data
    """A value behind the colon of its key: on its line where it fits there, else in the lines below."""
    written = _flow(value)
    nested = isinstance(value, dict) and any(isinstance(item, dict) for item in value.values())
    if flow or not isinstance(value, dict | list) or (len(written) <= _LONGEST_LINE and not nested):
        return f" {written}"
    lines = write_yaml(value, compact=isinstance(value, dict)).rstrip("\n").split("\n")
    return "".join(f"\n{' ' * column}{line}" for line in lines)


def _flow(value: Any) -> str:  # noqa: ANN401 - plain data
    """A value as YAML writes it in a list on one line, which is valid everywhere."""
    return yaml.dump(
        [value], Dumper=Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    ).strip()[1:-1]
