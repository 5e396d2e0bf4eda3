"""Ask and tell: the campaign proposes, people measure, and what they report counts from the next proposal on."""

from datetime import UTC, datetime, timedelta

import pytest

from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.measurements import measurements_of
from tansaku.models.domain.records import Command
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.act.measurements import ask_tell, stored_commands
from tansaku.tasks.act.measurements.judging import judge
from tansaku.tasks.act.measurements.report_file import ReportError, report_of
from tansaku.tasks.act.measurements.stored_commands import store_report
from tests.support.actors import ADA
from tests.unit.tasks.act.measurements.ask_tell.conftest import hardness


def kinds(laboratory):
    return [event.kind for event in laboratory.store.events("lab")]


def test_a_campaign_asks_waits_and_finds_the_best(open_laboratory):
    laboratory = open_laboratory()
    assert laboratory.ask(1).reason == "waiting"
    assert laboratory.store.campaign("lab").lease is None
    assert len(laboratory.numbers()) == 1
    assert laboratory.ask().reason == "waiting"
    assert len(laboratory.evaluations()) == 1, "asking again proposes nothing new"
    laboratory.measure_all()
    assert laboratory.numbers() == []
    laboratory.ask(3)
    assert len(laboratory.numbers()) == 3
    assert len({item.candidate for item in laboratory.waiting().waiting}) == 3
    while laboratory.ask(3).reason == "waiting":
        laboratory.measure_all()
    found = laboratory.values()
    assert len(found) == 20
    best = max(hardness(t, s) for t in range(300, 600, 25) for s in ("water", "ethanol", "hexane"))
    assert max(found.values()) == pytest.approx(best)


def test_what_waits_says_why(open_laboratory):
    laboratory = open_laboratory(1)
    (first,) = laboratory.waiting().waiting
    assert first.why == "initial design: chosen before any value is known"
    assert (first.prediction, first.nearest) == (None, None)
    laboratory.measure_all()
    laboratory.ask(2)
    for item in laboratory.waiting().waiting:
        assert "largest expected gain" in item.why
        assert item.uncertainty is None  # one value does not say how far others are from it
        assert item.nearest == first.candidate
        assert item.nearest_value == pytest.approx(laboratory.values()[first.candidate])
        assert set(item.cells) == {"temperature", "solvent", "stirred"}
    laboratory.measure_all()
    laboratory.ask(2)
    assert all(item.uncertainty > 0 for item in laboratory.waiting().waiting)


def test_a_first_batch_may_be_larger_than_the_initial_design(open_laboratory):
    laboratory = open_laboratory(6)
    assert laboratory.numbers() == [1, 2, 3, 4, 5, 6]
    waiting = laboratory.waiting().waiting
    assert len({item.candidate for item in waiting}) == 6
    assert {item.why for item in waiting} == {"initial design: chosen before any value is known"}
    laboratory.tell({"number": 4, "value": 2.0})
    laboratory.ask(6)
    assert laboratory.numbers() == [1, 2, 3, 5, 6, 7]
    assert "largest expected gain" in laboratory.waiting().waiting[-1].why


def test_the_model_waits_for_all_values_of_an_initial_design(open_laboratory):
    laboratory = open_laboratory(3, proposer={"type": "gp", "initial_points": 3})
    laboratory.tell({"number": 1, "value": 2.0})
    laboratory.ask(5)
    assert laboratory.numbers() == [2, 3]


def test_the_table_to_fill_in_is_read_back(open_laboratory):
    laboratory = open_laboratory(1)
    heading, row = laboratory.waiting().to_csv().splitlines()
    told = laboratory.tell_text(f"{heading}\n{row}\n")
    assert (told.new, told.empty, told.command) == ({}, (2,), None)
    cells = row.split(",")
    cells[heading.split(",").index("value [GPa]")] = "4.25"
    told = laboratory.tell_text(f"{heading}\n{','.join(cells)}\n")
    assert (told.new, told.applied, told.ignored) == ({"values": 1}, True, ())
    assert list(laboratory.values().values()) == [4.25]
    assert laboratory.tell_text(f"{heading}\n{','.join(cells)}\n").known == (2,)


