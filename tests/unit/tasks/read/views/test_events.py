"""Events of a campaign in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tansaku.models.domain.records import Command, Event
from tansaku.tasks.read.views.events import DRIVER, describe_payload, event_lines, text_of
from tests.support.records import NOW, campaign_record

ROOT = Path(__file__).resolve().parents[5]


def command(kind: str, **payload: object) -> Command:
    return Command(id=f"{kind}-1", kind=kind, payload=payload, user="ada", created_at=NOW)


COMMANDS = (command("edit", **{"budget.evaluations": 4}), command("retry", candidates=["x"]))
RECORD = campaign_record(name="a", spec={"objective": {"unit": "mJ/m2"}}, commands=COMMANDS)

SAID = [
    ("evaluation.done", {"number": 3, "candidate": "x", "attempt": 1, "value": 61.968312}, "x done: 61.968 mJ/m²", DRIVER),
    (
        "evaluation.failed",
        {"number": 3, "candidate": "x", "attempt": 2, "reason": "nan", "message": "<b>"},
        "x failed, attempt 2: nan",
        DRIVER,
    ),
    (
        "lease.acquired",
        {"epoch": 2, "host": "node7", "pid": 12, "user": "bob"},
        "a driver begins (process 12 on node7, number 2)",
        "bob",
    ),
    ("command.retry", {"command": "retry-1", "user": "ada", "payload": {"candidates": ["x"]}}, "command retry: x", "ada"),
    ("command.applied", {"command": "retry-1", "at_number": 5}, "retry takes effect from evaluation 5 on", DRIVER),
    (
        "edited",
        {"command": "edit-1", "changes": [{"key": "budget.evaluations", "old": 3, "new": 4}], "at_number": 5},
        "edited from evaluation 5 on: budget.evaluations 3 → 4",
        "ada",
    ),
    ("edit-refused", {"command": "edit-1", "reason": "too many"}, "edit refused: too many", "ada"),
    ("stopped", {"reason": "evaluations", "at_number": 4}, "the driver ends: its number of evaluations was reached", DRIVER),
    ("stopped", {"reason": "paused", "at_number": 4}, "the driver ends: paused", DRIVER),
    ("late-result", {"candidate": "x", "attempt": 1, "adopted": False}, "x: a late result of attempt 1 is not used", DRIVER),
    (
        "descriptor",
        {"column": "homo", "candidates": ["a", "b"], "price": 0.2, "number": 7},
        "homo of a, b is to be measured before the next value",
        DRIVER,
    ),
    ("corrected", {"number": 2, "candidate": "x", "old": 1.0, "new": 1.25}, "x corrected: 1 → 1.25", ""),
    ("renamed", {"from": "b", "to": "a", "by": "ada (dashboard)"}, "renamed from b to a", "ada (dashboard)"),
    ("moved", {"from": "/old", "to": "/new"}, "its folder moved from /old to /new", ""),
    (
        "warning.plugins",
        {"before": ["a 1 (x: y)"], "now": ["a 2 (x: y)"]},
        "results by a 1 (x: y); continued with a 2 (x: y)",
        DRIVER,
    ),
    ("warning.version", {"created_by": "1", "resumed_by": "2"}, "created by tansaku 1, continued by 2", ""),
    (
        "transfer.changed",
        {"mode": "multi", "before": "none", "observations": 12},
        "transfer: none → multi, from 12 results",
        DRIVER,
    ),
    (
        "levels",
        {"trusted": False, "evidence": 1.234567, "needed": 2.0, "pairs": 5},
        "looks are not known to tell of full values, so few are bought "
        "(evidence 1.2 nats, 2 are needed; 5 candidates with both values)",
        DRIVER,
    ),
    ("of.a.later.version", {"x": 1}, "of.a.later.version", ""),
    ("edited", {"changes": "damaged"}, "edited", ""),
    ("certificate", {"damaged": True}, "certificate", DRIVER),
]


@pytest.mark.parametrize(("kind", "data", "what", "who"), SAID)
def test_an_event_is_told_in_words_with_its_data_as_details(kind, data, what, who):
    (line,) = event_lines(RECORD, [Event(id="1", campaign="a", kind=kind, at=NOW, data=data)])
    assert (line.what, line.who, line.kind, line.at) == (what, who, kind, NOW)
    assert [key for key, _ in line.details] == list(data)
    assert line.number == (data.get("number") if "." in kind or kind == "corrected" else None)


def test_no_unit_is_shown_where_levels_have_others():
    record = RECORD.model_copy(update={"spec": RECORD.spec | {"levels": [{"name": "rough", "unit": "g/cm3"}]}})
    event = Event(kind="evaluation.done", at=NOW, id="e", campaign="a", data={"candidate": "s1", "value": 2.7})
    (line,) = event_lines(record, [event])
    assert line.what == "s1 done: 2.7"


def test_every_kind_of_event_that_the_source_stores_has_words():
    """Kinds are written as texts; those of evaluations and commands are made of a state and a kind of command."""
    source, named = (
        "".join(path.read_text() for path in (ROOT / folder).rglob("*.py") if path.name != "events.py")
        for folder in ("tasks", "models/domain")
    )
    patterns = (r'\bkind="([a-z]+[.-][a-z_.-]+)"', r'log_event\(\s*[\w.]+,\s*"([\w.-]+)"')
    stored = {kind for pattern in patterns for kind in re.findall(pattern, source)}
    constants = dict(re.findall(r'^([A-Z_]+) = "([\w.-]+)"$', named + source, re.MULTILINE))
    for pattern in (r"\bkind=([A-Z_]+),", r"log_event\(\s*\w+, ([A-Z_]+),", r"kind = (KEPT) if", r"else (CHANGED)\n"):
        stored |= {constants[name] for name in re.findall(pattern, source)}
    assert {"lease.acquired", "edited", "certificate", "late-result", "transfer.kept", "renamed"} <= stored
    for kind in stored - {"certificate"}:  # has words of its own
        (line,) = event_lines(RECORD, [Event.model_construct(id="1", campaign="a", kind=kind, at=NOW, data=_Any())])
        assert line.what != kind, kind


class _Any(dict):
    """Data that have every key."""

    def __missing__(self, key: str) -> object:
        return [] if key in ("changes", "sources", "candidates", "before", "now") else 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (command("pause"), ""),
        (command("retry"), "all failed and cancelled"),
        (command("retry", candidates=["a", "b"]), "a, b"),
        (command("retry", candidates=list("abcde")), "5 candidates"),
        (command("edit", **{"budget.evaluations": 4, "budget.cost": None}), "budget.evaluations = 4, budget.cost = null"),
        (command("tell", reports=[{"candidate": "a"}]), "1 reports"),
        (command("ask", count=3), "count 3"),
    ],
)
def test_a_command_says_what_it_is_about(given, said):
    assert describe_payload(given) == said


def test_long_texts_are_cut_and_other_data_are_json():
    assert text_of({"a": [1, None]}) == '{"a": [1, null]}'
    assert len(text_of("x" * 10_000)) < 600
