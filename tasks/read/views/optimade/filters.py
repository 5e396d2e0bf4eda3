"""Filters of OPTIMADE as tests of structures.

A filter never reaches the database: it becomes functions of Python. Its tests are those of three-valued logic: what compares a
field without a value, or one that was not read yet, is neither true nor false, so that a structure can be refused before it is
read.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.identifiers import shown
from tansaku.tasks.read.views.optimade.fields import API_VERSION, FIELDS, PARTS, PREFIX, Field, is_standard

if TYPE_CHECKING:
    from lark import Lark, Tree

LONGEST = 2000
"""Characters of a filter."""

DEEPEST = 16
"""Brackets within brackets."""

LATER = object()
"""The value of a field that was not read yet."""

Lookup = Callable[[str], object]
Test = Callable[[Lookup], bool | None]

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_REVERSED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class UnsupportedFilterError(FieldError):
    """A filter asks for an optional part of the language that is not supported here.

    Args:
        message: Which.
    """

    def __init__(self, message: str) -> None:
        super().__init__("filter", f"{message}: this optional part of the language is not supported")


@dataclass(frozen=True)
class Filter:
    """A filter.

    Attributes:
        test: Of a structure.
        ignored: Names of fields of other databases, which no structure has here.
    """

    test: Test
    ignored: tuple[str, ...] = ()


def _passes(_: Lookup) -> bool | None:
    return True


ALL = Filter(_passes)
"""The filter that all structures pass."""


@lru_cache(maxsize=64)
def parsed(text: str) -> Filter:
    """The filter of a text.

    Raises:
        FieldError: It is too long or too deep, or no filter of the fields that there are.
        UnsupportedFilterError: It uses an optional part of the language.
    """
    if len(text) > LONGEST:
        raise FieldError("filter", f"has {len(text)} characters; at most {LONGEST} are read")
    if _depth(text) > DEEPEST:
        raise FieldError("filter", f"has more than {DEEPEST} brackets within each other")
    from lark.exceptions import LarkError

    try:
        tree = _grammar().parse(text)
    except LarkError as error:
        ended = getattr(getattr(error, "token", None), "type", "") == "$END"
        where = "at its end" if ended else f"at character {getattr(error, 'column', 1)}"
        raise FieldError("filter", f"{shown(text)} cannot be read {where}") from error
    if len(tree.children) > 1:
        raise FieldError("filter", "expected AND or OR between its parts")
    ignored: list[str] = []
    tests = [_Builder(ignored).test(child) for child in _branches(tree)]
    return Filter(tests[0], tuple(dict.fromkeys(ignored))) if tests else ALL


@cache
def _grammar() -> Lark:
    """The parser. The grammar is LALR(1), so that its time is linear in the length; the package's own parser takes seconds."""
    from lark import Lark

    text = (resources.files("optimade") / "grammar" / f"v{API_VERSION}.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", maybe_placeholders=False)


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in _STRING.sub("", text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        deepest = max(deepest, depth)
    return deepest


def _branches(tree: Tree[Any]) -> list[Tree[Any]]:
    return [child for child in tree.children if not isinstance(child, str)]


def _tokens(tree: Tree[Any]) -> list[str]:
    return [str(child) for child in tree.children if isinstance(child, str)]


def _joined(tests: Sequence[Test], decisive: bool, of: Lookup) -> bool | None:
    """Kleene's AND and OR.

    Args:
        decisive: The answer of a test that decides: False for AND, True for OR.
    """
    found: bool | None = not decisive
    for test in tests:
        said = test(of)
        if said is decisive:
            return said
        found = None if said is None else found
    return found


def _not(test: Test, of: Lookup) -> bool | None:
    said = test(of)
    return None if said is None else not said


def _found(name: str, of: Lookup) -> Any:  # noqa: ANN401 - of the type of the field
    """The value of a field, or of a part of one: a list of what all its items have there."""
    whole, _, part = name.partition(".")
    value: Any = of(whole)
    return value if not part or value is None or value is LATER else [item[part] for item in value]


def _known(name: str, wanted: bool, of: Lookup) -> bool | None:
    value = _found(name, of)
    return None if value is LATER else (value is not None) is wanted


def _value(name: str, check: Callable[[Any], bool], of: Lookup) -> bool | None:
    value = _found(name, of)
    return None if value is None or value is LATER else check(value)


def _pairs(children: Sequence[Any]) -> Iterator[tuple[str, str | float]]:
    """The values of a list, each with the operator before it."""
    sign = "="
    for child in children:
        if isinstance(child, str):
            sign = str(child) if child in _COMPARE else "="
        else:
            yield sign, _literal(child)
            sign = "="


def _has(names: Sequence[str], word: str, wanted: Sequence[Sequence[tuple[str, Any]]], of: Lookup) -> bool | None:
    """Whether lists have items, those of several lists side by side.

    Args:
        word: ``ALL``, ``ANY`` or ``ONLY`` of what is wanted.
        wanted: Operator and value for each list.
    """
    lists = [_found(name, of) for name in names]
    if any(value is None or value is LATER for value in lists):
        return None
    items = set(zip(*lists, strict=False))  # what has nothing beside it is no item

    def met(item: Sequence[Any], pairs: Sequence[tuple[str, Any]]) -> bool:
        return all(_COMPARE[sign](value, right) for value, (sign, right) in zip(item, pairs, strict=True))

    if word == "ONLY":
        return bool(items) and all(any(met(item, pairs) for pairs in wanted) for item in items)
    return (all if word == "ALL" else any)(any(met(item, pairs) for item in items) for pairs in wanted)


class _Builder:
    """Makes tests of the parts of a filter.

    Args:
        ignored: Gets the names of fields of other databases.
    """

    def __init__(self, ignored: list[str]) -> None:
        self._ignored = ignored

    def test(self, tree: Tree[Any]) -> Test:
        """The test of an expression or a part of it."""
        kind, branches = tree.data, _branches(tree)
        if kind in ("expression", "expression_clause"):
            tests = [self.test(branch) for branch in branches]
            return tests[0] if len(tests) == 1 else partial(_joined, tests, kind == "expression")
        if kind == "expression_phrase":
            inner = self.test(branches[0])
            return partial(_not, inner) if _tokens(tree) else inner
        if kind == "comparison":
            return self.test(branches[0])
        if kind == "constant_first_comparison":
            return self._constant_first(tree)
        return self._property_first(*branches)

    def _constant_first(self, tree: Tree[Any]) -> Test:
        constant, other = _branches(tree)
        (sign,) = _tokens(tree)
        named = other.children[0]
        if other.data != "non_string_value" or named.data != "property":
            raise UnsupportedFilterError("a comparison of two constants")
        return self._compared(self._name(named), _REVERSED.get(sign, sign), _literal(constant))

    def _property_first(self, named: Tree[Any], right: Tree[Any]) -> Test:
        name, words = self._name(named), _tokens(right)
        if right.data == "known_op_rhs":
            return partial(_known, name, words[-1] == "KNOWN")
        if right.data == "value_op_rhs":
            return self._compared(name, words[0], _literal(right.children[1]))
        if right.data == "fuzzy_string_op_rhs":
            return self._within(name, words[0], _literal(_branches(right)[0]))
        if right.data == "length_op_rhs":
            return self._long(name, words[1] if len(words) > 1 else "=", int(_tokens(_branches(right)[0])[0]))
        return self._having(name, right)

    def _name(self, tree: Tree[Any]) -> str:
        """The name of a property, checked."""
        name = ".".join(str(part) for part in tree.children)
        if name in FIELDS or name in PARTS or is_standard(name):
            return name
        if "." in name and is_standard(name.partition(".")[0]):
            raise UnsupportedFilterError(f"{name}, a part of a field")
        if not name.startswith("_") or name.startswith(PREFIX):
            raise FieldError("filter", f"structures have no field {shown(name)}")
        self._ignored.append(name)
        return name

    def _compared(self, name: str, sign: str, wanted: str | float) -> Test:
        field = FIELDS.get(name) or PARTS.get(name)
        if field is None:  # no structure has it
            return partial(_value, name, bool)
        if field.type in ("list", "dictionary"):
            raise FieldError("filter", f"{name} is a {field.type}; expected HAS or LENGTH")
        right = _moment(name, wanted) if field.type == "timestamp" else wanted
        kind = "an integer" if field.type == "integer" else f"a {field.type}"
        if field.type != "timestamp" and isinstance(wanted, str) is not (field.type == "string"):
            raise FieldError("filter", f"{name} is compared with {shown(wanted)}; expected {kind}")
        return partial(_value, name, lambda value: _COMPARE[sign](value, right))

    def _within(self, name: str, word: str, wanted: str | float) -> Test:
        field = FIELDS.get(name) or PARTS.get(name)
        if not isinstance(wanted, str) or (field is not None and field.type != "string"):
            raise FieldError("filter", f"{word} compares strings; {name} or {shown(wanted)} is none")
        finders: dict[str, Callable[[str, str], bool]] = {
            "CONTAINS": operator.contains,
            "STARTS": str.startswith,
            "ENDS": str.endswith,
        }
        find = finders[word]
        return partial(_value, name, lambda value: find(value, wanted))

    def _long(self, name: str, sign: str, length: int) -> Test:
        _check_list(name)
        return partial(_value, name, lambda value: _COMPARE[sign](len(value), length))

    def _having(self, name: str, right: Tree[Any]) -> Test:
        branches, word = _branches(right), next((word for word in _tokens(right) if word in ("ANY", "ONLY")), "ALL")
        if right.data == "set_op_rhs":
            names, listed = [name], branches[0].data == "value_list"
            found = _pairs((branches[0] if listed else right).children)
            wanted: list[tuple[tuple[str, str | float], ...]] = [(pair,) for pair in found]
        else:
            names = [name, *(self._name(other) for other in _branches(branches[0]))]
            zips = _branches(branches[1]) if branches[1].data == "value_zip_list" else branches[1:]
            wanted = [tuple(_pairs(item.children)) for item in zips]
        for place, own in enumerate(names):
            _check_items(own, [pairs[place : place + 1] for pairs in wanted])
        if any(len(pairs) != len(names) for pairs in wanted):
            raise FieldError("filter", f"{':'.join(names)}: expected {len(names)} values side by side")
        return partial(_has, names, word, wanted)


def _check_items(name: str, wanted: Sequence[Sequence[tuple[str, str | float]]]) -> None:
    """Raises FieldError unless a field is a list of what it is compared with."""
    field = _check_list(name)
    if field is None:
        return
    if field.items is None:
        raise UnsupportedFilterError(f"HAS of {name}, which is nested")
    for pairs in wanted:
        for _, value in pairs:
            if isinstance(value, str) is not (field.items == "string"):
                raise FieldError("filter", f"{name} is compared with {shown(value)}; expected a {field.items}")


def _check_list(name: str) -> Field | None:
    """The field of a name, None if no structure has it. Raises FieldError unless it is a list."""
    field = FIELDS.get(name) or PARTS.get(name)
    if field is not None and field.type != "list":
        raise FieldError("filter", f"{name} is no list; HAS and LENGTH are for lists")
    return field


def _literal(tree: Tree[Any]) -> str | float:
    """The constant of a node. Raises UnsupportedFilterError if it is a property or a boolean, which no field here is."""
    while tree.data in ("constant", "value"):
        tree = tree.children[0]
    if tree.data not in ("string", "number"):
        raise UnsupportedFilterError("a comparison with a property or a boolean")
    text = str(tree.children[0])
    if tree.data == "string":
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return int(text) if re.fullmatch(r"[+-]?\d+", text, re.ASCII) else float(text)


def _moment(name: str, wanted: str | float) -> datetime:
    """A time with its zone, without fractions of a second. Raises FieldError if it is none."""
    try:
        found = datetime.fromisoformat(wanted) if isinstance(wanted, str) else None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        pass
    raise FieldError("filter", f"{name} is compared with {shown(wanted)}; expected a time as 2026-01-31T12:00:00Z")