def test_a_report_twice_is_a_report_once(open_laboratory):
    laboratory = open_laboratory()
    row = {"candidate": "water-300", "value": 3.5}
    first = laboratory.tell(row)
    assert first.new == {"values": 1}
    again = laboratory.tell(row)
    assert (again.new, again.known, again.command) == ({}, (1,), None)
    both = laboratory.tell(row, {"candidate": "water-300", "value": 3.6})
    assert (both.new, both.known) == ({"repeats": 1}, (1,))
    assert len(laboratory.evaluations()) == 1
    under_a_key = [laboratory.tell({"candidate": "water-325", "value": 4}, identifier="key-00001") for _ in range(2)]
    assert [told.command for told in under_a_key] == ["key-00001", "key-00001"]
    with pytest.raises(StoreError, match="request 'key-00001' of campaign 'lab' reported something else; expected a new id"):
        laboratory.tell({"candidate": "water-350", "value": 5}, identifier="key-00001")


def test_the_same_report_under_another_id_waits_once_and_another_value_is_refused(open_laboratory):
    laboratory = open_laboratory()
    stored = [
        store_report(laboratory.store, ADA, "lab", report_of([{"candidate": "water-300", "value": 3.5}]), key)
        for key in ("key-00001", "key-00002")
    ]
    assert [(told.command, told.new) for told in stored] == [("key-00001", {"values": 1}), ("key-00001", {})]
    with pytest.raises(ReportError, match="'water-300': another report of it is still to be applied; try again"):
        store_report(laboratory.store, ADA, "lab", report_of([{"candidate": "water-300", "value": 3.6}]), "key-00003")


def test_of_two_values_that_are_told_at_the_same_moment_the_second_is_refused(open_laboratory, monkeypatch):
    laboratory = open_laboratory(2)
    tell = {}

    def judged_at_the_same_moment(*given):
        found = judge(*given)
        if (other := tell.pop("other", None)) is not None:
            laboratory.tell(other)
        return found

    monkeypatch.setattr(stored_commands, "judge", judged_at_the_same_moment)
    tell["other"] = {"number": 1, "value": 3.0}
    with pytest.raises(ReportError, match=r"proposal 1 .* has a value already; say status 'correction'"):
        laboratory.tell({"number": 1, "value": 4.0})
    tell["other"] = {"number": 1, "value": 3.0}
    assert laboratory.tell({"number": 2, "value": 4.0}).new == {"values": 1}
    assert sorted(laboratory.values().values()) == [3.0, 4.0]


def test_repeats_are_one_value_with_its_noise(open_laboratory):
    laboratory = open_laboratory()
    laboratory.tell({"candidate": "water-300", "value": 3.0, "deviation": 0.1})
    told = laboratory.tell({"candidate": "water-300", "value": 3.4, "deviation": 0.2, "status": "repeat"})
    assert told.new == {"repeats": 1}
    (evaluation,) = laboratory.evaluations()
    assert evaluation.outcome.value == pytest.approx((3.0 / 0.01 + 3.4 / 0.04) / (1 / 0.01 + 1 / 0.04))
    assert evaluation.outcome.deviation == pytest.approx((1 / 0.01 + 1 / 0.04) ** -0.5)
    assert [item.value for item in measurements_of(evaluation)] == [3.0, 3.4]
    assert evaluation.attempts[0].superseded.value == 3.0
    (observation,) = laboratory.store.observations("lab")
    assert observation.value == evaluation.outcome.value
    assert laboratory.store.rebuild_observations("lab") == 0


