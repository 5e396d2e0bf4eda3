"""What further evaluations may bring, in the status of a campaign: on the command line, on the page, and through the API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import tansaku as ts
from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.outlook import Outlook
from tansaku.models.domain.records import Event
from tansaku.models.domain.states import StopReason
from tansaku.tasks.loop.steps.certificates import CERTIFICATE
from tansaku.tasks.read.views.status import campaign_status

NAME = "small-table"
GAIN = (
    "Another 5 evaluations are expected to lower the best of 2 systems by 0.4 mJ/m2 in all; chance that any falls by more than "
)


@pytest.fixture
def proposed_by(recorded, table_file: Path):
    """Builds the recorded campaign with a proposer."""

    def build(proposer: str, *candidates: str, **changes: object):
        table_file.write_text(table_file.read_text().replace("{type: grid}", proposer))
        return recorded(*candidates, **changes)

    return build


def certify(store, **changes: object) -> Certificate:
    outlook = Outlook(evaluations=5, systems=2, gain=0.4, most=2.0, chance=0.1, unit="mJ/m2")
    known = {"number": 10, "horizon": 4, "searched": 4, "confidence": 0.95, "tolerance": None, "unit": "mJ/m2"}
    certificate = Certificate.model_validate(known | {"outlook": outlook} | changes)
    data = certificate.model_dump(mode="json")
    store.append_event(Event(id="c", campaign=NAME, kind=CERTIFICATE, at=datetime.now(UTC), data=data))
    return certificate


def test_before_the_first_certificate_it_is_said_what_is_missing(proposed_by):
    store = proposed_by("{type: gp, preset: default}", "a1", "b1", "b2")
    (said,) = campaign_status(store, NAME).further
    # Only alpha has candidates that are still open.
    assert said == (
        "It is too early to say what further evaluations gain: each system needs 3 results, and 1 of 2 has only 1; "
        "about 2 more evaluations"
    )
    assert f"  {said}" in campaign_status(store, NAME).describe().splitlines()


def test_an_ended_search_says_what_was_missing(proposed_by):
    store = proposed_by("{type: gp, preset: default}", "a1", "b1", "b2", stop=StopReason.BUDGET)
    (said,) = campaign_status(store, NAME).further
    assert said.startswith("It is too early to say what further evaluations gain: each system needs 3 results")


def test_the_last_certificate_says_what_the_next_ones_gain(proposed_by):
    store = proposed_by("{type: gp, preset: default}", "a1", "a2", stop=StopReason.BUDGET)
    certify(store)
    status = campaign_status(store, NAME)
    assert status.further == (f"{GAIN}2 mJ/m2: at most 10 %",)
    # The certificate itself knows nothing, which says less.
    assert status.certified is None
    assert "not enough results" not in status.describe()
    assert json.loads(status.model_dump_json())["certificate"]["outlook"]["gain"] == 0.4


def test_under_a_stop_rule_it_is_said_what_the_next_one_gains_for_its_price(proposed_by):
    store = proposed_by("{type: gp, preset: default}", "a1", "a2")
    certify(store, worth=1.0, price="evaluation", rates=(3.2,))
    assert campaign_status(store, NAME).further[1:] == (
        "The next evaluation is expected to gain at most 3.2 mJ/m2 per evaluation; the stop rule asks for 1 mJ/m2 per "
        "evaluation",
    )


def test_a_certificate_that_knows_something_stands_before_it(proposed_by):
    store = proposed_by("{type: gp, preset: default}", "a1", "a2")
    certificate = certify(store, tolerance=3.0)
    lines = campaign_status(store, NAME).describe().splitlines()
    place = lines.index(f"  {certificate.describe()}")
    assert lines[place + 1] == f"  {GAIN}2 mJ/m2: at most 10 %"
    assert certificate.sentences == (certificate.describe(), f"{GAIN}2 mJ/m2: at most 10 %")


def test_what_was_missing_at_the_last_certificate_is_counted_anew(proposed_by):
    store = proposed_by("{type: gp, preset: default}", "a1", "a2")
    certify(store, outlook=Outlook(evaluations=8, systems=2, short={"alpha": 1, "<b>beta</b>": 1}, unit="mJ/m2"))
    (said,) = campaign_status(store, NAME).further
    assert "2 of 2 have only 0 to 2; about 3 more evaluations" in said


def test_of_a_certificate_that_was_stored_before_nothing_is_made_up(proposed_by):
    store = proposed_by("{type: gp, preset: default}", "a1", "a2")
    certify(store, outlook=None)
    status = campaign_status(store, NAME)
    assert status.further == ()
    assert status.certified == "Certificate (95 %): not enough results to say what remains"


def test_random_starts_of_arms_are_counted_and_choices_of_the_bandit_are_not(proposed_by):
    store = proposed_by("{type: arms}", "a1", "b1", "a2", "b2", "a3")
    counted, bound = campaign_status(store, NAME).further
    assert counted == (
        "Random starts: 2 of 4 evaluations, the first one of each of 2 arms; the 2 other evaluations followed from values "
        "(choices of bandit and model) and do not count"
    )
    assert bound == (
        "Among n random starts of one arm the next is lower than all with a probability of at most 1/(n + 1), and a basin of "
        "weight p stays unseen with (1 - p)^n: with the one start of each arm 50 %, and for p = 10 % 90 %; 29 random starts of "
        "an arm would show such a basin with 95 %"
    )
    assert campaign_status(proposed_by("{type: arms}"), NAME).further == ()


@pytest.mark.parametrize("proposer", ["{type: grid}", "{type: random}"])
def test_a_proposer_without_a_model_says_nothing(proposed_by, proposer):
    assert campaign_status(proposed_by(proposer, "a1", "a2"), NAME).further == ()


def test_a_search_that_was_not_worth_it_says_by_how_much():
    known = {"number": 31, "horizon": 30, "searched": 30, "confidence": 0.95, "tolerance": None, "unit": "mJ/m2"}
    rule = {"worth": 1.0, "price": "core_hour", "rates": (0.5, 0.44, 0.312)}
    certificate = Certificate.model_validate(known | rule | {"stops": True})
    assert certificate.sentences == (
        "The next evaluation is expected to gain at most 0.31 mJ/m2 per core-hour; the stop rule asks for 1 mJ/m2 per "
        "core-hour; the gain was less at 3 checks in a row",
    )
    assert not certificate.is_worth
    for rates in ((0.5, 0.44), (0.5, None, 0.3), (0.5, 1.0, 0.3)):
        assert certificate.model_copy(update={"rates": rates}).is_worth


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_of_equal_values_nothing_is_foreseen_in_any_unit(unit):
    space = ts.Parameters({"x": (0, 1)}, pool=48, refine=None)
    stop = {"when": "not_worth_it", "worth": f"{0.1 * unit} eV per evaluation"}
    campaign = ts.Campaign(space, ts.minimize("loss", unit="eV"), {"evaluations": 20, "stop": stop}, store=None)
    for _ in range(10):
        (row,) = campaign.ask(1)
        campaign.tell(row, value=unit)
    assert campaign.status.further[0] == (
        "What further evaluations gain cannot be said yet: the value is the same in all results; about 5 more evaluations "
        "will show whether it varies"
    )


def test_a_constant_objective_of_a_front_is_named():
    goal = {"type": "pareto", "also": [{"property": "mass", "unit": "g"}], "reference": ["20 eV", "9 g"]}
    objective = ts.minimize("loss", unit="eV", goal=goal)
    campaign = ts.Campaign(ts.Parameters({"x": (0, 1)}, pool=48, refine=None), objective, 20, store=None)
    for place in range(10):
        (row,) = campaign.ask(1)
        campaign.tell({"candidate": row.id, "value": float(place), "mass": 2.0})
    said = campaign.status.further[0]
    assert said.startswith("What further evaluations gain cannot be said yet: a further quantity is the same in all results")


@pytest.mark.parametrize("direction", [ts.minimize, ts.maximize])
def test_the_best_by_the_model_is_named_where_a_lucky_value_scatters(direction):
    sign = 1.0 if direction is ts.minimize else -1.0
    campaign = ts.Campaign(ts.Parameters({"x": (0, 1)}, pool=48, refine=None), direction("loss", unit="eV"), 20, store=None)
    for place in range(10):
        (row,) = campaign.ask(1)
        true, lucky = (row["x"] - 0.5) ** 2, place == 1
        campaign.tell(row, value=sign * (-0.3 if lucky else true), deviation=1.0 if lucky else 0.01)
    (said, *_) = campaign.status.further
    best = next(row for row in campaign.evaluations if row.proposal.number == 2)
    assert campaign.best.id == best.proposal.candidate, "its value is the best"
    assert said.startswith("Of the measured candidates the model expects p")
    named = said.split("expects ")[1].split(" ")[0]
    true = [(abs(row.outcome.value), row.proposal.candidate) for row in campaign.evaluations if row.outcome and row is not best]
    assert named in [name for _, name in sorted(true)[:3]]
    assert said.endswith(" eV")
