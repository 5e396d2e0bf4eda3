"""Known values of a table are no evaluations and cost nothing: check, status, list and proposals say the same of them."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.act.checks.check import preview_loaded
from tansaku.tasks.act.measurements.report_file import ReportError
from tansaku.tasks.loop.steps.certificates import stored_certificates
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, load_campaign
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.evaluation_table import best_series
from tansaku.tasks.read.views.readings import campaign_line
from tansaku.tasks.read.views.status import campaign_status
from tansaku.tasks.read.views.tabulation import write_table
from tests.unit.tasks.act.measurements.ask_tell.conftest import hardness, write_candidates

KNOWN = {"file": "earlier.csv", "candidate": "name", "value": "hardness"}


@pytest.fixture
def open_known(open_laboratory, tmp_path):
    """A laboratory whose first candidates of 36 have a value already."""

    def build(known: int, **changes: object):
        write_candidates(tmp_path)
        rows = list(csv.DictReader((tmp_path / "candidates.csv").open()))[:known]
        values = [f"{row['name']},{hardness(float(row['temperature']), row['solvent'])}" for row in rows]
        (tmp_path / "earlier.csv").write_text("\n".join(("name,hardness", *values)) + "\n")
        return open_laboratory(known=KNOWN, known_first=True, **changes)  # as loading the file fills it in

    return build


@pytest.mark.parametrize(("known", "in_flight", "designed"), [(1, 2, 2), (2, 3, 1), (30, 2, 0), (34, 2, 0)])
def test_the_check_names_what_is_proposed(open_known, known, in_flight, designed):
    laboratory = open_known(known, execution={"in_flight": in_flight}, proposer={"type": "gp", "initial_points": 3})
    found = preview_loaded(LoadedCampaign(laboratory.spec, laboratory.folder))
    assert (found.known, found.left, found.designed) == (known, 36 - known, designed)
    laboratory.ask()
    assert found.initial[:in_flight] == tuple(item.candidate for item in laboratory.waiting().waiting)


def test_the_check_buys_only_what_has_no_value(open_known):
    laboratory = open_known(34, budget={"evaluations": 12})
    found = preview_loaded(LoadedCampaign(laboratory.spec, laboratory.folder))
    assert (found.expected_evaluations, found.most_evaluations) == (2, 2)
    said = found.describe()
    assert "  known       34 known already, at no cost; 2 candidates can be evaluated\n" in said
    assert "  evaluations about 2 at the mean cost, at most 2\n" in said


def test_nothing_is_foreseen_of_many_known_values(open_known, monkeypatch):
    monkeypatch.setattr("tansaku.tasks.loop.steps.foreseen._MOST_KNOWN", 10)
    laboratory = open_known(11)
    found = preview_loaded(LoadedCampaign(laboratory.spec, laboratory.folder))
    assert found.initial == ()
    assert "first evaluations: chosen when the campaign knows the values of its table" in found.describe()


def test_all_counts_are_of_the_campaigns_own_evaluations(open_known):
    laboratory = open_known(31, budget={"evaluations": 12})
    laboratory.ask(3)
    number = laboratory.numbers()[0]
    laboratory.tell({"number": number, "value": 4.0})
    laboratory.ask(2)
    status = campaign_status(laboratory.store, "lab")
    assert (status.evaluations, status.done, status.pending, status.adopted) == (3, 1, 2, 31)
    assert "  evaluations 3: 1 done, 0 failed, 2 in progress; 31 known already\n" in status.describe()
    used, cost = status.budget[:2]
    assert (used.spent, used.ended, used.pending, used.limit, used.candidates) == ("3", "1", 2, "12", 5)
    assert (cost.spent, cost.reserved) == ("3", "2")
    assert "budget: evaluations 3 of 5 that can be evaluated; limit 12" in status.describe()
    line = campaign_line(Campaign.load(laboratory.store, "lab"))
    assert (line.evaluations, line.pending, line.adopted, line.progress) == (3, 2, 31, 1 / 5)


@pytest.mark.parametrize(
    ("evaluations", "expected"), [(5, "before the next proposal whose number is a multiple of 5"), (3, "when the search ends")]
)
def test_what_further_evaluations_gain_is_promised_for_a_number_that_comes(open_known, evaluations, expected):
    laboratory = open_known(31, budget={"evaluations": evaluations})
    laboratory.ask(1)
    (said,) = campaign_status(laboratory.store, "lab").further
    assert said.startswith(f"What further evaluations gain is worked out {expected}")


def test_the_curve_counts_the_campaigns_own_evaluations(open_known):
    laboratory = open_known(3)
    laboratory.ask(1)
    laboratory.tell({"number": laboratory.numbers()[0], "value": 9.0})
    series = best_series(Campaign.load(laboratory.store, "lab"))
    assert (series.evaluations, series.cost, series.best[-1]) == ([0, 0, 0, 1], [0.0, 0.0, 0.0, 1.0], 9.0)


def test_a_value_reported_for_a_known_candidate_joins_the_known_one(open_known):
    laboratory = open_known(2)
    laboratory.ask(1)
    candidate, known = next(iter(laboratory.values().items()))
    assert laboratory.tell({"candidate": candidate, "value": known}).known == (1,)
    with pytest.raises(ReportError, match=f"'{candidate}' has a value already"):
        laboratory.tell({"candidate": candidate, "value": known + 1.0})
    laboratory.tell({"candidate": candidate, "value": known + 1.0, "status": "repeat"})
    assert laboratory.values()[candidate] == pytest.approx(known + 0.5)
    laboratory.tell({"candidate": candidate, "value": 7.0, "status": "correction"})
    assert laboratory.values()[candidate] == 7.0


def test_known_values_are_read_in_the_unit_of_their_heading(open_laboratory, tmp_path):
    write_candidates(tmp_path)
    (tmp_path / "earlier.csv").write_text("name,hardness [MPa]\nwater-300,3500\n")
    known = KNOWN | {"value": "hardness [MPa]"}
    laboratory = open_laboratory(known=known, known_first=True)
    laboratory.ask(1)
    assert laboratory.values()["water-300"] == 3.5
    with pytest.raises(ConfigurationError, match=r"known.unit: 'GPa', but the heading 'hardness \[MPa\]' says 'MPa'; "):
        open_laboratory(known=known | {"unit": "GPa"}, name="other")


def test_only_what_was_proposed_was_proposed_on_a_value(open_known):
    laboratory = open_known(4, proposer={"type": "gp", "initial_points": 1})
    laboratory.ask(2)
    chosen = laboratory.numbers()
    told = laboratory.tell({"candidate": next(iter(laboratory.values())), "value": 7.0, "status": "correction"})
    assert list(told.corrections[0].proposed_on_it) == chosen


OBJECTIVES = {
    "pareto": {
        "property": "hardness",
        "unit": "GPa",
        "direction": "maximize",
        "goal": {"type": "pareto", "also": [{"property": "stay", "unit": "K"}], "reference": ["0 GPa", "1000 K"]},
    },
    "limits": {
        "property": "hardness",
        "unit": "GPa",
        "direction": "maximize",
        "goal": {"type": "best_overall"},
        "limits": [{"property": "stay", "at_most": "420 K"}],
    },
    "desirability": {
        "unit": "1",
        "direction": "maximize",
        "goal": {"type": "best_overall"},
        "desirability": [
            {"property": "strength", "worthless": "2 GPa", "ideal": "6 GPa"},
            {"property": "stay", "worthless": "500 K", "ideal": "300 K"},
        ],
    },
}


@pytest.fixture
def open_measured(open_laboratory, tmp_path):
    """A laboratory that measures two quantities; both are known of the first candidates of 36, in units of the table."""

    def build(kind: str, known: int, worth: str, rows: Sequence[str] = ()):
        write_candidates(tmp_path)
        cells = []
        for place, row in enumerate(csv.DictReader((tmp_path / "candidates.csv").open())):
            kelvin = float(row["temperature"])
            of = f"{1000 * hardness(kelvin, row['solvent'])},{kelvin - 273.15}" if place < known else ","
            cells.append(f"{row['name']},{of}")
        (tmp_path / "earlier.csv").write_text("\n".join(("name,hard,degrees", *cells[: len(cells) - len(rows)], *rows)) + "\n")
        table = {"file": "earlier.csv", "candidate": "name", "quantities": {"stay": {"column": "degrees", "unit": "degC"}}}
        if kind == "desirability":
            table["quantities"]["strength"] = {"column": "hard", "unit": "MPa"}
        else:
            table |= {"value": "hard", "unit": "MPa"}
        stop = {"when": "not_worth_it", "worth": worth}
        budget = {"evaluations": 20, "stop": stop}
        return open_laboratory(known=table, known_first=True, objective=OBJECTIVES[kind], budget=budget)

    return build


def worth_of(kind: str, kelvin: float, solvent: str) -> tuple[float, float]:
    """The value, and the quantity that is in K."""
    hard = hardness(kelvin, solvent)
    if kind != "desirability":
        return hard, kelvin
    parts = [min(max(part, 0.0), 1.0) for part in ((hard - 2.0) / 4.0, (500.0 - kelvin) / 200.0)]
    return math.sqrt(parts[0] * parts[1]), kelvin


@pytest.mark.parametrize(("kind", "worth"), [("pareto", "1 %"), ("limits", "0.02 GPa"), ("desirability", "0.01 1")])
def test_several_quantities_may_be_known_and_the_search_ends_when_it_is_not_worth_it(require, open_measured, kind, worth):
    if kind == "pareto":
        require("botorch")
    laboratory = open_measured(kind, 20, f"{worth} per evaluation")
    places = {item["name"]: item for item in csv.DictReader((laboratory.folder / "candidates.csv").open())}
    laboratory.ask(1)
    earlier = [item for item in laboratory.evaluations() if item.outcome is not None]
    assert len(earlier) == 20
    for item in earlier:
        place = places[item.proposal.candidate]
        value, kelvin = worth_of(kind, float(place["temperature"]), place["solvent"])
        assert item.outcome.value == pytest.approx(value)
        stay = item.outcome.quantities["stay"]
        assert (stay.value, stay.unit) == (pytest.approx(kelvin), "K")
    while waiting := laboratory.waiting().waiting:
        for item in waiting:
            at = float(item.cells["temperature"]), str(item.cells["solvent"])
            name = "strength" if kind == "desirability" else "value"
            laboratory.tell({"number": item.number, name: hardness(*at), "stay": at[0]})
        laboratory.ask(1)
    certificate = stored_certificates(laboratory.store.events("lab"))[-1]
    assert laboratory.store.campaign("lab").stop.reason == "not_worth_it"
    assert len(laboratory.evaluations()) < 36
    assert certificate.rates[-1] < certificate.worth == float(worth.split()[0])
    assert worth.replace(" 1", "") in certificate.sentences[-1]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "hexane-575,5000,",
            r"known.quantities.stay: row 36 \('hexane-575'\) has no finite value; expected value and stay or none",
        ),
        ("hexane-575,,300", r"known.value: row 36 .* has no finite value"),
        (
            "hexane-575,1e104,300",
            r"known.file: row 36 \('hexane-575'\): value: 1e\+101 GPa; expected a size of at most 1e\+100",
        ),
        ("hexane-575,5000,-1e101", r"known.file: row 36 .*: stay: -1e\+101 K; expected a size of at most"),
    ],
)
def test_a_row_has_all_quantities_or_none(open_measured, row, message):
    with pytest.raises(ConfigurationError, match=message):
        open_measured("limits", 3, "0.1 GPa per evaluation", [row])


@pytest.mark.parametrize(
    ("temperature", "solvent", "message"),
    [
        ("302", "water", None),
        ("", "", None),
        ("350", "water", r"row 1: temperature is '350', but candidate 'water-300' has 300"),
        ("300", "hexane", r"row 1: solvent is 'hexane', but candidate 'water-300' has 'water'"),
    ],
)
def test_a_table_that_describes_a_candidate_otherwise_is_refused(open_laboratory, tmp_path, temperature, solvent, message):
    (tmp_path / "earlier.csv").write_text(f"name,hardness,temperature,solvent\nwater-300,4.2,{temperature},{solvent}\n")
    if message is None:
        assert open_laboratory(known=KNOWN, known_first=True).store.campaign("lab").spec["known_first"]
        return
    with pytest.raises(ConfigurationError, match=message):
        open_laboratory(known=KNOWN, known_first=True)


def test_a_corrected_or_repeated_known_value_still_counts_in_no_limit(open_known):
    laboratory = open_known(3, budget={"evaluations": 2})
    laboratory.ask(1)
    first, second, third = [item.proposal.candidate for item in laboratory.evaluations()][:3]
    laboratory.tell({"candidate": first, "value": 7.0, "status": "correction"})
    laboratory.tell({"candidate": second, "value": 7.0, "status": "repeat"})
    laboratory.tell({"candidate": third, "status": "failed", "note": "broken"})
    laboratory.ask(2)
    status = campaign_status(laboratory.store, "lab")
    assert (status.evaluations, status.pending, status.known) == (2, 2, 3)
    assert laboratory.values()[first] == 7.0


def stops_drawn(laboratory):
    return [(item.number, len(item.rates), item.stops) for item in stored_certificates(laboratory.store.events("lab"))]


def test_checks_of_one_batch_count_once_and_late_values_open_the_search_again(open_laboratory):
    """All is nearly equal, so that nothing is worth its cost, until two values of the last batch are far better."""
    stop = {"when": "not_worth_it", "worth": "0.05 GPa per evaluation"}
    laboratory = open_laboratory(budget={"evaluations": 30, "stop": stop}, proposer={"type": "gp", "initial_points": 5})

    def measure(count: int, better: float = 0.0):
        waiting = laboratory.waiting().waiting[:count]
        laboratory.tell(*({"number": item.number, "value": better + 1e-3 * item.number} for item in waiting))

    laboratory.ask(5)
    measure(5)
    laboratory.ask(6)
    assert [(rates, stops) for _, rates, stops in stops_drawn(laboratory)] == [(1, False)] * 6
    measure(6)
    laboratory.ask(6)
    measure(4)
    laboratory.ask(6)
    assert laboratory.store.campaign("lab").stop.reason == "not_worth_it"
    assert len(laboratory.waiting().waiting) == 2
    measure(2, better=20.0)
    laboratory.ask(6)
    assert laboratory.store.campaign("lab").stop is None
    assert len(laboratory.waiting().waiting) == 6
    last = stored_certificates(laboratory.store.events("lab"))[-1]
    assert last.rates[-1] > last.worth


@pytest.mark.parametrize("measured", [0, 2])
def test_known_values_become_a_table_with_the_costs_of_the_space(open_known, tmp_path, measured):
    laboratory = open_known(4)
    laboratory.ask(2)
    if measured:
        laboratory.measure_all()
        laboratory.ask(1)
    *_, file = write_table(Campaign.load(laboratory.store, "lab"), tmp_path / "table")
    found = preview_loaded(load_campaign(file))
    assert (found.candidates, found.exhaustive_cost) == (4 + measured, 4.0 + measured)