@pytest.mark.parametrize("value", [3.0, 5.0])
def test_a_correction_to_a_value_among_repeats_replaces_all(open_laboratory, value):
    laboratory = open_laboratory(1)
    first, repeat = {"number": 1, "value": 3.0}, {"number": 1, "value": 5.0, "status": "repeat"}
    laboratory.tell(first)
    laboratory.tell(repeat)
    mended = {"number": 1, "value": value, "status": "correction"}
    assert laboratory.tell(mended).new == {"corrections": 1}
    assert laboratory.tell(first, repeat, mended).new == {}, "the same sheet again changes nothing"
    laboratory.tell({"number": 1, "value": 7.0, "status": "repeat"})
    assert laboratory.tell(first, repeat, mended).new == {}, "another repeat is not in the sheet"
    assert laboratory.tell(mended | {"deviation": 0.5}).new == {"corrections": 1}
    (evaluation,) = laboratory.evaluations()
    assert (evaluation.outcome.value, evaluation.outcome.deviation) == (value, 0.5)


def test_a_new_repeat_above_a_correction_is_refused(open_laboratory):
    laboratory = open_laboratory()
    first, repeat = {"candidate": "water-300", "value": 3.0}, {"candidate": "water-300", "value": 9.0, "status": "repeat"}
    mended = {"candidate": "water-300", "value": 4.0, "status": "correction"}
    laboratory.tell(first)
    with pytest.raises(ReportError, match="line 2: the correction in line 3 would replace this repeat; put it below the corr"):
        laboratory.tell(first, repeat, mended)
    assert laboratory.tell(first, mended, repeat).new == {"corrections": 1, "repeats": 1}
    assert [item.value for item in measurements_of(laboratory.evaluations()[0])] == [4.0, 9.0]
    # Repeats that were stored and are replaced now may stand where they are, also after another correction.
    assert laboratory.tell(first, repeat, mended | {"value": 5.0}).new == {"corrections": 1}
    assert laboratory.tell(first, repeat, mended | {"value": 6.0}).new == {"corrections": 1}
    assert laboratory.values() == {"water-300": 6.0}


def test_another_value_of_the_same_settings_says_what_it_is(open_laboratory):
    laboratory = open_laboratory()
    row = {"temperature [degC]": 310.0, "solvent": "water", "stirred": False, "value": 3.0}
    laboratory.tell(row)
    with pytest.raises(ReportError, match=r"line 1: 'off-pool-.*' has a value already; say status 'correction'"):
        laboratory.tell(row | {"value": 30.0})
    assert laboratory.tell(row, row | {"value": 5.0}).new == {"repeats": 1}, "with the first value it is another measurement"
    assert list(laboratory.values().values()) == [4.0]


def test_an_equal_repeat_is_a_measurement_of_its_own(open_laboratory):
    laboratory = open_laboratory(1)
    sheet = [{"number": 1, "value": 3.0}]
    laboratory.tell(*sheet)
    sheet.append({"number": 1, "value": 3.0, "status": "repeat"})
    assert [laboratory.tell(*sheet).new for _ in range(2)] == [{"repeats": 1}, {}]
    assert [item.value for item in measurements_of(laboratory.evaluations()[0])] == [3.0, 3.0]


def test_a_repeat_that_failed_leaves_the_value(open_laboratory):
    laboratory = open_laboratory()
    laboratory.tell({"candidate": "water-300", "value": 3.0})
    assert laboratory.tell({"candidate": "water-300", "status": "failed", "note": "cracked"}).new == {"failures": 1}
    (evaluation,) = laboratory.evaluations()
    assert (evaluation.state, evaluation.outcome.value) == (EvaluationState.DONE, 3.0)


def test_a_failure_is_known_and_may_be_replaced(open_laboratory):
    laboratory = open_laboratory(1)
    (number,) = laboratory.numbers()
    assert laboratory.tell({"number": number, "status": "failed", "note": "cracked"}).new == {"failures": 1}
    (evaluation,) = laboratory.evaluations()
    assert (evaluation.state, evaluation.outcome.failure.message) == (EvaluationState.FAILED, "cracked")
    assert laboratory.tell({"number": number, "value": 2.0, "status": "repeat"}).new == {"repeats": 1}
    assert laboratory.evaluations()[0].outcome.value == 2.0


