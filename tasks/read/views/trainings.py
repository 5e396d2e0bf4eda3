"""Trainings that users of the dashboard asked for, and what one would take."""

from __future__ import annotations

from contextlib import suppress

from pydantic import AwareDatetime

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.model_registry import DatasetRecord, Registry
from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.trainings import TrainingRequest, Trainings, TrainingState, TrainingStep
from tansaku.tasks.loop.training.versions import find_dataset

_LOOKED_AT = 100


class TrainingLine(Record):
    """A training as users see it.

    Attributes:
        dataset: Name of its data set.
        steps: Its progress.
        version: Label of the version that it made.
        reason: Why that was promoted or not, or why there is none.
    """

    id: str
    model: str
    surrogate: str
    dataset: str
    user: str
    created_at: AwareDatetime
    state: TrainingState
    steps: tuple[TrainingStep, ...]
    version: str | None
    reason: str
    ended_at: AwareDatetime | None

    @property
    def last(self) -> TrainingStep | None:
        """Its last step; None before the first."""
        return self.steps[-1] if self.steps else None


class Estimate(Record):
    """Returns the data and hyper-parameters that a training would use, without reading the data set.

    Attributes:
        training: Groups of structures that it learns from.
        held_out: Groups on which it is judged.
        properties: What it would learn.
        seconds: Time by the last training of such a surrogate, in proportion to the atoms [s]; None: there was none.
        like: Label of that one.
    """

    dataset: str
    structures: int
    atoms: int
    training: int
    held_out: int
    properties: tuple[str, ...]
    seconds: float | None
    like: str | None


def training_lines(trainings: Trainings, registry: Registry, user: str, limit: int) -> list[TrainingLine]:
    """Returns the last trainings, the newest first: the user's own, and those on data sets that the user may see.

    Args:
        registry: What the user may see.
    """
    found = (training_line(request, registry, user) for request in trainings.trainings(_LOOKED_AT))
    return [line for line in found if line is not None][:limit]


def training_line(request: TrainingRequest, registry: Registry, user: str) -> TrainingLine | None:
    """Returns the line of a training; None where the user may not see it. Arguments as of :func:`training_lines`."""
    dataset = None
    with suppress(NotFoundError):
        dataset = find_dataset(registry, request.spec["dataset"]).name
    if dataset is None and request.user != user:
        return None
    shown = request.model_dump(include=set(TrainingLine.model_fields) - {"dataset", "surrogate"})
    return TrainingLine(dataset=dataset or "(not stored)", surrogate=request.spec["surrogate"]["type"], **shown)


def estimate_of(registry: Registry, spec: ModelSpec, dataset: DatasetRecord) -> Estimate:
    """Returns what a training would use; arguments as of :func:`training_lines`."""
    atoms, wanted = {record.sha256: record.atoms for record in registry.readable_datasets()[0]}, spec.surrogate.type
    trained = [(record.spec["surrogate"]["type"], record) for record in registry.readable_models()[0]]
    known = [record for kind, record in trained if kind == wanted and atoms.get(record.dataset, 0) > 0]
    like = max(known, key=lambda record: (record.created_at, record.version), default=None)
    sides = list(dataset.groups.values())
    learned = {*spec.surrogate.learned_properties(), "energies"}
    return Estimate(
        dataset=dataset.name,
        structures=dataset.structures,
        atoms=dataset.atoms,
        training=sides.count("training"),
        held_out=sides.count("held_out"),
        properties=tuple(name for name in dataset.properties if name in learned),
        seconds=None if like is None else like.seconds * dataset.atoms / atoms[like.dataset],
        like=None if like is None else like.label,
    )
