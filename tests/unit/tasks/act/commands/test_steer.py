import pytest

from tansaku.models.domain.errors import ConfigurationError, FieldError, NotFoundError, StateError
from tansaku.models.domain.records import LeaseOwner
from tansaku.models.domain.states import StopReason
from tansaku.tasks.act.commands.steer import plan_edit, request, request_edit
from tests.support.actors import ADA

NAME = "small-table"


def test_a_request_says_who_asked_and_whether_a_driver_will_apply_it(recorded):
    store = recorded("a1")
    assert not request(store, ADA, NAME, "pause").has_driver
    store.acquire_lease(NAME, LeaseOwner(host="node7", pid=4321, process_started=0.0, user="bob"), 60.0)
    assert request(store, ADA, NAME, "resume").has_driver
    assert [(command.kind, command.user) for command in store.campaign(NAME).commands] == [("pause", "ada"), ("resume", "ada")]


def test_one_identifier_is_one_request(recorded):
    store = recorded("a1")
    for _ in range(2):
        request(store, ADA, NAME, "pause", identifier="from-the-page")
    assert [command.id for command in store.campaign(NAME).commands] == ["from-the-page"]
    again = request(store, ADA, NAME, "pause")
    assert (again.new, again.command.id) == (False, "from-the-page")
    request(store, ADA, NAME, "resume")
    request(store, ADA, NAME, "pause")
    assert len(store.campaign(NAME).commands) == 3


def test_a_finished_campaign_is_not_cancelled_unless_a_command_waits(recorded):
    store = recorded("a1", "a3", "a2", stop=StopReason.BUDGET)
    for kind in ("cancel", "pause"):
        with pytest.raises(StateError, match=f"is FINISHED; {kind} applies to campaigns that are NEW"):
            request(store, ADA, NAME, kind)
    assert store.campaign(NAME).commands == ()
    request(store, ADA, NAME, "retry")
    assert request(store, ADA, NAME, "cancel").new
    with pytest.raises(StateError, match="is CANCELLED; retry") as raised:
        request(store, ADA, NAME, "retry")
    assert raised.value.hint == "lift that first: tansaku resume small-table"


def test_only_candidates_with_an_evaluation_are_retried(recorded):
    store = recorded("a1")
    request(store, ADA, NAME, "retry", ["a1"])
    assert store.campaign(NAME).commands[0].payload == {"candidates": ["a1"]}
    with pytest.raises(NotFoundError, match="no evaluation of candidate 'a2'"):
        request(store, ADA, NAME, "retry", ["a1", "a2"])
    with pytest.raises(NotFoundError):
        request(store, ADA, "unknown", "pause")
    assert len(store.campaign(NAME).commands) == 1


def test_what_is_for_named_candidates_needs_one(recorded):
    store = recorded("a1")
    with pytest.raises(FieldError, match="candidates: none is named; expected ids of those that rerun is for"):
        request(store, ADA, NAME, "rerun")
    assert store.campaign(NAME).commands == ()
    assert request(store, ADA, NAME, "rerun", ["a1"]).new


def test_an_edit_is_stored_where_it_changes_something(recorded):
    store = recorded("a1")
    assert request_edit(store, ADA, NAME, {"execution.retries": plan_retries(store)}) is None
    (difference,) = plan_edit(store, NAME, {"execution.retries": 7})
    assert (difference.key, difference.new) == ("execution.retries", 7)
    assert store.campaign(NAME).commands == ()
    assert request_edit(store, ADA, NAME, {"execution.retries": 7}) is not None
    assert store.campaign(NAME).commands[0].payload == {"execution.retries": 7}
    with pytest.raises(ConfigurationError, match="seed"):
        request_edit(store, ADA, NAME, {"seed": 4})


def plan_retries(store):
    (difference,) = plan_edit(store, NAME, {"execution.retries": 9})
    return difference.old