def test_a_correction_counts_from_the_next_number_and_says_what_was_proposed_on_it(open_laboratory):
    laboratory = open_laboratory()
    laboratory.tell({"candidate": "water-300", "value": 300.0})
    laboratory.ask(2)
    laboratory.measure_all()
    laboratory.ask(2)
    chosen = [item.proposal.number for item in laboratory.evaluations()][1:]
    with pytest.raises(ReportError, match=r"line 1: proposal 1 \(water-300\) has a value already; say status 'correction'"):
        laboratory.tell({"number": 1, "value": 3.0})
    told = laboratory.tell({"number": 1, "value": 3.0, "status": "correction"})
    assert told.new == {"corrections": 1}
    (correction,) = told.corrections
    assert (correction.number, correction.old) == (1, 300.0)
    first = laboratory.evaluations()[0]
    assert (first.outcome.value, first.attempts[0].superseded.value) == (3.0, 300.0)
    event = next(event for event in laboratory.store.events("lab") if event.kind == "corrected")
    assert (event.data["old"], event.data["new"]) == (300.0, 3.0)
    assert event.data["from_number"] == max(chosen) + 1
    assert set(event.data["proposed_on_it"]) == set(correction.proposed_on_it) == set(chosen)
    # There and back again: each is a correction of its own.
    assert laboratory.tell({"number": 1, "value": 300.0, "status": "correction"}).new == {"corrections": 1}
    assert laboratory.tell({"number": 1, "value": 3.0, "status": "correction"}).new == {"corrections": 1}
    assert laboratory.evaluations()[0].outcome.value == 3.0
    # The whole spreadsheet again, the wrong value among its rows.
    told = laboratory.tell({"number": 1, "value": 300.0}, {"number": 1, "value": 3.0, "status": "correction"})
    assert (told.new, told.known) == ({}, (1, 2))


def test_a_correction_brings_the_next_fit_forward(open_laboratory):
    laboratory = open_laboratory(proposer={"type": "gp", "preset": "default", "refit_growth": 10})

    def next_fits():
        laboratory.measure_all()
        laboratory.ask(1)
        return [(refit.at_proposal, refit.hyperparameters["transform"]) for refit in laboratory.store.refits("lab")]

    laboratory.tell({"candidate": "water-300", "value": 3.5}, {"candidate": "hexane-575", "value": 3e6})
    laboratory.ask(1)
    assert next_fits() == next_fits() == (wrong := next_fits()), "so few observations more are no reason to fit"
    # One more measurement is none either.
    laboratory.tell({"candidate": "water-300", "value": 3.6, "status": "repeat"})
    assert next_fits() == wrong
    said = [item.why for item in laboratory.waiting().waiting]
    laboratory.tell({"candidate": "hexane-575", "value": 3.6, "status": "correction"})
    now = [item.why for item in laboratory.waiting().waiting]
    assert now == [f"{why}; a value was corrected since" for why in said] != []
    known_from = max(item.proposal.number for item in laboratory.evaluations()) + 1
    fits = next_fits()
    assert [number for number, _ in fits] == [wrong[0][0], known_from]
    assert fits[1][1] != fits[0][1]
    assert next_fits() == fits, "once"


