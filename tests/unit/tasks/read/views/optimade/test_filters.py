"""Filters of OPTIMADE: what passes, what is not decided, what is refused, and that no text takes long."""

import contextlib
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.models.domain.errors import FieldError
from tansaku.tasks.read.views.optimade.filters import DEEPEST, LATER, LONGEST, UnsupportedFilterError, parsed

FOUND = {
    "id": "e1",
    "elements": ["Au", "Cu"],
    "nelements": 2,
    "elements_ratios": [0.25, 0.75],
    "chemical_formula_reduced": "AuCu3",
    "nsites": 4,
    "last_modified": datetime(2026, 1, 1, 12, tzinfo=UTC),
    "dimension_types": [1],
    "structure_features": [],
    "species": [{"name": "Cu", "concentration": [1.0]}, {"name": "Au", "concentration": [1.0]}],
    "_tansaku_energy": -1.5,
    "_tansaku_candidate": 'a "quoted\\ $where',
}


@pytest.fixture(autouse=True)
def _needed(require):
    require("optimade")


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ('elements HAS "Cu"', True),
        ('elements HAS "Al"', False),
        ('elements HAS ALL "Cu", "Au"', True),
        ('elements HAS ALL "Cu", "Al"', False),
        ('elements HAS ANY "Al", "Au"', True),
        ('elements HAS ONLY "Cu","Au","Al"', True),
        ('elements HAS ONLY "Cu"', False),
        ('structure_features HAS ONLY "disorder"', False),
        ("elements LENGTH 2", True),
        ("elements LENGTH >= 3", False),
        ("elements_ratios HAS 0.25", True),
        ("elements_ratios HAS < 0.3", True),
        ("elements_ratios HAS ALL > 0.3, < 0.2", False),
        ("elements_ratios HAS ONLY > 0.2", True),
        ("elements_ratios HAS ANY > 0.8, 0.75", True),
        ('elements:elements_ratios HAS "Cu":0.75', True),
        ('elements:elements_ratios HAS "Cu":<0.75', False),
        ('elements:elements_ratios HAS ALL "Cu":>0.5,"Au":<0.5', True),
        ('elements:elements_ratios HAS ANY "Al":1,"Au":0.25', True),
        ('elements:elements_ratios HAS ONLY "Cu":>0,"Al":1', False),
        ('elements:dimension_types HAS "Au":1', True),
        ('elements:dimension_types HAS "Cu":1', False),
        ('species.name HAS ALL "Cu", "Au"', True),
        ('NOT (species.name HAS "Al" OR (nsites = 4 AND (species.name LENGTH 1)))', True),
        ("nelements = 2 AND nsites > 3", True),
        ("nelements = 2 AND nsites > 4", False),
        ("nelements = 3 OR nsites <= 4", True),
        ("NOT (nelements = 3 OR nsites != 4)", True),
        ("nelements = 2 AND (nsites = 1 OR NOT nsites = 1)", True),
        ("3 < nsites", True),
        ("5 <= nsites", False),
        ('"AuCu3" = chemical_formula_reduced', True),
        ('chemical_formula_reduced != "AuCu3"', False),
        ('chemical_formula_reduced CONTAINS "uC"', True),
        ('chemical_formula_reduced STARTS WITH "Au"', True),
        ('chemical_formula_reduced ENDS "Au"', False),
        ("_tansaku_energy < -1e0", True),
        ("nsites < 99999999999999999999999999999", True),
        ("_tansaku_energy > -1e999", True),
        ('last_modified >= "2026-01-01T13:00:00+01:00"', True),
        ('last_modified > "2026-01-01T12:00:00Z"', False),
        (r'_tansaku_candidate = "a \"quoted\\ $where"', True),
        ('id = "$where"', False),
        ("nsites IS KNOWN", True),
        ("nsites IS UNKNOWN", False),
    ],
)
def test_what_passes(text, passes):
    assert parsed(text).test(FOUND.get) is passes


