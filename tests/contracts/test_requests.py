"""The contract of the store of requests, answers and reports."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from tansaku.models.domain.requests import FORGOTTEN, Answer, Requests, RequestState, ServiceReport, ServiceRequest
from tansaku.models.domain.trainings import TrainingEnd, TrainingRequest, TrainingState, TrainingStep
from tansaku.tasks.backends.stores.mongo_requests import MongoRequests
from tests.support.passed_time import let_pass

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST, SECOND = "request-1", "request-2"
ACCEPTED = Answer(service="tansaku", run="run-1")


@pytest.fixture
def requests(emptied_database) -> Requests:
    return MongoRequests(emptied_database)


def asked(request_id: str = FIRST, campaign: str = "al", minutes: float = 0.0) -> ServiceRequest:
    moment = NOON + timedelta(minutes=minutes)
    return ServiceRequest(
        id=request_id, campaign=campaign, campaign_created_at=NOON, user="ada", origin="::1", created_at=moment
    )


def report(name: str = "tansaku", **changes: object) -> ServiceReport:
    made = ServiceReport(id=f"{name}@host", name=name, host="host", pid=7, since=NOON, version="1")
    return made.model_copy(update=changes)


def test_a_request_comes_back_as_it_was_stored(requests):
    assert requests.request(FIRST) is None
    assert requests.add_request(asked()) == asked()
    assert requests.request(FIRST) == asked()


def test_the_same_id_is_stored_once_and_changes_nothing(requests):
    requests.add_request(asked())
    assert requests.add_request(asked(campaign="cu", minutes=1)) == asked()
    assert requests.requests_of("cu") == []
    assert requests.answer_request(FIRST, ACCEPTED, NOON)
    assert requests.add_request(asked()).state is RequestState.ACCEPTED


def test_for_a_campaign_one_request_waits_and_whoever_asks_again_gets_it(requests):
    requests.add_request(asked())
    assert requests.add_request(asked(SECOND, minutes=1)).id == FIRST
    assert requests.add_request(asked(SECOND, "cu")).id == SECOND
    assert requests.answer_request(FIRST, Answer(service="s", reason="no"), NOON)
    assert requests.add_request(asked("request-3", minutes=2)).id == "request-3"


def test_many_who_ask_at_once_get_one_request(requests):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: requests.add_request(asked(f"request-{number}")).id, range(8)))
    assert len(set(found)) == 1
    assert len(requests.requests_in(RequestState.WAITING)) == 1


def test_requests_are_listed_by_state_oldest_first_and_by_campaign_newest_first(requests):
    for number, campaign in enumerate(["al", "cu", "mg"]):
        requests.add_request(asked(f"request-{number}", campaign, -number))
    assert [found.campaign for found in requests.requests_in(RequestState.WAITING)] == ["mg", "cu", "al"]
    assert [found.campaign for found in requests.requests_in(RequestState.WAITING, limit=1)] == ["mg"]
    requests.answer_request("request-0", ACCEPTED, NOON)
    requests.add_request(asked("request-9", "al", 9))
    assert [found.id for found in requests.requests_of("al")] == ["request-9", "request-0"]
    assert [found.id for found in requests.requests_of("al", limit=1)] == ["request-9"]
    requests.answer_request("request-9", ACCEPTED, NOON)
    requests.add_request(asked("request-8", "al", 9))
    listed = requests.requests_of("al")
    assert [found.id for found in listed] == ["request-9", "request-8", "request-0"]
    assert [[found.id for found in requests.requests_of("al", 1, last)] for last in listed] == [
        ["request-8"],
        ["request-0"],
        [],
    ]
    assert [found.id for found in requests.requests_in(RequestState.ACCEPTED)] == ["request-0", "request-9"]


def test_a_request_is_held_by_one_deployment_which_may_take_it_again(requests):
    requests.add_request(asked())
    assert requests.take_request(FIRST, "a", 60)
    assert not requests.take_request(FIRST, "b", 60)
    assert requests.take_request(FIRST, "a", 60)
    assert requests.request(FIRST).holder == "a"
    assert not requests.take_request("unknown-request", "a", 60)


def test_of_many_who_take_it_at_once_one_has_it(requests):
    requests.add_request(asked())
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda holder: requests.take_request(FIRST, f"holder-{holder}", 60), range(8)))
    assert taken.count(True) == 1


def test_another_may_take_it_when_the_time_is_over_and_nobody_when_it_is_answered(requests):
    requests.add_request(asked())
    assert requests.take_request(FIRST, "a", -1)
    assert requests.take_request(FIRST, "b", 60)
    assert requests.request(FIRST).holder == "b"
    requests.answer_request(FIRST, ACCEPTED, NOON)
    assert not requests.take_request(FIRST, "b", 60)


def test_an_answer_that_says_done_ends_the_request_and_requests_of_other_kinds_wait_beside_it(requests):
    requests.add_request(asked())
    deletion = asked(SECOND, minutes=1).model_copy(update={"kind": "delete"})
    assert requests.add_request(deletion) == deletion
    assert requests.answer_request(SECOND, Answer(service="tansaku", done=True), NOON)
    found = requests.request(SECOND)
    assert (found.state, found.run, found.answered_at, found.ended_at) == (RequestState.ENDED, None, NOON, NOON)
    assert requests.request(FIRST).state is RequestState.WAITING


def test_a_request_is_answered_once_and_ends_once(requests):
    requests.add_request(asked())
    assert not requests.end_request(FIRST, "too early", NOON)
    later = NOON + timedelta(minutes=1)
    assert requests.answer_request(FIRST, ACCEPTED, later)
    assert not requests.answer_request(FIRST, Answer(service="b", reason="no"), NOON)
    found = requests.request(FIRST)
    assert (found.state, found.service, found.run, found.answered_at) == (RequestState.ACCEPTED, "tansaku", "run-1", later)
    assert requests.end_request(FIRST, "Completed: budget", later)
    assert not requests.end_request(FIRST, "again", later)
    found = requests.request(FIRST)
    assert (found.state, found.reason, found.ended_at, found.run) == (RequestState.ENDED, "Completed: budget", later, "run-1")


def test_a_refused_request_has_a_reason_and_no_run(requests):
    requests.add_request(asked())
    assert requests.answer_request(FIRST, Answer(service="s", reason="no campaign of this name"), NOON)
    found = requests.request(FIRST)
    assert (found.state, found.run, found.reason) == (RequestState.REFUSED, None, "no campaign of this name")
    assert not requests.end_request(FIRST, "x", NOON)


def test_refused_requests_are_listed_newest_first_page_by_page(requests):
    for number in range(3):  # two of them at the same time
        requests.add_request(asked(f"request-{number}", f"al-{number}", number // 2))
        requests.answer_request(f"request-{number}", Answer(service="s", reason="no"), NOON)
    requests.add_request(asked("request-9", "cu", 9))
    listed = requests.last_requests_in(RequestState.REFUSED)
    assert [found.id for found in listed] == ["request-2", "request-1", "request-0"]
    pages = [requests.last_requests_in(RequestState.REFUSED, 1, last) for last in listed]
    assert [[found.id for found in page] for page in pages] == [["request-1"], ["request-0"], []]


def test_the_last_report_of_each_service_is_kept(requests):
    assert requests.services() == []
    requests.report(report("first"))
    requests.report(report("second", sites=("queue of cl: filled",)))
    requests.report(report("first", problem="no answer of $x", stopped=True))
    found = requests.services()
    assert [seen.report for seen in found] == [
        report("first", problem="no answer of $x", stopped=True),
        report("second", sites=("queue of cl: filled",)),
    ]
    assert all(0 <= seen.silent_for < 60 for seen in found)
    assert found[0].seen_at >= found[1].seen_at


def test_silence_counts_by_the_clock_of_the_store(requests, emptied_database):
    requests.report(report())
    let_pass(emptied_database, 3600)
    assert 3600 <= requests.services()[0].silent_for < 3660


def test_the_report_of_a_service_that_is_gone_is_removed_by_the_next_one(requests, emptied_database):
    requests.report(report("gone"))
    let_pass(emptied_database, FORGOTTEN - 60)
    requests.report(report("here"))
    assert {seen.report.name for seen in requests.services()} == {"gone", "here"}
    let_pass(emptied_database, 61)
    requests.report(report("here"))
    assert [seen.report.name for seen in requests.services()] == ["here"]


@pytest.mark.parametrize("request_id", ["short", "with space in", "x" * 65, "$where..", "line\nbreak"])
def test_an_id_is_short_and_plain(request_id):
    with pytest.raises(ValidationError):
        asked(request_id)


def test_requests_follow_a_renamed_campaign_and_not_another_one_of_its_name(requests):
    requests.add_request(asked())
    requests.answer_request(FIRST, ACCEPTED, NOON)
    later = asked(SECOND, minutes=1).model_copy(update={"campaign_created_at": NOON + timedelta(days=1)})
    requests.add_request(later)
    for _ in range(2):
        requests.rename_campaign("al", "aluminium", NOON)
        assert [item.id for item in requests.requests_of("aluminium")] == [FIRST]
        assert [item.id for item in requests.requests_of("al")] == [SECOND]


def wanted(number: int) -> TrainingRequest:
    moment = NOON + timedelta(minutes=number)
    return TrainingRequest(id=f"training-{number}", model="alloy", spec={}, user="ada", origin="::1", created_at=moment)


def test_a_training_is_taken_once_and_by_another_service_when_its_own_is_silent(requests):
    assert requests.add_training(wanted(1)) == requests.add_training(wanted(1)) == wanted(1)
    requests.add_training(wanted(2))
    assert requests.trainings() == [wanted(2), wanted(1)]
    taken = requests.take_training("a", 60.0)
    assert (taken.id, taken.state, taken.holder) == ("training-1", TrainingState.RUNNING, "a")
    assert requests.take_training("a", 60.0).id == "training-1", "its own, after a kill"
    assert requests.take_training("b", 60.0).id == "training-2"
    assert requests.take_training("c", 60.0) is None
    assert not requests.hold_training("training-1", "b", 60.0)
    assert requests.hold_training("training-1", "a", 0.0)
    assert requests.take_training("c", 60.0).id == "training-1"


def test_a_training_keeps_its_steps_and_ends_once(requests):
    requests.add_training(wanted(1))
    steps = [TrainingStep(step=1, training=0.5, validation=None, unit="eV")]
    requests.note_steps("training-1", steps)
    end = TrainingEnd(state=TrainingState.ENDED, version="alloy@1", reason="the first version")
    assert requests.end_training("training-1", end, NOON)
    assert not requests.end_training("training-1", end.model_copy(update={"state": TrainingState.CANCELLED}), NOON)
    requests.note_steps("training-1", [])
    found = requests.training("training-1")
    assert (found.state, found.version, found.ended_at, list(found.steps)) == (TrainingState.ENDED, "alloy@1", NOON, steps)
    assert requests.take_training("a", 60.0) is None
    assert not requests.hold_training("training-1", "a", 60.0)
    assert requests.training("training-9") is None
