"""Reads users' YAML with a safe loader, the line of every key and limits on its expansion; and writes YAML."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tansaku.models.domain.errors import ConfigurationError

MAX_BYTES = 262_144
MAX_ALIASES = 64
MAX_DEPTH = 32
MAX_NODES = 50_000
_MAX_DIGITS = 64
_UNICODE_BREAKS = frozenset("\x85\u2028\u2029")
_PLAIN_TAGS: dict[type[yaml.Node], tuple[str, ...]] = {
    yaml.MappingNode: ("tag:yaml.org,2002:map",),
    yaml.SequenceNode: ("tag:yaml.org,2002:seq",),
    yaml.ScalarNode: tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null")),
}

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlText:
    """Plain data read from a YAML text.

    Attributes:
        data: Dicts with string keys, lists, strings, numbers, booleans and None.
        lines: Line, counted from 1, of every key and list item by its path.
        source: Name of the file, as errors show it.
    """

    data: Any
    lines: dict[KeyPath, int]
    source: str

    def line(self, path: KeyPath) -> int:
        """Line of a key, or of the nearest enclosing one that is there."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 1


class Loader(yaml.SafeLoader):
    """Resolves scalars by YAML 1.2's core rules: ``No`` stays an element, ``1e5`` is a number, a date stays text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute, filled below


_LINES = re.compile(r"\S.*\n")


class Dumper(yaml.SafeDumper):
    """Quotes text that either version of YAML would read as something else: ``1e5`` here, ``No`` elsewhere."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Escapes the line breaks of Unicode, which a reader of YAML 1.1 would fold into a space or a newline.

        Source text keeps its lines.
        """
        style = '"' if _UNICODE_BREAKS.intersection(data) else "|" if _LINES.match(data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


Dumper.add_representer(str, Dumper.represent_str)


_NUMBER = list("-+.0123456789")
for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", _NUMBER),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        _NUMBER,
    ),
):
    for _kind in (Loader, Dumper):
        _kind.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def write_yaml(data: Any, *, compact: bool = False) -> str:  # noqa: ANN401 - plain data of any shape
    """Plain data as a YAML text that ``parse_yaml``, and a reader of YAML 1.1, reads back the same; keys in their order.

    Args:
        compact: Whether lists and mappings of single values are written on one line.
    """
    style = None if compact else False
    return yaml.dump(data, Dumper=Dumper, default_flow_style=style, sort_keys=False, allow_unicode=True)


def read_yaml(path: Path) -> YamlText:
    """Reads a YAML file.

    Raises:
        ConfigurationError: The file cannot be read, is too large, or is not plain YAML.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than {MAX_BYTES // 1024} KiB; expected a campaign or site file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: byte {error.start} is not UTF-8 text") from error
    return parse_yaml(text, path.name)


def parse_yaml(text: str, source: str) -> YamlText:
    """Parses one YAML document.

    Args:
        source: Name shown in errors.

    Raises:
        ConfigurationError: It is not YAML, has a key twice, a tag, a merge key, or unfolds to too much.
    """
    try:
        _check_limits(text, source)
        root = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}, line {mark.line + 1}, column {mark.column + 1}" if mark else source
        raise ConfigurationError(f"{where}: not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{source}: not valid YAML: {error}") from error
    if root is None:
        return YamlText(None, {}, source)
    builder = _Builder(source)
    return YamlText(builder.build(root, ()), builder.lines, source)


def _check_limits(text: str, source: str) -> None:
    depth = aliases = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if depth > MAX_DEPTH or aliases > MAX_ALIASES:
            line = event.start_mark.line + 1 if event.start_mark else 1
            what = f"nested deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else f"more than {MAX_ALIASES} aliases"
            raise ConfigurationError(f"{source}, line {line}: {what}")


class _Builder:
    """Turns a node tree into plain data; shared nodes count each time they are used, so aliases cannot explode."""

    def __init__(self, source: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._source = source
        self._count = 0

    def build(self, node: yaml.Node, path: KeyPath) -> Any:  # noqa: ANN401 - plain data of any shape
        self._count += 1
        if self._count > MAX_NODES:
            raise self._error(node, f"expands to more than {MAX_NODES} values")
        if len(path) > MAX_DEPTH:
            raise self._error(node, "an alias contains itself, or nests too deeply")
        if node.tag not in _PLAIN_TAGS[type(node)]:
            raise self._error(node, f"tag {node.tag!r} is not allowed; expected plain values")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _item(self, node: yaml.Node, path: KeyPath) -> Any:  # noqa: ANN401 - plain data of any shape
        self.lines[path] = node.start_mark.line + 1
        return self.build(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _PLAIN_TAGS[yaml.ScalarNode]:
                raise self._error(key_node, "a key must be a plain word")
            key = str(key_node.value)
            if key == "<<":
                raise self._error(key_node, "merge keys (<<) are not supported; write the keys out")
            if key in result:
                raise self._error(key_node, f"key {'.'.join(map(str, (*path, key)))!r} is given twice")
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node) -> Hashable:
        kind, value = node.tag.rpartition(":")[2], str(node.value)
        if kind in ("int", "float"):
            return self._number(node, kind, value)
        if kind == "bool":
            return value.lower() == "true"
        if kind == "null":
            return None
        return value

    def _number(self, node: yaml.Node, kind: str, value: str) -> int | float:
        if len(value) > _MAX_DIGITS:
            raise self._error(node, f"a number of {len(value)} digits")
        try:
            return int(value) if kind == "int" else float(value.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError as error:
            raise self._error(node, f"{value!r} is not a number") from error

    def _error(self, node: yaml.Node, message: str) -> ConfigurationError:
        return ConfigurationError(f"{self._source}, line {node.start_mark.line + 1}: {message}")