@pytest.mark.parametrize("value", [None, LATER])
def test_what_compares_no_value_is_not_decided_and_its_negation_neither(value):
    for text in ("nsites = 4", "NOT nsites = 4", "nsites != 4", "nsites = 4 OR nelements = 9", "nsites = 4 AND nelements = 2"):
        assert parsed(text).test((FOUND | {"nsites": value}).get) is None
    assert parsed("nsites = 4 AND nelements = 9").test((FOUND | {"nsites": value}).get) is False
    assert parsed("nsites = 4 OR nelements = 2").test((FOUND | {"nsites": value}).get) is True
    said = parsed("nsites IS UNKNOWN").test((FOUND | {"nsites": value}).get)
    assert said is (True if value is None else None)


def test_fields_that_no_structure_has_are_unknown():
    assert parsed("space_group_it_number = 225").test(FOUND.get) is None
    wanted = parsed("_other_gap > 1 OR nsites = 4 OR _other_gap IS KNOWN")
    assert (wanted.test(FOUND.get), wanted.ignored) == (True, ("_other_gap",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nsites =", "cannot be read at its end"),
        ("nsites = $where", "cannot be read at character 10"),
        ("$where = 1", "cannot be read at character 1"),
        ("nsites = 1 nelements = 2", "expected AND or OR"),
        ("colour = 1", "structures have no field 'colour'"),
        ("_tansaku_colour = 1", "structures have no field '_tansaku_colour'"),
        ('nsites = "four"', "nsites is compared with 'four'; expected an integer"),
        ("chemical_formula_reduced = 4", "expected a string"),
        ('elements = "Cu"', "expected HAS or LENGTH"),
        ("elements HAS 29", "expected a string"),
        ("nsites HAS 4", "nsites is no list"),
        ("elements:elements_ratios HAS 1:1", "elements is compared with 1; expected a string"),
        ('elements:elements_ratios HAS "Cu":1:1', "elements:elements_ratios: expected 2 values side by side"),
        ('species.name = "Cu"', "expected HAS or LENGTH"),
        ('nsites CONTAINS "4"', "compares strings"),
        ("last_modified > 4", "expected a time"),
        ('last_modified > "yesterday"', "expected a time"),
        ('last_modified > "0001-01-01T00:00:00+23:00"', "expected a time"),
        ("(" * (DEEPEST + 1) + "nsites=4" + ")" * (DEEPEST + 1), "more than 16 brackets"),
        ("nsites=4" + " " * LONGEST, "has 2008 characters"),
    ],
)
def test_what_is_no_filter_is_refused(text, message):
    with pytest.raises(FieldError, match=message.replace("$", r"\$")) as refused:
        parsed(text)
    assert not isinstance(refused.value, UnsupportedFilterError)


@pytest.mark.parametrize(
    "text",
    [
        "nsites = nelements",
        "nsites = TRUE",
        "1 = 1.0",
        '"a" = "b"',
        "species.concentration HAS 1",
        "lattice_vectors HAS 1",
    ],
)
def test_optional_parts_of_the_language_are_named(text):
    with pytest.raises(UnsupportedFilterError, match="not supported"):
        parsed(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(['"', "\\", "(", ")", "nsites", "=", " ", "1", "NOT ", "HAS ", "AND ", "$", "é"]), max_size=30))
def test_any_text_is_a_filter_or_refused(parts):
    with contextlib.suppress(FieldError):
        assert parsed("".join(parts)).test(FOUND.get) in (True, False, None)


def test_the_longest_filters_are_read_at_once():
    parsed("nsites=1")  # makes the parser
    for text in ("nsites=1" + " OR nsites=1" * 165, 'id="' + "\\\\" * 990 + '"', '"' * LONGEST):
        begun = time.process_time()
        with contextlib.suppress(FieldError):
            parsed(text)
        assert time.process_time() - begun < 2.0
