"""Campaigns of measurements are driven in the service; what takes long, or fails, becomes a run."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

import pytest

from tansaku.flows.measured import Measured, drive_for_a_while, measured_requests
from tansaku.flows.requests import Desk
from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.records import Command, LeaseOwner
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.tasks.backends.stores.mongo_requests import MongoRequests
from tests.unit.flows.test_requests import Server, refused
from tests.unit.tasks.act.measurements.ask_tell.conftest import open_laboratory  # noqa: F401 - a fixture

NAME, ID = "lab", "request-1"


@pytest.fixture
def laboratory(open_laboratory):  # noqa: F811
    return open_laboratory(proposer={"type": "grid"})


@pytest.fixture
def desk(laboratory, emptied_database) -> Desk:
    requests = MongoRequests(emptied_database)
    created = laboratory.store.campaign(NAME).created_at
    requests.add_request(
        ServiceRequest(
            id=ID, campaign=NAME, campaign_created_at=created, user="ada", origin="::1", created_at=datetime.now(UTC)
        )
    )
    return Desk("tansaku", laboratory.store, requests, Server(), refused)


@pytest.fixture
def drive(laboratory):
    return partial(drive_for_a_while, laboratory.resources, halt=threading.Event())


def ask(laboratory, count, key):
    command = Command(id=key, kind="ask", payload={"count": count}, user="ada", created_at=datetime.now(UTC))
    laboratory.store.add_command(NAME, command)


def test_a_request_for_measurements_is_carried_out_without_a_run(laboratory, desk, drive):
    ask(laboratory, 3, "first")
    desk.answer_all(measured_requests(desk))
    assert desk.requests.request(ID).state is RequestState.WAITING, "the desk leaves it"
    Measured(desk, drive).answer_all()
    found = desk.requests.request(ID)
    assert (found.state, found.reason, desk.runs.started, laboratory.numbers()) == (RequestState.ENDED, "", 0, [1, 2, 3])


def test_what_is_stored_while_a_driver_ends_is_taken_too(laboratory, desk, drive):
    driven = []

    def drive_and_ask(name):
        enough = drive(name)
        driven.append(laboratory.numbers())
        if len(driven) == 1:
            ask(laboratory, 4, "second")
        return enough

    ask(laboratory, 1, "first")
    Measured(desk, drive_and_ask).answer_all()
    assert driven == [[1], [1, 2, 3, 4]]


def fail(_name):
    raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("advance", [lambda _: False, fail])
def test_what_takes_long_or_fails_becomes_a_run(desk, advance):
    Measured(desk, advance).answer_all()
    found = desk.requests.request(ID)
    assert (found.state, found.run) == (RequestState.ACCEPTED, "run-1")


def test_a_driver_that_has_the_campaign_takes_what_was_stored(laboratory, desk, drive):
    laboratory.store.acquire_lease(NAME, LeaseOwner(host="h", pid=1, process_started=1.0, user="ada"), 60.0)
    Measured(desk, drive).answer_all()
    found = desk.requests.request(ID)
    assert (found.state, desk.runs.started) == (RequestState.ENDED, 0)


def test_an_outage_leaves_the_request_waiting(desk):
    def lose(_name):
        raise TransientError("the database does not answer")

    with pytest.raises(TransientError):
        Measured(desk, lose).answer_all()
    assert desk.requests.request(ID).state is RequestState.WAITING


def test_an_interrupted_service_leaves_the_rest_to_a_run(laboratory, desk):
    halt = threading.Event()
    halt.set()
    Measured(desk, partial(drive_for_a_while, laboratory.resources, halt=halt)).answer_all()
    assert desk.requests.request(ID).run == "run-1"


def test_a_campaign_with_a_function_of_a_script_gets_a_run(open_laboratory, emptied_database):  # noqa: F811
    source = "def score(pool, observations, posterior, rng):\n    return -posterior.mean\n"
    function = {"module": "m", "name": "score", "source": source, "source_sha256": sha256(source.encode()).hexdigest()}
    laboratory = open_laboratory(proposer={"type": "gp", "function": function})
    request = ServiceRequest(
        id=ID,
        campaign=NAME,
        campaign_created_at=laboratory.store.campaign(NAME).created_at,
        user="ada",
        origin="::1",
        created_at=datetime.now(UTC),
    )
    desk = Desk("tansaku", laboratory.store, MongoRequests(emptied_database), Server(), refused)
    assert not measured_requests(desk)(request)
