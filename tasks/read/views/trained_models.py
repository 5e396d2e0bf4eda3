"""Stored versions of trained models for the dashboard, without loading the models; ``training/versions.py`` compares them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Literal

import numpy as np
from pydantic import AwareDatetime

from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.model_registry import Errors, ModelRecord, Registry, promoted
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import JsonDict, Record
from tansaku.tasks.backends.stores.documents import sha256s_in
from tansaku.tasks.node.jobs.judging import Compared
from tansaku.tasks.read.views.campaign_figures import evenly

NOMINAL = np.linspace(0.02, 0.98, 49)
"""Coverage that intervals are meant to have."""


class ModelLine(Record):
    """A version in the list of all.

    Attributes:
        label: ``NAME@VERSION``.
        surrogate: Type of the surrogate.
        dataset: Name of its data set, or the first digits of its hash where it is not stored here.
        promoted: Whether its name alone refers to it.
        held_out: Errors on the held-out groups by property.
        not_comparable: Why these cannot be compared with those of the promoted version; empty: they can.
        note: Why it was promoted or not.
    """

    label: str
    name: str
    version: int
    surrogate: str
    learns: Literal["calculator", "label"]
    dataset: str
    created_at: AwareDatetime
    promoted: bool
    promoted_at: AwareDatetime | None
    held_out: dict[str, Errors]
    not_comparable: str
    note: str


class ModelDetail(Record):
    """A version.

    Attributes:
        line: As in the list.
        training: Errors on the training groups by property.
        chosen: What training chose.
        seconds: Training took so long [s].
        parent: Label of the version that was promoted when this one was trained; None for the first.
        spec: The resolved model file.
    """

    line: ModelLine
    training: dict[str, Errors]
    chosen: JsonDict
    seconds: float
    device: str
    tansaku_version: str
    parent: str | None
    dataset_sha256: str
    artifact: str
    spec: JsonDict


class LearningCurve(Record):
    """Errors over the steps of a training [``unit``]."""

    unit: str
    steps: tuple[int, ...]
    training: tuple[float, ...]
    validation: tuple[float, ...]


class ParityPoints(Record):
    """Computed and predicted values of one property; lists of the same length belong together.

    Attributes:
        held_out_count: Held-out values, shown or not.
        calibration: Shares of the held-out values within intervals of the coverages ``nominal``; empty without deviations.
    """

    property: str
    unit: str
    held_out_computed: tuple[float, ...]
    held_out_predicted: tuple[float, ...]
    held_out_count: int
    training_computed: tuple[float, ...]
    training_predicted: tuple[float, ...]
    nominal: tuple[float, ...]
    calibration: tuple[float, ...]


class ModelFigures(Record):
    """Figures of a version; the curve is None where training has no steps."""

    curve: LearningCurve | None
    parity: tuple[ParityPoints, ...]


class ModelUse(Record):
    """A campaign that has to do with a version.

    Attributes:
        trained: Whether it trained the version; otherwise its calculator, label or pre-screening is the version.
    """

    campaign: str
    trained: bool


class ModelVersion(Record):
    """A version among the others of its name.

    Attributes:
        structures: Of its data set; None where that is not stored here.
        uses: Campaigns that trained it or compute with it.
        begun: Versions whose training began with its weights.
    """

    detail: ModelDetail
    structures: int | None
    uses: tuple[ModelUse, ...]
    begun: tuple[str, ...]


class ModelVersions(Record):
    """Versions of a model, the newest first.

    Attributes:
        older: Labels of those that are left out; the promoted one never is.
    """

    name: str
    versions: tuple[ModelVersion, ...]
    older: tuple[str, ...]


def model_versions(
    registry: Registry, store: CampaignStore, campaigns: Iterable[str], name: str, most: int = 6
) -> ModelVersions:
    """The last versions of a model side by side.

    Args:
        campaigns: Names of those whose use of the model is shown.

    Raises:
        NotFoundError: There is none.
    """
    records = registry.models(name)
    if not records:
        raise NotFoundError(f"no model {name!r} is stored")
    in_use = promoted(records)
    ordered = sorted(records, key=lambda item: (item is in_use, item.version), reverse=True)
    shown = sorted(ordered[:most], key=lambda item: -item.version)
    datasets = {item.sha256: item for item in registry.readable_datasets()[0]}
    uses = _uses(store, campaigns, shown)
    began = [(item.spec.get("start"), item.label) for item in registry.readable_models()[0]]
    versions = tuple(
        ModelVersion(
            detail=_detail(item, in_use, {key: known.name for key, known in datasets.items()}),
            structures=datasets[item.dataset].structures if item.dataset in datasets else None,
            uses=tuple(uses[item.label]),
            begun=tuple(label for start, label in began if start == item.label),
        )
        for item in shown
    )
    return ModelVersions(name=name, versions=versions, older=tuple(item.label for item in ordered[most:]))


def _uses(store: CampaignStore, campaigns: Iterable[str], records: Sequence[ModelRecord]) -> dict[str, list[ModelUse]]:
    """Campaigns that trained versions, or name their weights, by label."""
    found: dict[str, list[ModelUse]] = {item.label: [] for item in records}
    for name in campaigns:
        with suppress(NotFoundError, StoreError):  # deleted meanwhile, or unreadable
            named = set(sha256s_in(store.campaign(name).spec))
            trained = {end.version for _, end in store.retrains(name) if end is not None}
            for item in records:
                if item.label in trained or item.artifact in named:
                    found[item.label].append(ModelUse(campaign=name, trained=item.label in trained))
    return found


def model_lines(registry: Registry) -> tuple[list[ModelLine], list[str]]:
    """All versions by name, the newest first, and the problems of those that cannot be read."""
    records, problems = registry.readable_models()
    names = _dataset_names(registry)
    in_use = {name: promoted([item for item in records if item.name == name]) for name in {item.name for item in records}}
    ordered = sorted(records, key=lambda item: (item.name, -item.version))
    return [_line(item, in_use[item.name], names) for item in ordered], problems


def model_detail(registry: Registry, label: str) -> ModelDetail:
    """A version by ``NAME@VERSION``, or the promoted one of a name. Raises NotFoundError."""
    from tansaku.tasks.loop.training.versions import find_model

    record = find_model(registry, label)
    return _detail(record, promoted(registry.models(record.name)), _dataset_names(registry))


def _detail(record: ModelRecord, in_use: ModelRecord | None, names: dict[str, str]) -> ModelDetail:
    before = record.parent
    return ModelDetail(
        line=_line(record, in_use, names),
        training=record.training,
        chosen=record.chosen,
        seconds=record.seconds,
        device=record.device,
        tansaku_version=record.tansaku_version,
        parent=None if before is None else f"{record.name}@{before}",
        dataset_sha256=record.dataset,
        artifact=record.artifact,
        spec=record.spec,
    )


def model_figures(registry: Registry, artifacts: ArtifactStore, label: str) -> ModelFigures:
    """Learning curve, parity and calibration of a version, at most 500 points each.

    Raises:
        NotFoundError: There is no such version, or its report is gone.
        StoreError: The report is damaged.
    """
    from tansaku.tasks.loop.training.versions import find_model, read_report

    sides, progress = read_report(artifacts, find_model(registry, label))
    steps = [progress[place] for place in evenly(len(progress))]
    curve = LearningCurve(
        unit=steps[0].unit if steps else "",
        steps=tuple(item.step for item in steps),
        training=tuple(item.training for item in steps),
        validation=tuple(item.validation for item in steps),
    )
    parity = tuple(_parity(name, found, sides["training"].get(name)) for name, found in sides["held_out"].items())
    return ModelFigures(curve=curve if steps else None, parity=parity)


def coverage(found: Compared) -> FloatArray:
    """Shares of the values within intervals of the coverages :data:`NOMINAL`, shape ``(n_coverages,)``."""
    from scipy.special import ndtri

    scores = np.sort(found.scores())
    return np.asarray(np.searchsorted(scores, ndtri(0.5 + NOMINAL / 2), side="right") / len(scores))


def _parity(name: str, held_out: Compared, training: Compared | None) -> ParityPoints:
    calibrated = len(held_out.scores()) > 0
    return ParityPoints(
        property=name,
        unit=held_out.unit,
        held_out_computed=_few(held_out.computed),
        held_out_predicted=_few(held_out.predicted),
        held_out_count=len(held_out.computed),
        training_computed=() if training is None else _few(training.computed),
        training_predicted=() if training is None else _few(training.predicted),
        nominal=tuple(NOMINAL.tolist()) if calibrated else (),
        calibration=tuple(coverage(held_out).tolist()) if calibrated else (),
    )


def _few(values: FloatArray) -> tuple[float, ...]:
    return tuple(np.asarray(values, dtype=np.float64)[evenly(len(values))].tolist())


def _line(record: ModelRecord, in_use: ModelRecord | None, names: dict[str, str]) -> ModelLine:
    from tansaku.tasks.loop.training.versions import not_comparable

    same = in_use is not None and in_use.version == record.version
    reason = None if in_use is None or same else not_comparable(in_use, record)
    return ModelLine(
        label=record.label,
        name=record.name,
        version=record.version,
        surrogate=str(record.spec.get("surrogate", {}).get("type", "")),
        learns=record.learns,
        dataset=names.get(record.dataset, record.dataset[:12]),
        created_at=record.created_at,
        promoted=same,
        promoted_at=record.promoted_at,
        held_out=record.held_out,
        not_comparable=reason or "",
        note=record.note,
    )


def _dataset_names(registry: Registry) -> dict[str, str]:
    """Names of the data sets by hash, the newest of one content."""
    return {item.sha256: item.name for item in registry.readable_datasets()[0]}
