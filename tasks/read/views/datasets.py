"""Stored data sets for the dashboard: what they hold, who computed it, what learned from it."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from pathlib import Path

import numpy as np
from pydantic import AwareDatetime

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError, NotFoundError, StoreError
from tansaku.models.domain.model_registry import DatasetRecord, Registry, Source
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.specs.dataset import LABELS
from tansaku.tasks.node.jobs.dataset_files import PER_ATOM, TOTAL, read_content
from tansaku.tasks.node.jobs.judging import UNITS

MOST_CONVERTED = 1_000_000
"""Atoms of a data set that is written as text."""


class DatasetLine(Record):
    """A version of a data set in the list of all."""

    sha256: str
    name: str
    structures: int
    failed: int
    atoms: int
    properties: tuple[str, ...]
    cost: float | None
    created_at: AwareDatetime


class PropertyRange(Record):
    """Values of a property.

    Attributes:
        unit: Of the values; empty: that of the user's file.
        count: Numbers; three for the force on an atom.
    """

    name: str
    unit: str
    per_atom: bool
    count: int
    lowest: float
    mean: float
    highest: float


class DatasetContent(Record):
    """Sizes and ranges of a data set.

    Attributes:
        smallest: Atoms of the smallest structure.
        largest: Of the largest one.
        elements: Atoms by element.
        members: Structures by group.
    """

    smallest: int
    largest: int
    elements: dict[str, int]
    members: dict[str, int]
    properties: tuple[PropertyRange, ...]


class DatasetDetail(Record):
    """A version of a data set.

    Attributes:
        line: As in the list.
        campaigns: That computed it; empty: it is a user's file.
        groups: Side of each group: ``training`` or ``held_out``.
        sources: Who computed its energies: ``calculator``, and ``label`` where there is one.
        models: Versions that learned from it.
        content: Sizes and ranges; None where they cannot be read, as ``problem`` says.
        spec: The resolved data-set file.
    """

    line: DatasetLine
    campaigns: tuple[str, ...]
    groups: dict[str, str]
    sources: dict[str, Source]
    models: tuple[str, ...]
    content: DatasetContent | None
    problem: str
    spec: JsonDict


def dataset_line(record: DatasetRecord) -> DatasetLine:
    """The line of a data set."""
    return DatasetLine(**record.model_dump(include=set(DatasetLine.model_fields)))


def find_dataset_record(registry: Registry, sha256: str) -> DatasetRecord:
    """The newest data set of a content. Raises NotFoundError."""
    found = [item for item in registry.readable_datasets()[0] if item.sha256 == sha256]
    if not found:
        raise NotFoundError(f"no data set {sha256[:12]} is stored")
    return found[-1]


def dataset_detail(registry: Registry, artifacts: ArtifactStore, sha256: str) -> DatasetDetail:
    """Everything about a data set. Raises NotFoundError."""
    record, content, problem = find_dataset_record(registry, sha256), None, ""
    try:
        content = _content(artifacts, record.artifact)
    except (NotFoundError, StoreError, MissingComponentError) as error:
        problem = error.message
    return DatasetDetail(
        line=dataset_line(record),
        campaigns=_campaigns(record),
        groups=dict(record.groups),
        sources=record.sources,
        models=tuple(item.label for item in registry.readable_models()[0] if item.dataset == sha256),
        content=content,
        problem=problem,
        spec=record.spec,
    )


def dataset_file(artifacts: ArtifactStore, record: DatasetRecord, path: Path) -> Path:
    """Writes a data set as extended XYZ.

    Raises:
        ConfigurationError: It is too large for a text.
        StoreError: It is damaged.
    """
    from tansaku.tasks.loop.datasets.extxyz import write_extxyz
    from tansaku.tasks.loop.training.versions import read_dataset

    if record.atoms > MOST_CONVERTED:
        raise ConfigurationError(f"{record.atoms:,} atoms are too many for a text; download the HDF5 file")
    return write_extxyz(read_dataset(artifacts, record), path)


def _campaigns(record: DatasetRecord) -> tuple[str, ...]:
    source = record.spec.get("source", {})
    if source.get("type") == "observed":
        return (str(source["campaign"]),)
    if source.get("type") != "computed":
        return ()
    return (record.name, f"{record.name}{LABELS}") if source.get("choice") else (record.name,)


_CONTENTS: dict[str, DatasetContent] = {}
"""Sizes and ranges of the stored files that were read last, which never change."""
_LOCK = threading.Lock()
_MOST_KEPT = 32


def _content(artifacts: ArtifactStore, sha256: str) -> DatasetContent:
    """Sizes and ranges of a stored file."""
    with _LOCK:  # large files are read one after the other
        if sha256 not in _CONTENTS:
            found = _read(artifacts, sha256)
            if len(_CONTENTS) >= _MOST_KEPT:
                del _CONTENTS[next(iter(_CONTENTS))]
            _CONTENTS[sha256] = found
        return _CONTENTS[sha256]


def _read(artifacts: ArtifactStore, sha256: str) -> DatasetContent:
    from ase.data import chemical_symbols

    with tempfile.TemporaryDirectory(prefix="tsk-dataset-") as folder:
        found = read_content(artifacts.get(sha256, Path(folder, "dataset.h5")))
    numbers, counts = np.unique(found.numbers, return_counts=True)
    return DatasetContent(
        smallest=int(found.sizes.min()),
        largest=int(found.sizes.max()),
        elements={chemical_symbols[number]: int(count) for number, count in zip(numbers, counts, strict=True)},
        members=dict(sorted(Counter(found.groups).items())),
        properties=tuple(_range(name, values) for name, values in sorted(found.properties.items())),
    )


def _range(name: str, values: FloatArray) -> PropertyRange:
    known = "energy" if name in TOTAL else name.removeprefix("label_")
    return PropertyRange(
        name=name,
        unit=UNITS.get(known, ""),
        per_atom=name in PER_ATOM or name in TOTAL,
        count=values.size,
        lowest=float(values.min()),
        mean=float(values.mean()),
        highest=float(values.max()),
    )
