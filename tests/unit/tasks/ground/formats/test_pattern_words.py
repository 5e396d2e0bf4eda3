"""What is said of a text that does not match the pattern of its key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tansaku.models.domain.specs.base import NAME_PATTERN
from tansaku.models.domain.specs.objective import PROPERTY_PATTERN
from tansaku.tasks.ground.formats.pattern_words import PATTERNS, unmatched
from tansaku.tasks.ground.formats.schema import MODELS, json_schema

PARAMETER = r"^[A-Za-z_][A-Za-z0-9_]{0,40}$"


def patterns_in(schema: object) -> Iterator[str]:
    """Every pattern of values and of names that a JSON Schema has."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from schema.get("patternProperties", {})
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from patterns_in(part)


@pytest.mark.parametrize("kind", MODELS)
def test_no_message_of_a_key_shows_its_pattern(kind):
    for pattern in patterns_in(json_schema(kind)):
        assert "must match pattern" not in unmatched("\n", pattern)


def test_no_words_are_left_of_a_pattern_that_went():
    assert {*PATTERNS} == {pattern for kind in MODELS for pattern in patterns_in(json_schema(kind))}


@pytest.mark.parametrize(
    ("text", "pattern", "said"),
    [
        ("ratio x", PARAMETER, "is no name of letters, digits and _, such as x1: it must have no spaces"),
        ("9x", PARAMETER, "is no name of letters, digits and _, such as x1: it must begin with a letter"),
        ("x" * 42, PARAMETER, "is no name of letters, digits and _, such as x1: it must be shorter"),
        ("Öl %", PARAMETER, "is no name of letters, digits and _, such as x1"),
        (
            "Mine",
            NAME_PATTERN,
            "is no name of lower-case letters, digits and hyphens, such as my-name: it must have no capitals",
        ),
        ("strength MPa", PROPERTY_PATTERN, "is no name of letters, digits and _, such as energy: it must have no spaces"),
        ("al", "^[A-Z][a-z]?$", "is no symbol of an element, such as Al: it must begin with a capital"),
        ("b", "^a$", "must match pattern '^a$'"),
    ],
)
def test_words_say_what_to_change(text, pattern, said):
    assert unmatched(text, pattern) == said
