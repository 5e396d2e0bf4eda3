"""A campaign that buys descriptors: it asks for numbers of a column where they are worth more per price than a value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.states import CampaignState
from tansaku.models.engine.sparse.purchase import OpenTable, purchases
from tansaku.tasks.act.checks.check import preview_loaded
from tansaku.tasks.act.measurements import ask_tell, stored_commands
from tansaku.tasks.act.measurements.report_file import ReportError, report_of
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA
from tests.unit.tasks.act.measurements.ask_tell.test_kill_points import facts, play

ROWS, KNOWN = 40, 12
GROUP = {"columns": ["cheap", "other", "costly"], "units": {"costly": "eV"}, "prices": {"costly": 0.05}}
SPACE = {"type": "table", "candidates": "open.csv", "columns": {"id": "name"}, "features": {"descriptors": GROUP}}


def table() -> np.ndarray:
    """Column 2 decides; column 0 says something of it, column 1 nothing."""
    x = np.random.default_rng(4).normal(size=(ROWS, 3)).round(4)
    x[:, 2] = (0.6 * x[:, 0] + 0.8 * x[:, 2]).round(4)
    return x


def value_of(row: int) -> float:
    return float(2.0 * table()[row, 2] + 0.1 * np.sin(7.0 * row))


def place(candidate: str) -> int:
    return int(candidate[1:])


@pytest.fixture
def open_table(tmp_path, open_laboratory):
    """A laboratory on a table whose last column is known for the first rows only."""

    def build(price: float = 0.05, **changes):
        x = table()
        lines = ["name,cheap,other,costly"]
        lines += [f"r{i:02d},{x[i, 0]},{x[i, 1]},{x[i, 2] if i < KNOWN else ''}" for i in range(ROWS)]
        Path(tmp_path, "open.csv").write_text("\n".join(lines) + "\n")
        group = SPACE["features"]["descriptors"] | {"prices": {"costly": price}}
        keys = {
            "space": SPACE | {"features": {"descriptors": group}},
            "proposer": {"type": "sparse", "initial_points": 5},
            "objective": {"property": "energy", "unit": "eV", "direction": "minimize"},
            "budget": {"evaluations": 12},
        }
        return open_laboratory(**(keys | changes))

    return build


def measure(laboratory) -> None:
    found = [{"number": item.number, "value": value_of(place(item.candidate))} for item in laboratory.waiting().waiting]
    if found:
        laboratory.tell(*found)


def after_the_design(laboratory):
    laboratory.ask(5)
    measure(laboratory)
    laboratory.ask(1)
    return laboratory.waiting()


def test_a_cheap_descriptor_is_asked_for_told_and_used(open_table):
    laboratory = open_table()
    asked = after_the_design(laboratory)
    offer = asked.descriptor
    assert asked.waiting == ()
    assert offer.column == "costly"
    assert all(place(name) >= KNOWN for name in offer.candidates)
    assert offer.price == pytest.approx(0.05 * len(offer.candidates))
    assert offer.per_price > offer.value_per_price > 0.0
    # The same as for the spreadsheet with the same numbers missing.
    x, y = table(), np.full(ROWS, np.nan)
    x[KNOWN:, 2] = np.nan
    for name, value in laboratory.values().items():
        y[place(name)] = value
    first = purchases(OpenTable(x, y, np.array([0.0, 0.0, 0.05]), 1.0))[0]
    assert (first.column, {f"r{row:02d}" for row in first.rows}) == (2, set(offer.candidates))
    assert first.gain == pytest.approx(offer.gain)
    assert laboratory.ask(1).reason == "waiting"
    assert laboratory.waiting().descriptor == offer, "asking again asks for the same"
    told = laboratory.tell(*({"candidate": name, "costly": table()[place(name), 2]} for name in offer.candidates))
    assert told.new == {"descriptors": len(offer.candidates)}
    assert told.applied
    assert laboratory.waiting().descriptor is None
    status = campaign_status(laboratory.store, "lab")
    assert (status.state, status.waiting) == (CampaignState.WAITING, ())
    assert "what to measure next: tansaku ask lab" in status.describe()
    preview = preview_loaded(LoadedCampaign(laboratory.spec, laboratory.folder))
    assert "prices      costly 0.05; a value 1" in preview.describe()
    assert len(laboratory.evaluations()) == 5, "a descriptor is no evaluation"
    laboratory.ask(1)
    for _ in range(30):
        now = laboratory.waiting()
        if now.descriptor is None:
            break
        laboratory.tell(*({"candidate": n, "costly": table()[place(n), 2]} for n in now.descriptor.candidates))
        laboratory.ask(1)
    (item,) = laboratory.waiting().waiting
    assert item.prediction == pytest.approx(value_of(place(item.candidate)), abs=4 * item.uncertainty)
    assert item.cells["costly"] == table()[place(item.candidate), 2], "a reported number describes the candidate"


def test_the_loop_finds_the_best_row_with_fewer_values_than_without_the_descriptor(open_table):
    def evaluations(price):
        laboratory = open_table(price, budget={"evaluations": 30})
        best = f"r{min(range(ROWS), key=value_of):02d}"
        while best not in laboratory.values():
            laboratory.ask(1)
            now = laboratory.waiting()
            if now.descriptor is not None:
                laboratory.tell(*({"candidate": n, "costly": table()[place(n), 2]} for n in now.descriptor.candidates))
            measure(laboratory)
        return len(laboratory.evaluations())

    assert evaluations(0.01) < evaluations(100.0)


def test_an_expensive_descriptor_is_not_asked_for_and_values_may_be_wanted_in_any_case(open_table):
    expensive = after_the_design(open_table(price=100.0))
    assert expensive.descriptor is None
    assert len(expensive.waiting) == 1
    laboratory = open_table()
    assert after_the_design(laboratory).waiting == ()
    ask_tell.ask(laboratory.resources, ADA, "lab", 1, values_only=True)
    now = laboratory.waiting()
    assert (len(now.waiting), now.descriptor) == (1, None)


def test_the_sheet_to_fill_in_has_a_line_for_each_number(open_table):
    laboratory = open_table()
    asked = after_the_design(laboratory)
    heading, *lines = asked.to_csv().splitlines()
    at = heading.split(",").index("costly")
    filled = []
    for line in lines:
        cells = line.split(",")
        cells[at] = f"{1000 * table()[place(cells[1]), 2]:.1f} meV"
        filled.append(",".join(cells))
    assert [line.split(",")[1] for line in lines] == list(asked.descriptor.candidates)
    told = laboratory.tell_text("\n".join([heading, *lines]) + "\n")
    assert (told.new, told.command) == ({}, None), "nothing is filled in yet"
    told = laboratory.tell_text("\n".join([heading, *filled]) + "\n")
    assert told.new == {"descriptors": len(filled)}
    assert laboratory.tell_text("\n".join([heading, *filled]) + "\n").new == {}, "the same sheet again changes nothing"
    (first, *_) = asked.descriptor.candidates
    laboratory.tell({"candidate": first, "value": 1.0})
    stored = next(item for item in laboratory.evaluations() if item.proposal.candidate == first)
    assert stored.outcome.value == 1.0


def test_corrections_there_and_back_and_wrong_reports(open_table):
    laboratory = open_table()
    with pytest.raises(ReportError, match=r"costly: 'r00' has .* already; say status 'correction'"):
        laboratory.tell({"candidate": "r00", "costly": 99.0})
    assert laboratory.tell({"candidate": "r20", "costly": 1.5}).new == {"descriptors": 1}
    for number in (2.5, 1.5, 2.5):
        told = laboratory.tell({"candidate": "r20", "costly": number, "status": "correction"})
        assert (told.new, told.applied) == ({"descriptors": 1}, True)
        space = laboratory.store.campaign("lab")
        assert space.commands[-1].payload["reports"][0]["descriptors"] == {"costly": number}
    with pytest.raises(ReportError, match="another line of its candidate says 1"):
        laboratory.tell({"candidate": "r21", "costly": 1.0}, {"candidate": "r21", "costly": 2.0})
    with pytest.raises(ReportError, match="is not a finite number"):
        laboratory.tell({"candidate": "r21", "costly": "1e999"})
    told = laboratory.tell({"candidate": "r21", "costly": 0.5, "value": 3.0})
    assert told.new == {"values": 1, "descriptors": 1}


def test_numbers_are_taken_off_a_budget_of_cost(open_table):
    laboratory = open_table(budget={"cost": 6.2})
    asked = after_the_design(laboratory)
    assert asked.descriptor.price + 1.0 <= 1.2
    rows = [f"r{row}" for row in range(ROWS) if row >= KNOWN and f"r{row}" not in laboratory.values()]
    spent = laboratory.tell(*({"candidate": name, "costly": 0.0} for name in rows[:5]))
    assert spent.new == {"descriptors": 5}
    assert laboratory.ask(1).reason == "budget", "0.25 of 1.2 are gone, and a value costs 1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"proposer": {"type": "gp"}}, "prices need proposer"),
        ({"space": SPACE | {"described": [{"id": "r00", "numbers": {"other": 1.0}}]}}, "column 'other' has no price"),
        ({"space": SPACE | {"described": [{"id": "r99", "numbers": {"costly": 1.0}}]}}, "no such candidate"),
        ({"proposer": {"type": "sparse", "residual": "gp"}}, "prices need proposer"),
        ({"space": SPACE | {"columns": {"id": "name", "cost": "cheap"}}}, "columns.cost"),
        ({"space": SPACE | {"columns": {"id": "name", "value": "other"}}, "calculator": None}, "values are known"),
        (
            {"space": SPACE | {"features": {"d": {"columns": ["cheap"], "prices": {"costly": 1.0}}}}},
            "'costly' is not a column of this group",
        ),
        ({"space": SPACE | {"features": {"d": {"columns": ["cheap", "costly"], "prices": {"cheap": 1.0}}}}}, "costly"),
    ],
)
def test_prices_that_cannot_be_weighed_are_refused(open_table, changes, message):
    with pytest.raises((ConfigurationError, ValueError), match=message):
        open_table(**changes)


def steps(resources):
    """A round that buys a descriptor, one process each, repeated after a crash under its id."""

    def told(key, *rows):
        return lambda: ask_tell.tell(resources, ADA, "lab", report_of(rows), key)

    def asked(key, count):
        return lambda: ask_tell.ask(resources, ADA, "lab", count, identifier=key)

    rows = [row for row in range(ROWS) if row % 7 == 0]
    return [
        asked("ask-1", 1),
        told("tell-1", {"number": 1, "value": 0.5}),
        told("tell-2", *({"candidate": f"r{row:02d}", "value": value_of(row)} for row in rows)),
        asked("ask-2", 1),
        told("tell-3", *({"candidate": f"r{row:02d}", "costly": table()[row, 2]} for row in range(KNOWN, ROWS))),
        asked("ask-3", 2),
    ]


@pytest.mark.parametrize("method", ["add_command", "append_event", "apply_command", "insert_proposal", "accept_outcome"])
def test_killed_and_done_again_is_the_same_campaign(open_table, method):
    def build():
        return open_table(proposer={"type": "sparse", "initial_points": 1})

    whole = build()
    counts = play(whole, steps=steps)
    assert [event.data["column"] for event in whole.store.events("lab", kind="descriptor")] == ["costly"]
    assert len(facts(whole)) == 9
    for when in ("before", "after"):
        for call in sorted({1, counts[method]}):
            struck = build()
            play(struck, (method, call, when), steps)
            assert facts(struck) == facts(whole), (call, when)
            assert struck.spec.space == whole.spec.space


def test_another_sample_has_a_descriptor_of_its_own(open_table):
    laboratory = open_table()
    with pytest.raises(ReportError, match="line 1: to describe a new candidate, costly must be given too"):
        laboratory.tell({"candidate": "r20", "cheap": 9.5, "value": 1.0})
    with pytest.raises(ReportError, match=r"line 1: 'r20' has cheap .*, not cheap 9\.5; the descriptor of another sample"):
        laboratory.tell({"candidate": "r20", "cheap": 9.5, "costly": 2.0})
    for name in ("r00", "r20"):  # the number of the first is known
        (told,) = laboratory.tell({"candidate": name, "cheap": 9.5, "costly": 2.0, "value": 1.0}).otherwise
        other = table()[place(name), 1]
        space = stored_commands.open_manual(laboratory.store, "lab").space
        assert space.cells(told.stored_as) == {"cheap": 9.5, "other": other, "costly": 2.0}
        assert space.cells(name).get("costly") == (table()[0, 2] if name == "r00" else None)
