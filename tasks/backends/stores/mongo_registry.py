"""The registry of data sets and models in MongoDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pymongo import ASCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.model_registry import DatasetRecord, ModelRecord, promotion_time
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.stores.documents import from_document, readable_of, sha256s_in, to_document
from tansaku.tasks.backends.stores.memory_registry import dataset_id, same_model, unknown_model
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase, durable

_TRIES = 100


class MongoRegistry:
    """A ``Registry`` in MongoDB (collections ``datasets`` and ``models``).

    Args:
        database: From ``connection.connect``; its schema has been checked.
    """

    def __init__(self, database: MongoDatabase) -> None:
        database = durable(database)
        self._datasets = database["datasets"]
        self._models = database["models"]

    def add_dataset(self, record: DatasetRecord) -> DatasetRecord:
        """Stores a data set; returns the known one of the same name and content."""
        with translated(f"storing data set {record.name!r}"):
            stored = self._datasets.find_one_and_update(
                {"_id": dataset_id(record)},
                {"$setOnInsert": to_document(record)},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        if stored is None:
            raise StoreError(f"data set {record.name!r} was stored but is missing")
        return from_document(DatasetRecord, stored)

    def datasets(self, name: str | None = None) -> list[DatasetRecord]:
        """All, or those of a name, the oldest first."""
        return sorted((from_document(DatasetRecord, dataset) for dataset in self._stored_datasets(name)), key=_age)

    def readable_datasets(self, name: str | None = None) -> tuple[list[DatasetRecord], list[str]]:
        """Data sets, the oldest first, and what is wrong with those that cannot be read; for looking."""
        found, problems = readable_of(DatasetRecord, self._stored_datasets(name))
        return sorted(found, key=_age), problems

    def add_model(self, record: ModelRecord) -> ModelRecord:
        """Stores a version."""
        for _ in range(_TRIES):
            versions = self.models(record.name)
            known = next((item for item in versions if same_model(item, record)), None)
            if known is not None:
                return known
            version = 1 + max((item.version for item in versions), default=0)
            document = to_document(record.model_copy(update={"version": version}))
            with translated(f"storing model {record.name!r}"):
                try:
                    self._models.insert_one({"_id": f"{record.name}@{version}"} | document)
                except DuplicateKeyError:
                    continue  # somebody else took the number: the next one
            return from_document(ModelRecord, document)
        raise StoreError(f"model {record.name!r}: no free version was found in {_TRIES} tries")

    def models(self, name: str | None = None) -> list[ModelRecord]:
        """All by name and version, or the versions of a name."""
        return [from_document(ModelRecord, model) for model in self._stored_models(name)]

    def readable_models(self, name: str | None = None) -> tuple[list[ModelRecord], list[str]]:
        """Models by name and version, and what is wrong with those that cannot be read; for looking."""
        return readable_of(ModelRecord, self._stored_models(name))

    def named_artifacts(self) -> Iterator[str]:
        """Every SHA-256 that stands anywhere in what is stored about data sets and models, be it readable or not."""
        for document in (*self._stored_datasets(None), *self._stored_models(None)):
            yield from sha256s_in(document)

    def _stored_datasets(self, name: str | None) -> list[JsonDict]:
        with translated("reading the data sets"):
            return list(self._datasets.find({} if name is None else {"name": name}))

    def _stored_models(self, name: str | None) -> list[JsonDict]:
        order = [("name", ASCENDING), ("version", ASCENDING)]
        with translated("reading the models"):
            return list(self._models.find({} if name is None else {"name": name}).sort(order))

    def promote(self, name: str, version: int, note: str) -> ModelRecord:
        """Makes a version the one to be used. Raises NotFoundError."""
        moment = promotion_time(self.models(name), utc_now())
        with translated(f"promoting model {name}@{version}"):
            stored = self._models.find_one_and_update(
                {"_id": f"{name}@{version}"},
                {"$set": {"promoted_at": moment, "note": note}},
                return_document=ReturnDocument.AFTER,
            )
        if stored is None:
            raise unknown_model(name, version)
        return from_document(ModelRecord, stored)


def _age(record: DatasetRecord) -> tuple[datetime, str]:
    return record.created_at, record.sha256
