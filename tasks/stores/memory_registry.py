"""The registry of data sets and models in memory, and what every registry shares."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.registry import DatasetRecord, ModelRecord, promotion_time
from tansaku.tasks.stores.documents import normalised, sha256s_in, utc_now


def dataset_id(record: DatasetRecord) -> str:
    """Id of a data set: the same content under two names is two data sets."""
    return short_hash([record.name, record.sha256])


class MemoryRegistry:
    """A ``Registry`` that lives as long as the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._datasets: dict[str, DatasetRecord] = {}
        self._models: dict[tuple[str, int], ModelRecord] = {}

    def add_dataset(self, record: DatasetRecord) -> DatasetRecord:
        """See ``Registry``."""
        with self._lock:
            return self._datasets.setdefault(dataset_id(record), normalised(record))

    def datasets(self, name: str | None = None) -> list[DatasetRecord]:
        """See ``Registry``."""
        with self._lock:
            found = [dataset for dataset in self._datasets.values() if name in (None, dataset.name)]
        return sorted(found, key=lambda item: (item.created_at, item.sha256))

    def add_model(self, record: ModelRecord) -> ModelRecord:
        """See ``Registry``."""
        with self._lock:
            versions = [model for model in self._models.values() if model.name == record.name]
            known = next((item for item in versions if same_model(item, record)), None)
            if known is not None:
                return known
            version = 1 + max((item.version for item in versions), default=0)
            stored = normalised(record.model_copy(update={"version": version}))
            self._models[record.name, version] = stored
            return stored

    def models(self, name: str | None = None) -> list[ModelRecord]:
        """See ``Registry``."""
        with self._lock:
            found = [model for model in self._models.values() if name in (None, model.name)]
        return sorted(found, key=lambda item: (item.name, item.version))

    def readable_datasets(self, name: str | None = None) -> tuple[list[DatasetRecord], list[str]]:
        """See ``Registry``."""
        return self.datasets(name), []

    def readable_models(self, name: str | None = None) -> tuple[list[ModelRecord], list[str]]:
        """See ``Registry``."""
        return self.models(name), []

    def named_artifacts(self) -> Iterator[str]:
        """See ``Registry``."""
        for record in (*self.datasets(), *self.models()):
            yield from sha256s_in(record.model_dump())

    def promote(self, name: str, version: int, note: str) -> ModelRecord:
        """See ``Registry``."""
        with self._lock:
            known = self._models.get((name, version))
            if known is None:
                raise unknown_model(name, version)
            moment = promotion_time([model for model in self._models.values() if model.name == name], utc_now())
            stored = known.model_copy(update={"promoted_at": moment, "note": note})
            self._models[name, version] = stored
            return stored


def same_model(one: ModelRecord, other: ModelRecord) -> bool:
    """Whether two records are of the same training."""
    return (one.artifact, one.dataset, one.learns) == (other.artifact, other.dataset, other.learns)


def unknown_model(name: str, version: int) -> NotFoundError:
    """What is said of a model that is not there."""
    return NotFoundError(f"no model {name}@{version} is stored", hint="`tansaku model list` shows the stored models")
