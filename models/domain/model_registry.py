"""Records of data sets and trained models, and the port of the registry that stores them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal, Protocol

from pydantic import AwareDatetime, Field

from tansaku.models.domain.records import Count, Number, PlainData, Provenance, Record


class Source(Record):
    """The source of energies in a data set: what computed them.

    Attributes:
        provenance: Code, version, model and settings; None for a user's file.
        file: Name of the user's file, None for computed data.
        file_sha256: Its content.
    """

    provenance: Provenance | None = None
    file: str | None = None
    file_sha256: str | None = None


class DatasetRecord(Record):
    """A version of a data set, identified by its content.

    Attributes:
        sha256: Hash of structures, groups and properties, whatever file they are in.
        artifact: SHA-256 of the stored file.
        spec: The resolved data-set file.
        groups: Side of each group: ``training`` or ``held_out``.
        structures: How many.
        failed: Candidates whose calculation failed; they are in no data set.
        atoms: How many in all.
        properties: Names of the properties that some structure has.
        sources: Who computed them: ``calculator``, and ``label`` where there is one.
        cost: What computing them took [core-seconds], None where that is not known.
    """

    schema_version: Literal[1] = 1
    sha256: str
    name: str
    artifact: str
    spec: PlainData
    groups: dict[str, Literal["training", "held_out"]]
    structures: Count
    failed: Count = 0
    atoms: Count
    properties: tuple[str, ...]
    sources: dict[str, Source]
    cost: float | None = None
    created_at: AwareDatetime


class Errors(Record):
    """Errors of the predictions of a property.

    Attributes:
        unit: Of ``mae`` and ``rmse``.
        count: Numbers compared.
        correlation: None where the numbers do not vary. Of energies of atoms of several elements: after the mean of each
            element is subtracted.
        within_one: Share of the errors within one predicted deviation; 0.683 if the deviations are right. None without them.
        within_two: Share within two; 0.954 if they are right.
        factor: By which the deviations of the training were multiplied because of the errors of the held-out groups; the shares
            above are by the factor that the other held-out groups give. None: not calibrated on held-out groups.
    """

    unit: str
    count: Count
    mae: float
    rmse: float
    correlation: float | None
    within_one: float | None = None
    within_two: float | None = None
    factor: Annotated[float | None, Field(exclude_if=lambda factor: factor is None)] = None

    @property
    def bars(self) -> str:
        """Calibration of the error bars in words; empty without error bars."""
        if self.within_one is None:
            return ""
        return "not calibrated" if self.factor is None else f"× {self.factor:.3g}"


class ModelRecord(Record):
    """A version of a model.

    Attributes:
        version: Counted from 1 for each name.
        spec: The resolved model file.
        dataset: Content hash of what it was trained on.
        learns: Whose energies: ``calculator`` or ``label`` of the data set.
        artifact: SHA-256 of the weights.
        report: SHA-256 of predictions and learning curve, for figures.
        held_out: Errors on the held-out groups by property.
        training: Errors on the training groups by property.
        chosen: What training chose.
        seconds: Training took so long [s].
        device: Where it computed: ``cpu`` or ``cuda``; older versions wrote what was asked for, ``auto`` too.
        parent: The version that was promoted when this one was trained.
        promoted_at: When it became the one to be used; the latest such of a name is.
        note: Why it was promoted or not.
        plugins: Plug-in that the type of surrogate comes from.
    """

    schema_version: Literal[1] = 1
    name: str
    version: Number
    spec: PlainData
    dataset: str
    learns: Literal["calculator", "label"]
    artifact: str
    report: str
    held_out: dict[str, Errors]
    training: dict[str, Errors]
    chosen: PlainData = Field(default_factory=dict)
    seconds: float
    device: str
    tansaku_version: str
    created_at: AwareDatetime
    parent: Number | None = None
    promoted_at: AwareDatetime | None = None
    note: str = ""
    plugins: Annotated[tuple[str, ...], Field(exclude_if=lambda plugins: not plugins)] = ()

    @property
    def label(self) -> str:
        """Name and version, as commands take them."""
        return f"{self.name}@{self.version}"


class Registry(Protocol):
    """List of data sets and models; their content is in the artifact store. Writes are idempotent and durable."""

    def add_dataset(self, record: DatasetRecord) -> DatasetRecord:
        """Stores a data set; returns the known one of the same name and content."""
        ...

    def datasets(self, name: str | None = None) -> list[DatasetRecord]:
        """All, or those of a name, the oldest first."""
        ...

    def add_model(self, record: ModelRecord) -> ModelRecord:
        """Stores a version.

        Returns:
            The known one where the same weights were stored from the same data set; else as stored, with the next free version.
        """
        ...

    def models(self, name: str | None = None) -> list[ModelRecord]:
        """All by name and version, or the versions of a name."""
        ...

    def readable_datasets(self, name: str | None = None) -> tuple[list[DatasetRecord], list[str]]:
        """Data sets, the oldest first, and what is wrong with those that cannot be read; for looking."""
        ...

    def readable_models(self, name: str | None = None) -> tuple[list[ModelRecord], list[str]]:
        """Models by name and version, and what is wrong with those that cannot be read; for looking."""
        ...

    def named_artifacts(self) -> Iterator[str]:
        """Every SHA-256 in the stored records of data sets and models, readable or not."""
        ...

    def promote(self, name: str, version: int, note: str) -> ModelRecord:
        """Promotes a version. Raises NotFoundError."""
        ...


def promoted(versions: Sequence[ModelRecord]) -> ModelRecord | None:
    """The promoted version among the versions of a model, None where none was ever promoted."""
    chosen = [version for version in versions if version.promoted_at is not None]
    return max(chosen, key=lambda version: (version.promoted_at, version.version)) if chosen else None


def promotion_time(versions: Sequence[ModelRecord], now: datetime) -> datetime:
    """Time of a new promotion: now, but later than every earlier promotion even if clocks differ."""
    before = promoted(versions)
    if before is None or before.promoted_at is None:
        return now
    return max(now, before.promoted_at + timedelta(milliseconds=1))
