"""The registry without the models and data sets of campaigns that an actor may not see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.model_registry import DatasetRecord, ModelRecord, Registry
from tansaku.tasks.act.checks.sight import Sight


@dataclass(frozen=True)
class SeenRegistry:
    """``Registry`` for an actor: what retraining in hidden campaigns has stored is left out, whoever reads.

    Attributes:
        sight: What the actor may see.
    """

    inner: Registry
    sight: Sight

    @cached_property
    def _hidden(self) -> tuple[frozenset[str], frozenset[str]]:
        """Labels of the models, and hashes of the data sets, of hidden campaigns."""
        labels: set[str] = set()
        datasets: set[str] = set()
        for identifier in self.sight.hidden:
            with suppress(NotFoundError, StoreError):
                for retrain, end in self.sight.store.retrains(self.sight.store.campaign_of(identifier).name):
                    datasets.add(retrain.dataset)
                    labels.add("" if end is None or end.version is None else end.version)
        return frozenset(labels), frozenset(datasets)

    def _models(self, found: list[ModelRecord]) -> list[ModelRecord]:
        labels = self._hidden[0]
        return [record for record in found if record.label not in labels]

    def _datasets(self, found: list[DatasetRecord]) -> list[DatasetRecord]:
        datasets = self._hidden[1]
        return [record for record in found if record.sha256 not in datasets]

    def add_dataset(self, record: DatasetRecord) -> DatasetRecord:
        """Stores a data set."""
        return self.inner.add_dataset(record)

    def datasets(self, name: str | None = None) -> list[DatasetRecord]:
        """All, or those of a name, the oldest first."""
        return self._datasets(self.inner.datasets(name))

    def add_model(self, record: ModelRecord) -> ModelRecord:
        """Stores a version."""
        return self.inner.add_model(record)

    def models(self, name: str | None = None) -> list[ModelRecord]:
        """All by name and version, or the versions of a name."""
        return self._models(self.inner.models(name))

    def readable_datasets(self, name: str | None = None) -> tuple[list[DatasetRecord], list[str]]:
        """Data sets, the oldest first, and what is wrong with those that cannot be read."""
        found, problems = self.inner.readable_datasets(name)
        return self._datasets(found), problems

    def readable_models(self, name: str | None = None) -> tuple[list[ModelRecord], list[str]]:
        """Models by name and version, and what is wrong with those that cannot be read."""
        found, problems = self.inner.readable_models(name)
        return self._models(found), problems

    def named_artifacts(self) -> Iterator[str]:
        """Every SHA-256 in the stored records."""
        return self.inner.named_artifacts()

    def promote(self, name: str, version: int, note: str) -> ModelRecord:
        """Promotes a version. Raises NotFoundError."""
        return self.inner.promote(name, version, note)
