"""The registry of data sets and models in memory, and what every registry shares."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.model_registry import DatasetRecord, ModelRecord, promotion_time
from tansaku.models.domain.moments import utc_now
from tansaku.tasks.backends.stores.documents import normalised, sha256s_in


def dataset_id(record: DatasetRecord) -> str:
    """Returns the id of a data set: the same content under two names makes two data sets."""
    return short_hash([record.name, record.sha256])


class MemoryRegistry:
    """A ``Registry`` that lives as long as the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._datasets: dict[str, DatasetRecord] = {}
        self._models: dict[tuple[str, int], ModelRecord] = {}

    def add_dataset(self, record: DatasetRecord) -> DatasetRecord:
        """Stores a data set; returns the known one of the same name and content."""
        with self._lock:
            return self._datasets.setdefault(dataset_id(record), normalised(record))

    def datasets(self, name: str | None = None) -> list[DatasetRecord]:
        """All, or those of a name, the oldest first."""
        with self._lock:
            found = [dataset for dataset in self._datasets.values() if name in (None, dataset.name)]
        return sorted(found, key=lambda item: (item.created_at, item.sha256))

    def add_model(self, record: ModelRecord) -> ModelRecord:
        """Stores a version."""
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
        """All by name and version, or the versions of a name."""
        with self._lock:
            found = [model for model in self._models.values() if name in (None, model.name)]
        return sorted(found, key=lambda item: (item.name, item.version))

    def readable_datasets(self, name: str | None = None) -> tuple[list[DatasetRecord], list[str]]:
        """Data sets, the oldest first, and what is wrong with those that cannot be read; for looking."""
        return self.datasets(name), []

    def readable_models(self, name: str | None = None) -> tuple[list[ModelRecord], list[str]]:
        """Models by name and version, and what is wrong with those that cannot be read; for looking."""
        return self.models(name), []

    def named_artifacts(self) -> Iterator[str]:
        """Every SHA-256 that stands anywhere in what is stored about data sets and models, be it readable or not."""
        for record in (*self.datasets(), *self.models()):
            yield from sha256s_in(record.model_dump())

    def promote(self, name: str, version: int, note: str) -> ModelRecord:
        """Makes a version the one to be used. Raises NotFoundError."""
        with self._lock:
            known = self._models.get((name, version))
            if known is None:
                raise unknown_model(name, version)
            moment = promotion_time([model for model in self._models.values() if model.name == name], utc_now())
            stored = known.model_copy(update={"promoted_at": moment, "note": note})
            self._models[name, version] = stored
            return stored


def same_model(first: ModelRecord, other: ModelRecord) -> bool:
    """Returns whether two records are of the same training."""
    return (first.artifact, first.dataset, first.learns) == (other.artifact, other.dataset, other.learns)


def unknown_model(name: str, version: int) -> NotFoundError:
    """Returns the error for a missing model."""
    return NotFoundError(f"no model {name}@{version} is stored", hint="`tansaku model list` shows the stored models")


class GivenModels(MemoryRegistry):
    """Versions of models with the numbers that they have."""

    def __init__(self, models: Sequence[ModelRecord]) -> None:
        super().__init__()
        self._models.update({(model.name, model.version): model for model in models})
