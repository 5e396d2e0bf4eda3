"""Keyword arguments that a campaign file passes to a third-party program: data of the kinds that a table allows, no paths."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from tansaku.models.domain.specs.base import LARGEST_WHOLE

KeywordName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
_WORDS = r"^[A-Za-z0-9][A-Za-z0-9 _.+=()-]{0,199}$"
KeywordText = Annotated[str, Field(pattern=_WORDS)]
"""Admits neither a path nor anything that a shell or an input file reads as more than a word."""

_Whole = Annotated[int, Field(ge=-LARGEST_WHOLE, le=LARGEST_WHOLE)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Plain = bool | _Whole | _Number | KeywordText


def _is_data(value: object) -> object:
    """Summarises in one sentence pydantic's messages for each kind that a value could have had."""
    for item in _flat(value, depth=2):
        if isinstance(item, str) and re.fullmatch(_WORDS, item) is None:
            raise ValueError(f"{item[:80]!r}; expected words of letters, digits and _.+=()-, and no path")
        if not isinstance(item, bool | int | float | str) or (isinstance(item, float) and not math.isfinite(item)):
            raise ValueError(f"{item!r}; expected a finite number, words, true or false, or a list of these")
    return value


def _flat(value: object, depth: int) -> Iterator[object]:
    """The items of lists, and of lists in them."""
    if depth == 0 or not isinstance(value, list | tuple):
        yield value
        return
    for item in value:
        yield from _flat(item, depth - 1)


KeywordValue = Annotated[
    _Plain | Annotated[tuple[_Plain | Annotated[tuple[_Plain, ...], Field(max_length=1000)], ...], Field(max_length=1000)],
    BeforeValidator(_is_data),
]

Keywords = Annotated[dict[KeywordName, KeywordValue], Field(max_length=200)]

KeywordKind = Literal["number", "integer", "boolean", "text", "list"] | tuple[KeywordText, ...]
"""Allowed type of a keyword; a tuple of words: one of these."""

AllowedKeywords = Mapping[str, KeywordKind]


def check_keywords(given: Mapping[str, object], allowed: AllowedKeywords, whose: str) -> None:
    """Refuses keywords that a table does not allow.

    Args:
        given: Of the campaign file.
        whose: Program or calculator, for messages.

    Raises:
        ValueError: Names the keyword and what is expected.
    """
    for name, value in given.items():
        key = name if name in allowed else next((key for key in allowed if key.endswith("*") and name.startswith(key[:-1])), "")
        if not key:
            known = f"expected one of {', '.join(sorted(allowed))}" if allowed else "it takes none"
            raise ValueError(f"keywords.{name}: {whose} takes no such keyword; {known}")
        kind = allowed[key]
        if not _fits(value, kind):
            expected = f"one of {', '.join(kind)}" if isinstance(kind, tuple) else f"a {kind}"
            raise ValueError(f"keywords.{name}: {value!r}; {whose} expects {expected}".replace("a integer", "an integer"))


def _fits(value: object, kind: KeywordKind) -> bool:
    if isinstance(kind, tuple):
        return isinstance(value, str) and value in kind
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    kinds: dict[str, tuple[type, ...]] = {"number": (int, float), "integer": (int,), "text": (str,), "list": (list, tuple)}
    return isinstance(value, kinds[kind])
