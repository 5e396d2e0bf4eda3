"""Retrains in every store: committed in order, ended once, fenced, gone with their campaign."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.errors import FencedError, StoreError
from tansaku.models.domain.retraining import Retrain, RetrainEnd, describe, in_use

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def begun(number: int, **changes: object) -> Retrain:
    known = {"campaign": "search", "number": number, "at_proposal": 10 * number, "horizon": 8, "uses_from": 10 * number + 2}
    known |= {"model": "m", "dataset": "d" * 64, "observations": 7, "reason": "every", "begun_at": NOW}
    return Retrain.model_validate(known | changes)


def ended(number: int, **changes: object) -> RetrainEnd:
    known = {"campaign": "search", "number": number, "uses_from": 10 * number + 2, "ok": True, "version": f"m@{number}"}
    return RetrainEnd.model_validate(known | {"weights": "w" * 64, "promoted": True, "ended_at": NOW} | changes)


def test_a_retrain_and_its_end_are_stored_once_and_in_order(store, lease):
    first = store.insert_retrain(lease, begun(1))
    assert store.retrains("search") == [(first, None)]
    assert store.insert_retrain(lease, begun(1, observations=99)) == first
    end = store.end_retrain(lease, ended(1))
    assert store.end_retrain(lease, ended(1, message="again")) == end
    with pytest.raises(StoreError, match="retrain 3 does not follow retrain 1"):
        store.insert_retrain(lease, begun(3))
    with pytest.raises(StoreError, match="retrain end 3 does not follow retrain end 1"):
        store.end_retrain(lease, ended(3))
    second = store.insert_retrain(lease, begun(2))
    assert store.retrains("search") == [(first, end), (second, None)]
    record = store.campaign("search")
    assert (record.last_retrain, record.last_retrain_end) == (2, 1)


def test_an_older_driver_neither_begins_nor_ends_one(store, lease, first_driver):
    store.insert_retrain(lease, begun(1))
    store.acquire_lease("search", first_driver.model_copy(update={"pid": 12}), 60.0, steal=True)
    for write in (lambda: store.end_retrain(lease, ended(1)), lambda: store.insert_retrain(lease, begun(2))):
        with pytest.raises(FencedError):
            write()
    assert [end for _, end in store.retrains("search")] == [None]


def test_they_go_with_their_campaign(store, lease, record):
    store.insert_retrain(lease, begun(1))
    store.end_retrain(lease, ended(1))
    store.release_lease(lease)
    store.delete_campaign("search")
    store.create_campaign(record)
    assert store.retrains("search") == []


def test_the_version_in_use_is_the_last_promoted_one_that_counts_by_then():
    ends = [ended(1), ended(2, promoted=False), ended(3, ok=False, promoted=False, version=None), ended(4)]
    assert in_use(ends, 11) is None
    assert [in_use(ends, number).version for number in (12, 41, 42)] == ["m@1", "m@1", "m@4"]
    assert in_use(ends).version == "m@4"


def test_words_say_what_came_of_it():
    assert describe(begun(2), None) == "retrain 2 of m on 7 results, for proposal 20 begins"
    assert "m@2, the first" in describe(begun(2), ended(2, message="the first"))
    assert "m@2, kept, worse" in describe(begun(2), ended(2, promoted=False, message="worse"))
    assert "failed, the previous version stays in use: too few" in describe(begun(2), ended(2, ok=False, message="too few"))
