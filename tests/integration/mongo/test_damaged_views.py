"""Views report damaged evaluations exactly as a full reading does, and hide no others."""

from datetime import datetime

import pytest
from bson import Binary, Code, Decimal128, ObjectId, Regex
from bson.datetime_ms import DatetimeMS

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import LeaseOwner, Outcome, Provenance, Quantity
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.views import STATE_CODES, PageQuery
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tests.support.records import campaign_record, proposal_of

DAMAGES = {
    "text for a number": {"$set": {"proposal.number": "two"}},
    "no number": {"$unset": {"proposal.number": ""}},
    "no proposal": {"$unset": {"proposal": ""}},
    "text for a time": {"$set": {"proposed_at": "yesterday"}},
    "a time beyond the calendar": {"$set": {"finished_at": DatetimeMS(10**15)}},
    "a far time of an attempt": {"$set": {"attempts.0.started_at": DatetimeMS(-(10**15))}},
    "an unknown state": {"$set": {"state": "ASLEEP"}},
    "an unknown key": {"$set": {"outcome.colour": "red"}},
    "an unknown key of an attempt": {"$set": {"attempts.0.colour": "red"}},
    "not a list of attempts": {"$set": {"attempts": "none"}},
    "not a number": {"$set": {"outcome.value": float("nan")}},
    "infinite": {"$set": {"outcome.quantities.energy.value": float("inf")}},
    "a quantity without unit": {"$unset": {"outcome.quantities.energy.unit": ""}},
    "a fraction of a core": {"$set": {"outcome.cores": 0.5}},
    "no cores": {"$set": {"outcome.cores": 0}},
    "outcome": {"$set": {"outcome": ["a", "b"]}},
    "a newer schema": {"$set": {"schema_version": 2}},
    "provenance": {"$set": {"outcome.provenance.settings": 3}},
    "bytes in a property": {"$set": {"outcome.properties": {"a": [{"b": Binary(b"\x80")}]}}},
    "not a number in a property": {"$set": {"outcome.properties.a": float("nan")}},
    "a reference in a setting": {"$set": {"outcome.provenance.settings.a": ObjectId(b"0" * 12)}},
    "a time in a handle": {"$set": {"attempts.0.handle": {"at": datetime(2026, 1, 1)}}},
    "a program for a state": {"$set": {"state": Code("DONE")}},
    "a program for a candidate": {"$set": {"proposal.candidate": Code("c2")}},
    "a program for a token of the store": {"$set": {"token": Code("2")}},
    "a decimal number for a number": {"$set": {"proposal.number": Decimal128("2")}},
    "a decimal number for a value": {"$set": {"outcome.value": Decimal128("2.5")}},
    "bytes for a unit": {"$set": {"outcome.quantities.energy.unit": Binary(b"eV")}},
    "an unknown key of a late result": {"$set": {"attempts.0.late_outcome": {"value": 1.5, "colour": "red"}}},
    "not a number in a replaced result": {"$set": {"attempts.0.superseded": {"value": float("nan")}}},
    "a far time of a late result": {"$set": {"attempts.0.late_outcome": {"value": 1.5, "started_at": DatetimeMS(-(10**15))}}},
    "an expression in a list of the store": {"$set": {"outbox": [{"a": Regex("x")}]}},
    "a decimal number of the store": {"$set": {"order": Decimal128("2")}},
    "an expression deep in a property": {"$set": {"outcome.properties": {"a": [[[[[[[Regex("x")]]]]]]]}}},
}
# Written by no version of this program, but pydantic reads them.
UNUSUAL = {
    "a whole number as a float": {"$set": {"proposal.horizon": 1.0}},
    "a time as text": {"$set": {"proposed_at": "2026-01-01T00:00:00+00:00"}},
    "a value as text": {"$set": {"outcome.value": "2.5"}},
    "a late result": {"$set": {"attempts.0.late_outcome": {"value": 1.5}}},
    "a replaced result": {"$set": {"attempts.0.superseded": {"value": 1.5, "quantities": {}}}},
    "a list of the store": {"$set": {"outbox": [{"a": 1.5}]}},
    "plain data of many levels": {"$set": {"outcome.properties": {"a": [[[[[[{"b": 1.0}]]]]]]}}},
    "without what has a default": {"$unset": {"proposal.purpose": "", "state": "", "outcome.cores": "", "attempts": ""}},
}


