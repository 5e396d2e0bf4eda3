"""The contract of the registry of data sets and models, on every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.model_registry import DatasetRecord, ModelRecord, Registry, promoted
from tansaku.tasks.backends.stores.memory_registry import MemoryRegistry
from tests.support.records import dataset_record, model_record

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "mongo"])
def registry(request) -> Iterator[Registry]:
    if request.param == "memory":
        yield MemoryRegistry()
        return
    from tansaku.tasks.backends.stores.mongo_registry import MongoRegistry
    from tansaku.tasks.backends.stores.mongo_schema import open_collections

    database = request.getfixturevalue("emptied_database")
    open_collections(database)
    yield MongoRegistry(database)


def dataset(name: str = "data", sha256: str = "a" * 64, minutes: int = 0) -> DatasetRecord:
    groups = {"one": "training", "two": "held_out"}
    created = NOON + timedelta(minutes=minutes)
    return dataset_record(sha256=sha256, name=name, spec={"third": 1 / 3}, groups=groups, structures=2, created_at=created)


def model(name: str = "model", artifact: str = "b" * 64, **changes: object) -> ModelRecord:
    return model_record(**{"name": name, "artifact": artifact, "created_at": NOON} | changes)


def test_a_data_set_comes_back_and_is_stored_once(registry):
    stored = registry.add_dataset(dataset())
    assert stored == dataset()
    assert registry.add_dataset(dataset(minutes=5)) == stored
    assert registry.datasets() == [stored]


def test_data_sets_are_listed_by_age_and_by_name(registry):
    for name, sha256, minutes in (("b", "2" * 64, 2), ("a", "3" * 64, 3), ("b", "1" * 64, 1)):
        registry.add_dataset(dataset(name, sha256, minutes))
    assert [dataset.sha256[0] for dataset in registry.datasets()] == ["1", "2", "3"]
    assert [dataset.sha256[0] for dataset in registry.datasets("b")] == ["1", "2"]
    assert registry.datasets("c") == []


def test_the_same_content_may_have_two_names(registry):
    registry.add_dataset(dataset("a"))
    registry.add_dataset(dataset("b"))
    assert [one.name for one in registry.datasets()] == ["a", "b"]


def test_versions_are_counted_by_name(registry):
    versions = [registry.add_model(model(artifact=digit * 64)).label for digit in "123"]
    versions.append(registry.add_model(model("other", artifact="4" * 64)).label)
    assert versions == ["model@1", "model@2", "model@3", "other@1"]
    assert [one.label for one in registry.models()] == versions
    assert [one.label for one in registry.models("other")] == ["other@1"]


def test_the_same_training_is_stored_once(registry):
    first = registry.add_model(model())
    assert registry.add_model(model(seconds=9.0)) == first
    assert registry.add_model(model(learns="label")).version == 2


def test_versions_stay_apart_when_stored_at_once(registry):
    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(lambda digit: registry.add_model(model(artifact=digit * 64)), "12345678"))
    assert sorted(one.version for one in stored) == list(range(1, 9))


def test_the_promoted_version_is_the_one_promoted_last(registry):
    assert promoted(registry.models("model")) is None
    registry.add_model(model(artifact="1" * 64, promoted_at=NOON))
    registry.add_model(model(artifact="2" * 64))
    assert promoted(registry.models("model")).version == 1
    assert registry.promote("model", 2, "because").note == "because"
    assert promoted(registry.models("model")).version == 2
    registry.promote("model", 1, "back")
    assert promoted(registry.models("model")).version == 1


def test_what_is_not_there_cannot_be_promoted(registry):
    registry.add_model(model())
    for name, version in (("model", 2), ("other", 1)):
        with pytest.raises(NotFoundError, match=rf"no model {name}@{version}"):
            registry.promote(name, version, "")
