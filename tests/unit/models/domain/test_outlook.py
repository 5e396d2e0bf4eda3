"""What the next evaluations gain, in words, and by which scale the samples are widened."""

from __future__ import annotations

import pytest

from tansaku.models.domain.history import Entry
from tansaku.models.domain.outlook import Outlook, missing, next_count, own_scale, surprises
from tansaku.models.domain.states import EvaluationState


def entry(number: int, value: float | None, **changes: object) -> Entry:
    state = EvaluationState.DONE if value is not None else EvaluationState.FAILED
    return Entry(number, number, 1.0, state, value=value, **({"expected": (10.0, 2.0)} | changes))


@pytest.mark.parametrize(
    ("evaluated", "remaining", "open_", "count"),
    [(8, None, 100, 5), (500, None, 9000, 50), (61, None, 100, 7), (500, 12, 9000, 12), (500, 0, 9000, 50), (38, None, 2, 2)],
)
def test_it_is_about_a_tenth_of_what_was_evaluated_or_what_the_budget_leaves(evaluated, remaining, open_, count):
    assert next_count(evaluated, remaining, open_) == count


def test_surprises_are_the_values_against_what_was_expected_when_they_were_chosen():
    entries = [
        entry(1, 6.0),
        entry(2, 13.0),
        entry(3, None),
        entry(4, 1.0, expected=None),
        entry(5, 1.0, deviation=0.5),
        entry(6, 12.0),
    ]
    assert surprises(entries, 5, "minimize") == [-2.0, 1.5]
    assert surprises(entries, 6, "maximize") == [2.0, -1.5, -1.0]


def test_the_scale_is_one_without_surprises_and_follows_the_better_ones():
    assert own_scale([]) == 1.0
    assert own_scale([3.0] * 95) == pytest.approx(0.05**0.5 / 1.0, rel=1e-6)
    right = [-1.0, 1.0] * 50
    assert own_scale(right) == pytest.approx(1.0)
    assert own_scale([-2.0, 2.0] * 500) == pytest.approx(2.0, abs=0.02)
    assert own_scale([-100.0]) == own_scale([-4.0])


def known(**changes: object) -> Outlook:
    values = {"evaluations": 50, "systems": 14, "gain": 0.4213, "most": 5.04, "chance": 0.098, "unit": "mJ/m2"}
    return Outlook.model_validate(values | changes)


@pytest.mark.parametrize(
    ("outlook", "words"),
    [
        (
            known(),
            "Another 50 evaluations are expected to lower the best of 14 systems by 0.42 mJ/m2 in all; chance that any falls "
            "by more than 5 mJ/m2: at most 10 %",
        ),
        (
            known(evaluations=1, systems=1, gain=0.012, most=0.5, unit="eV"),
            "One more evaluation is expected to lower the best by 0.012 eV; chance that it falls by more than 0.5 eV: "
            "at most 10 %",
        ),
        (
            known(systems=1, evaluations=5, gain=12.6, most=0.0, chance=0.03, direction="maximize", unit="1"),
            "Another 5 evaluations are expected to raise the best by 13; chance that it rises at all: under 10 %",
        ),
        (
            known(systems=1, evaluations=5, gain=5.3, most=1.0, direction="maximize", unit="%"),
            "Another 5 evaluations are expected to raise the best by 5.3 percentage points; chance that it rises by more than "
            "1 percentage point: at most 10 %",
        ),
        (
            known(systems=1, rank=10, gain=0.0, most=0.0, chance=0.0, unit="eV"),
            "Another 50 evaluations are expected to bring one better than the worst of the best 10 by 0 eV; chance that it is "
            "better at all: under 10 %",
        ),
        (
            known(words=("boundary", "boundaries")),
            "Another 50 evaluations are expected to lower the best of 14 boundaries by 0.42 mJ/m2 in all; chance that any "
            "falls by more than 5 mJ/m2: at most 10 %",
        ),
        (
            known(systems=1, evaluations=20, gain=3.04, most=5.0, threshold=-2.5, unit="eV"),
            "The 20 likeliest candidates are expected to hold 3 more below -2.5 eV; chance of more than 5: at most 10 %",
        ),
        (
            known(systems=1, evaluations=1, gain=0.04, most=0.0, threshold=40.0, unit="1", direction="maximize"),
            "The likeliest candidate is expected to hold 0.04 more above 40; chance of any: under 10 %",
        ),
        (
            known(systems=1, evaluations=5, gain=0.0312, most=0.104, volume=True),
            "Another 5 evaluations are expected to enlarge the volume that the front dominates by 3.1 %; chance that it grows "
            "by more than 10 %: at most 10 %",
        ),
        (
            known(systems=1, evaluations=1, gain=0.0, most=0.0, volume=True),
            "One more evaluation is expected to enlarge the volume that the front dominates by 0 %; chance that it grows at "
            "all: under 10 %",
        ),
        (
            known(systems=1, evaluations=5, gain=None, hope=0.432, awaited="keeps all limits"),
            "No result keeps all limits yet; the models see a chance of 43 % that one of the next 5 evaluations does",
        ),
        (
            known(systems=1, evaluations=1, gain=None, hope=0.001, awaited="beats the reference point"),
            "No result beats the reference point yet; the models see a chance of under 1 % that the next evaluation does",
        ),
        (
            known(systems=3, gain=1.0, most=2.0, unknown=2),
            "Another 50 evaluations are expected to lower the best of 3 systems by 1 mJ/m2 in all; chance that any falls by "
            "more than 2 mJ/m2: at most 10 %; no result keeps all limits of 2 of 3 systems",
        ),
        (
            known(systems=1, rank=10, gain=None, unknown=1),
            "What further evaluations gain cannot be said yet: fewer than 10 results keep all limits",
        ),
        (known(gain=None, evaluations=0), "Nothing more can be gained: no candidate is left to evaluate"),
        (
            known(gain=None, evaluations=5, unclear=True),
            "What further evaluations gain cannot be said yet: the model predicts values hardly better than their mean does; "
            "about 5 more evaluations will show whether it learns",
        ),
    ],
)
def test_words(outlook, words):
    assert outlook.describe() == words


def test_what_is_missing_is_said_with_how_many_evaluations_bring_it():
    counts = {f"s{i}": (2 + i % 3, 100) for i in range(14)} | {"whole": (5, 0), "small": (2, 0), "enough": (9, 50)}
    lacking = missing(counts, direction="minimize", unit="mJ/m2")
    assert lacking.evaluations == sum(5 - have for have, left in counts.values() if left and have < 5)
    assert lacking.describe() == (
        "It is too early to say what further evaluations gain: each system needs 5 results, and 14 of 17 have only 2 to 4; "
        f"about {lacking.evaluations} more evaluations"
    )
    assert missing({"": (3, 40)}, direction="minimize", unit="eV").describe() == (
        "It is too early to say what further evaluations gain: 5 results are needed, and there are 3; about 2 more evaluations"
    )
    assert missing({"tiny": (1, 2)}, direction="minimize", unit="eV").evaluations == 2
    assert missing({"": (8, 40)}, direction="minimize", unit="eV", rank=10).describe() == (
        "It is too early to say what further evaluations gain: 10 results are needed, and there are 8; about 2 more evaluations"
    )
    assert missing({"": (10, 40)}, direction="minimize", unit="eV", rank=10) is None
    assert missing({"a": (5, 10), "b": (3, 0)}, direction="minimize", unit="eV") is None