@pytest.fixture(scope="module")
def written(mongo_server):
    """A database with a campaign of three evaluations; every test changes the second one, and puts it back."""
    from tansaku.tasks.backends.stores.connection import open_database

    database = open_database(mongo_server.start(), "test-damaged-views")
    store = MongoCampaignStore(database)
    store.create_campaign(campaign_record(spec={"objective": {"unit": "eV"}}))
    lease = store.acquire_lease("c", LeaseOwner(host="h", pid=1, process_started=1.0, user="u"), 60.0)
    for number in (1, 2, 3):
        evaluation = store.insert_proposal(
            lease,
            proposal_of(number),
        )
        store.begin_attempt(lease, evaluation.id, 1, str(number), str(number))
        outcome = Outcome(
            value=float(number),
            wall_time=1.5,
            quantities={"energy": Quantity(value=1.0, unit="eV")},
            provenance=Provenance(code="emt", code_version="1"),
        )
        store.accept_outcome(lease, evaluation.id, str(number), outcome)
    yield database, store
    database.client.drop_database(database.name)
    database.client.close()


@pytest.fixture
def changed(written):
    database, store = written
    kept = database["evaluations"].find_one({"proposal.number": 2})

    def change(update):
        database["evaluations"].update_one({"_id": kept["_id"]}, update)
        return store

    yield change
    database["evaluations"].replace_one({"_id": kept["_id"]}, kept)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_evaluation_is_reported_as_by_a_full_reading(changed, name):
    store = changed(DAMAGES[name])
    evaluations, problems = store.readable_evaluations("c")
    assert len(problems) == 1
    columns = store.columns("c", quantities=("energy",))
    assert columns.problems == tuple(problems)
    assert columns.candidates == tuple(evaluation.proposal.candidate for evaluation in evaluations) == ("c1", "c3")
    assert store.state_counts("c")[EvaluationState.DONE] == (2 if "state" in name else 3)
    page = store.page("c", PageQuery())
    assert set(page.problems) <= set(problems)
    assert list(page.evaluations) == evaluations
    with pytest.raises(StoreError, match="is damaged"):
        list(store.each_evaluation("c"))


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_can_be_read_is_in_the_columns(changed, name):
    store = changed(UNUSUAL[name])
    evaluations, problems = store.readable_evaluations("c")
    columns = store.columns("c")
    assert (problems, columns.problems) == ([], ())
    assert columns.values.tolist() == [evaluation.outcome.value for evaluation in evaluations]
    assert [*columns.state_codes] == [STATE_CODES[evaluation.state] for evaluation in evaluations]
    assert columns.searched.all()


def test_a_healthy_campaign_is_compared_by_the_server_alone(written, monkeypatch):
    """No document that the store has written is validated again: otherwise reading would grow slow unnoticed."""
    from tansaku.tasks.backends.stores import mongo_views

    seen = []
    monkeypatch.setattr(mongo_views, "readable_of", lambda kind, found, key: seen.extend(found) or ([], []))
    assert len(written[1].columns("c")) == 3
    assert seen == []


@pytest.mark.parametrize("size", [1, 2])
def test_columns_that_are_read_in_parts_are_those_read_at_once(changed, monkeypatch, size):
    from tansaku.tasks.backends.stores import mongo_views

    store = changed({"$set": {"outcome.colour": "red"}})
    whole = store.columns("c")
    monkeypatch.setattr(mongo_views, "_BATCH", size)
    found = store.columns("c")
    assert (found.candidates, found.problems) == (whole.candidates, whole.problems)
    assert found.candidates == ("c1", "c3")
    assert len(found.problems) == 1


def test_a_failure_while_parts_are_read_ahead_is_raised(written, monkeypatch):
    from tansaku.tasks.backends.stores import mongo_views

    monkeypatch.setattr(mongo_views, "_BATCH", 1)
    monkeypatch.setattr(mongo_views, "_mismatches", lambda: [{"$unknown": 1}])
    with pytest.raises(StoreError, match="unknown"):
        written[1].columns("c")
