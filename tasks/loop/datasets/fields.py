"""Fields that evaluations left as files, read when they are asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.calculators.table import field_files


@dataclass(frozen=True)
class StoredFields(Mapping[str, FloatArray]):
    """Fields of an evaluation by name, such as the density of valence electrons [1/Å^3]; none of them is kept in memory.

    Attributes:
        files: Hash of each field's file.
        artifacts: Where these are.
    """

    files: Mapping[str, str]
    artifacts: ArtifactStore

    def __getitem__(self, name: str) -> FloatArray:
        """One field, shape ``(n_x, n_y, n_z)``. Raises StoreError when its file is damaged."""
        with self.artifacts.open(self.files[name]) as stream:
            data = io.BytesIO(stream.read())
        try:
            with np.load(data, allow_pickle=False) as kept:
                values = np.asarray(kept[name], dtype=np.float64)
        except (ValueError, KeyError, OSError) as error:
            raise StoreError(f"the {name} in artifact {self.files[name]} cannot be read: {error}") from error
        # A code that knows spins keeps one grid for each.
        return values.sum(axis=0) if values.ndim == 4 else values

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def fields_of(evaluation: Evaluation, artifacts: ArtifactStore) -> Mapping[str, FloatArray]:
    """Fields that an evaluation left."""
    files = evaluation.outcome.artifacts if evaluation.outcome is not None else {}
    known = {name: file for name, possible in field_files().items() for file in possible if file in files}
    return StoredFields({name: files[file] for name, file in known.items()}, artifacts)