def test_measurements_nobody_asked_for(open_laboratory):
    laboratory = open_laboratory(1)
    described = {"temperature [degC]": 200.0, "solvent": "water", "stirred": True}
    told = laboratory.tell({"candidate": "hexane-425", "value": "5200 MPa"}, {**described, "value": 4.5})
    assert told.new == {"values": 2, "off_pool": 1}
    _, second, third = laboratory.evaluations()
    assert (second.proposal.candidate, second.outcome.value) == ("hexane-425", 5.2)
    assert third.proposal.candidate.startswith("off-pool-")
    assert laboratory.tell({**described, "value": 4.5}).new == {}
    again = {"candidate": third.proposal.candidate, "value": 4.5}, {"candidate": third.proposal.candidate, "value": 4.7}
    with pytest.raises(
        ReportError, match=rf"line 1: '{third.proposal.candidate}' has a value already; say status 'correction'"
    ):
        laboratory.tell(again[1])
    assert laboratory.tell(*again).new == {"repeats": 1}, "a sheet with both has both measurements"
    laboratory.measure_all()
    laboratory.ask(4)
    item = laboratory.waiting().waiting[0]
    assert item.cells["temperature"] > 0
    opened = stored_commands.open_manual(laboratory.store, "lab")
    assert opened.space.cells(third.proposal.candidate) == {"temperature": 473.15, "solvent": "water", "stirred": "true"}
    # A row that describes a candidate of the table is that candidate.
    listed = {"temperature": 300, "solvent": "water", "stirred": False, "value": 3.9}
    laboratory.tell(listed)
    assert laboratory.values()["water-300"] == 3.9


def test_released_and_expired_proposals(open_laboratory):
    laboratory = open_laboratory(1, calculator={"type": "manual", "expires": 24.0})
    laboratory.measure_all()
    laboratory.ask(3)
    first, second, third = laboratory.numbers()
    assert ask_tell.release(laboratory.resources, ADA, "lab", [second])
    assert laboratory.numbers() == [first, third]
    with pytest.raises(NotFoundError, match=f"proposal {second} is not waiting; waiting: {first}, {third}"):
        ask_tell.release(laboratory.resources, ADA, "lab", [second])
    # The value of a released proposal is welcome.
    assert laboratory.tell({"number": second, "value": 3.0}).new == {"values": 1}
    later = datetime.now(UTC) + timedelta(hours=25)
    laboratory.store.add_command("lab", Command(id="ask-later", kind="ask", payload={"count": 2}, created_at=later))
    assert ask_tell.apply_commands_now(laboratory.resources, "lab")
    assert laboratory.numbers() == []
    laboratory.ask()
    assert len(laboratory.numbers()) == 2
    assert not {first, third} & set(laboratory.numbers())


def test_an_expired_proposal_that_is_asked_for_again_waits_its_full_time(open_laboratory, monkeypatch):
    laboratory = open_laboratory(1, calculator={"type": "manual", "expires": 24.0})
    (number,) = laboratory.numbers()
    name = laboratory.waiting().waiting[0].candidate
    later = datetime.now(UTC) + timedelta(hours=25)
    monkeypatch.setattr(laboratory.store, "_clock", lambda: later)
    for place, (kind, payload) in enumerate((("ask", {}), ("retry", {"candidates": [name]}), ("ask", {}))):
        laboratory.store.add_command("lab", Command(id=f"later-{place}", kind=kind, payload=payload, created_at=later))
        assert ask_tell.apply_commands_now(laboratory.resources, "lab")
        assert laboratory.numbers() == ([] if place == 0 else [number])
    assert laboratory.waiting().waiting[0].expires == later + timedelta(hours=24)


