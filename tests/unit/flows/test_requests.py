"""Requests become runs, each once, whatever is killed or does not answer in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from tansaku.flows.requests import Desk, OutageError, _campaign_of, _end_of
from tansaku.models.domain.errors import StoreError, TransientError
from tansaku.models.domain.records import Command, LeaseOwner
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.tasks.backends.stores.mongo_requests import MongoRequests
from tests.support.killed_writes import KilledError, MortalStore

NAME, ID = "small-table", "request-1"


@dataclass
class Server:
    """Stands for a Prefect server: runs by the id of their request."""

    name: str | None = "deployment"
    runs: dict[str, str] = field(default_factory=dict)
    started: int = 0
    due: str | None = None
    ended: dict[str, str] = field(default_factory=dict)
    refuses: str = ""
    down: bool = False

    def deployment(self) -> str | None:
        if self.down:
            raise OutageError("the Prefect server does not answer")
        return self.name

    def started_for(self, request_id: str) -> str | None:
        return self.runs.get(request_id)

    def open_run(self, campaign: str) -> str | None:
        return self.due

    def start(self, request: ServiceRequest) -> str:
        if self.down:
            raise OutageError("the Prefect server does not answer")
        if self.refuses:
            raise StoreError(self.refuses)
        self.started += 1
        return self.runs.setdefault(request.id, f"run-{self.started}")

    def ends(self, runs: Sequence[str]) -> dict[str, str]:
        return {run: self.ended[run] for run in runs if run in self.ended}


def refused(request: ServiceRequest) -> None:
    """Stands for a deletion or a change of a name that is refused."""
    raise StoreError("a job of it runs")


@pytest.fixture
def store(recorded):
    return recorded("a1")


@pytest.fixture
def requests(store, emptied_database) -> MongoRequests:
    made = MongoRequests(emptied_database)
    made.add_request(
        ServiceRequest(
            id=ID,
            campaign=NAME,
            campaign_created_at=store.campaign(NAME).created_at,
            user="ada",
            origin="::1",
            created_at=datetime.now(UTC),
        )
    )
    return made


@pytest.fixture
def desk(store, requests) -> Desk:
    return Desk("tansaku", store, requests, Server(), refused)


def test_a_request_starts_one_run_and_is_answered(desk):
    desk.answer_all()
    desk.answer_all()
    found = desk.requests.request(ID)
    assert (found.state, found.run, found.service, found.holder) == (RequestState.ACCEPTED, "run-1", "tansaku", "deployment")
    assert desk.runs.started == 1


def test_a_request_waits_until_the_deployment_is_registered(desk):
    desk.runs.name = None
    desk.answer_all()
    assert desk.requests.request(ID).state is RequestState.WAITING


@pytest.mark.parametrize(("method", "after"), [("take_request", True), ("answer_request", False), ("answer_request", True)])
def test_a_killed_service_loses_no_request_and_starts_none_twice(desk, store, requests, method, after):
    with pytest.raises(KilledError):
        Desk("tansaku", store, MortalStore(requests, method, after), desk.runs, desk.change).answer_all()
    # What the first one started holds the campaign's lease meanwhile.
    if desk.runs.started:
        store.acquire_lease(NAME, LeaseOwner(host="h", pid=1, process_started=1.0, user="ada"), 60.0)
    desk.answer_all()
    found = requests.request(ID)
    assert (found.state, found.run) == (RequestState.ACCEPTED, "run-1")
    assert desk.runs.started == 1


def test_a_request_that_another_deployment_took_is_left_to_it(desk, store, requests):
    other = Desk("other", store, requests, Server("another deployment"), refused)
    with pytest.raises(KilledError):
        Desk("tansaku", store, MortalStore(requests, "answer_request", False), desk.runs, desk.change).answer_all()
    other.answer_all()
    assert other.runs.started == 0
    desk.answer_all()
    assert requests.request(ID).run == "run-1"


def test_an_outage_of_the_server_leaves_the_request_waiting(desk):
    desk.runs.down = True
    with pytest.raises(OutageError):
        desk.answer_all()
    assert desk.requests.request(ID).state is RequestState.WAITING
    desk.runs.down = False
    desk.answer_all()
    assert desk.requests.request(ID).state is RequestState.ACCEPTED


def drive(store, desk):
    store.acquire_lease(NAME, LeaseOwner(host="h", pid=1, process_started=1.0, user="ada"), 60.0)


def pause(store, desk):
    store.add_command(NAME, Command(id="p", kind="pause", created_at=datetime.now(UTC)))


def delete(store, desk):
    store.begin_deletion(NAME)
    store.delete_campaign(NAME)


def replace(store, desk):
    record = store.campaign(NAME)
    delete(store, desk)
    store.create_campaign(record.model_copy(update={"created_at": record.created_at + timedelta(seconds=1)}))


def be_due(store, desk):
    desk.runs.due = "run-0"


def refuse(store, desk):
    desk.runs.refuses = "the Prefect server refuses: too long"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drive, "driven by"),
        (pause, "is paused"),
        (delete, "small-table"),
        (lambda store, _: store.begin_deletion(NAME), "being deleted"),
        (replace, "was deleted, and another one"),
        (be_due, "run run-0 of this campaign is due or in progress"),
        (refuse, "the Prefect server refuses: too long"),
    ],
)
def test_what_cannot_run_is_refused_with_the_reason(desk, store, change, reason):
    change(store, desk)
    desk.answer_all()
    found = desk.requests.request(ID)
    assert found.state is RequestState.REFUSED
    assert reason in found.reason
    assert desk.runs.started == 0


def test_the_end_of_a_run_is_stored_with_its_request(desk):
    desk.answer_all()
    desk.follow()
    assert desk.requests.request(ID).state is RequestState.ACCEPTED
    desk.runs.ended["run-1"] = "Failed: no such potential"
    desk.follow()
    found = desk.requests.request(ID)
    assert (found.state, found.reason) == (RequestState.ENDED, "Failed: no such potential")


def test_runs_of_another_deployment_are_not_asked_for(desk, store, requests):
    desk.answer_all()
    other = Desk("other", store, requests, Server("another deployment", ended={"run-1": "its run was deleted"}), refused)
    other.follow()
    assert requests.request(ID).state is RequestState.ACCEPTED


def run_of(state: StateType, seconds: float = 0.0, **parameters: object) -> FlowRun:
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    made = State(type=state, name=state.value.title(), message="budget", timestamp=moment)
    return FlowRun(flow_id="0" * 32, state=made, parameters=parameters)


def test_a_crashed_run_has_ended_only_when_it_is_not_restarted():
    assert _end_of(run_of(StateType.RUNNING)) is None
    assert _end_of(run_of(StateType.SCHEDULED)) is None
    assert _end_of(run_of(StateType.CRASHED, 60)) is None
    assert _end_of(run_of(StateType.CRASHED, 600)) == "Crashed: budget"
    assert _end_of(run_of(StateType.COMPLETED)) == "Completed: budget"


def test_the_campaign_of_a_run_is_found_in_its_parameters():
    assert _campaign_of(run_of(StateType.RUNNING, name="al")) == "al"
    assert _campaign_of(run_of(StateType.RUNNING, campaign={"name": "al"})) == "al"
    assert _campaign_of(run_of(StateType.RUNNING, name="al", number=3)) is None
    assert _campaign_of(run_of(StateType.RUNNING, dry_run=True)) is None


def test_a_database_that_does_not_answer_is_waited_for(desk):
    class Silent:
        def requests_in(self, *arguments: object) -> None:
            raise TransientError("the database does not answer")

    with pytest.raises(TransientError, match="database"):
        Desk("tansaku", desk.store, Silent(), desk.runs, desk.change).answer_all()
