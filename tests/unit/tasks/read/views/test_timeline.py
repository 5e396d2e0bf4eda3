"""What ran where, of some evaluations with given times."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from tansaku.models.domain.records import Attempt, Failure, Outcome, Provenance
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.views.timeline import timeline_of
from tests.support.alloys import FILE
from tests.support.records import NOW, campaign_record, evaluation_of, proposal_of, read_campaign

FAILED = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="two atoms in one place")


def at(seconds: float):
    return NOW + timedelta(seconds=seconds)


def attempts(*begun: float) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(number=number, token=str(number), job_name="j", started_at=at(seconds))
        for number, seconds in enumerate(begun, start=1)
    )


def ran(number: int, host: str, begin: float, end: float, **changes: object):
    """An evaluation that was submitted a second before it began."""
    source = Provenance(code="emt", code_version="1", host=host)
    outcome = Outcome(value=1.0, started_at=at(begin), finished_at=at(end), provenance=source)
    given = {"attempts": attempts(begin - 1), "finished_at": at(end + 1)} | changes
    return evaluation_of(proposal_of(number), outcome, **given)


def timeline(*evaluations, now: float = 100.0, **arguments: object):
    spec = load_campaign(FILE).spec
    return timeline_of(read_campaign(campaign_record(spec), spec, evaluations), at(now), **arguments)


def shown(found) -> list[tuple[str, list[tuple[int, float, float, str]]]]:
    """Lanes, with times in seconds."""
    return [
        (lane.host, [(s.number, (s.begin - NOW).seconds, (s.end - NOW).seconds, s.ended) for s in lane.stretches])
        for lane in found.lanes
    ]


def test_what_ran_at_once_is_in_lanes_of_its_machine():
    found = timeline(ran(1, "b", 1, 10), ran(2, "a", 2, 6), ran(3, "a", 4, 8), ran(4, "a", 6, 11))
    assert shown(found) == [
        ("a", [(2, 2, 6, "done"), (4, 6, 11, "done")]),
        ("a", [(3, 4, 8, "done")]),
        ("b", [(1, 1, 10, "done")]),
    ]
    assert [(line.host, line.at_once, line.attempts, line.failed) for line in found.hosts] == [("a", 2, 3, 0), ("b", 1, 1, 0)]
    assert [line.busy for line in found.hosts] == pytest.approx([0.9, 0.9])
    assert found.share(at(6)) == pytest.approx(0.5)


def test_each_lane_has_a_name():
    found = timeline(ran(1, "b", 1, 10), ran(2, "a", 2, 6), ran(3, "a", 4, 8))
    assert [lane.name for lane in found.lanes] == ["a", "a (2)", "b"]


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(9.7, 2), (42, 10), (50, 10), (1500, 300), (9.2 * 3600, 2 * 3600), (86400, 6 * 3600), (86400 * 40, 86400 * 8)],
)
def test_the_axis_has_marks_at_round_times(seconds: float, step: float):
    found = timeline(ran(1, "a", 0.3, seconds))
    marks = found.marks()
    assert 1 < len(marks) <= 5
    assert {(late - early).total_seconds() for early, late in itertools.pairwise(marks)} == {step}
    assert all(mark.timestamp() % step == 0 and found.begin <= mark <= found.end for mark in marks)


def test_attempts_that_were_lost_failed_or_run_are_told_apart():
    lost = ran(1, "a", 8, 9, attempts=attempts(1, 7))
    failed = evaluation_of(
        proposal_of(2), Outcome(failure=FAILED), state=EvaluationState.FAILED, attempts=attempts(2), finished_at=at(3)
    )
    running = evaluation_of(proposal_of(3), None, state=EvaluationState.RUNNING, attempts=attempts(10))
    cancelled = evaluation_of(proposal_of(4), None, state=EvaluationState.CANCELLED, attempts=attempts(1), finished_at=at(2))
    proposed = evaluation_of(proposal_of(5), None, state=EvaluationState.PROPOSED)
    found = timeline(lost, failed, running, cancelled, proposed, now=12)
    assert shown(found) == [
        ("a", [(1, 8, 9, "done")]),
        ("not known", [(1, 1, 7, "lost"), (3, 10, 12, "running")]),
        ("not known", [(2, 2, 3, "failed")]),
    ]
    assert [line.failed for line in found.hosts] == [0, 2]


def test_idle_time_is_not_busy():
    (line,) = timeline(ran(1, "a", 1, 3), ran(2, "a", 9, 11)).hosts
    assert line.busy == pytest.approx(0.4)


def test_the_last_evaluations_are_shown():
    found = timeline(*(ran(number, "a", 2 * number, 2 * number + 1) for number in range(1, 6)), most=2)
    assert [stretch.number for lane in found.lanes for stretch in lane.stretches] == [4, 5]


def test_nothing_is_shown_before_the_first_attempt():
    assert timeline() is None
    assert timeline(evaluation_of(proposal_of(1), None, state=EvaluationState.PROPOSED)) is None