def test_everything_wrong_is_said_and_nothing_is_stored(open_laboratory):
    laboratory = open_laboratory(1)
    (number,) = laboratory.numbers()
    before = laboratory.store.campaign("lab").commands
    rows = [
        {"number": number, "value": 3.0},
        {"number": 77, "value": 3.0},
        {"number": number, "candidate": "nobody", "value": 3.0},
        {"candidate": "nobody", "value": 3.0},
        {"candidate": "water-300", "value": "3 K"},
        {"candidate": "water-300", "value": "hard"},
        {"candidate": "water-300", "value": 3.0, "deviation": -1},
        {"temperature": 500, "solvent": "acid", "stirred": True, "value": 1.0},
        {"candidate": "water-300", "value": 3.0, "status": "perhaps"},
        {"candidate": "water-325", "value": 3.0, "status": "correction"},
        {"candidate": "water-350", "status": "done"},
        {"candidate": "water-350", "value": "inf"},
    ]
    with pytest.raises(ReportError) as caught:
        laboratory.tell(*rows)
    said = "\n".join(caught.value.problems)
    for line, message in [
        (2, f"there is no proposal 77; waiting are {number}"),
        (3, f"candidate: 'nobody', but proposal {number} is"),
        (
            4,
            "candidate: 'nobody' is not in the space; to describe a new candidate, temperature, solvent, stirred must be given",
        ),
        (5, "value: 'K' ([temperature]) cannot be converted to 'GPa'"),
        (6, "value: 'hard' is not a number"),
        (7, "deviation: '-1'; expected a positive number"),
        (8, "solvent: 'acid' is not a known category; expected one of ethanol, hexane, water"),
        (9, "status 'perhaps'; expected done, failed"),
        (10, "status correction, but 'water-325' has no value to correct"),
        (11, "status done, but no value"),
        (12, "value: 'inf' is not a number"),
    ]:
        assert any(problem.startswith(f"line {line}: ") and message in problem for problem in caught.value.problems), said
    assert laboratory.store.campaign("lab").commands == before


def test_other_campaigns_do_not_ask(open_laboratory):
    laboratory = open_laboratory()
    with pytest.raises(ConfigurationError, match="count: 5000 proposals; expected a whole number from 1 to 1000"):
        laboratory.ask(5000)
    with pytest.raises(NotFoundError):
        ask_tell.ask(laboratory.resources, ADA, "other")


def test_columns_that_mean_the_same_are_refused(open_laboratory):
    laboratory = open_laboratory(1)
    (number,) = laboratory.numbers()
    candidate = laboratory.evaluations()[0].proposal.candidate
    with pytest.raises(ReportError, match="columns 'value' and 'hardness' mean the same"):
        laboratory.tell_text(f"number,value [GPa],hardness [MPa]\n{number},,5200\n")
    with pytest.raises(ReportError, match=r"line 2: candidate: .* in two columns that mean the same"):
        laboratory.tell_text(f"candidate,name,value\n{candidate},other,5.2\n")
    laboratory.tell_text(f"candidate,name,value\n{candidate},{candidate},5.2\n")
    assert laboratory.values() == {candidate: 5.2}


@pytest.mark.parametrize("cells", ["1e101,", "-1e308,", "5,1e-200", "5,1e200"])
def test_numbers_whose_squares_are_not_finite_are_refused(open_laboratory, cells):
    laboratory = open_laboratory(1)
    with pytest.raises(ReportError, match=r"line 2: (value|deviation): .*; expected"):
        laboratory.tell_text(f"number,value,deviation\n1,{cells}\n")
    assert laboratory.numbers() == [1]


def test_the_model_bears_the_largest_values(open_laboratory):
    laboratory = open_laboratory(3, proposer={"type": "gp", "initial_points": 3})
    for number, value in zip(laboratory.numbers(), ("1e100", "-1e100", "5.1"), strict=True):
        laboratory.tell_text(f"number,value,deviation\n{number},{value},1e-100\n")
    assert laboratory.ask(2).reason == "waiting"
    assert len(laboratory.numbers()) == 2


def test_columns_whose_names_differ_in_case_are_two(open_laboratory, tmp_path):
    (tmp_path / "case.csv").write_text("name,T,t\na,300,1\nb,400,2\nc,500,3\n")
    features = {"all": {"columns": ["T", "t"]}}
    space = {"type": "table", "candidates": "case.csv", "columns": {"id": "name"}, "features": features}
    laboratory = open_laboratory(space=space, proposer={"type": "gp", "initial_points": 1})
    laboratory.tell_text("name,T,t,value\nd,350,4,5.2\n")
    told = next(item for item in laboratory.evaluations() if item.proposal.candidate == "d")
    assert told.outcome.value == 5.2
    assert stored_commands.open_manual(laboratory.store, "lab").space.cells("d") == {"T": 350.0, "t": 4.0}
