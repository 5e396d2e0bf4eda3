"""Versions of models in the registry: trains, finds, compares and stores them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tansaku import __version__
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.model_registry import DatasetRecord, Errors, ModelRecord, Registry, promoted, promotion_time
from tansaku.models.domain.plugins import origins
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.surrogates import Example, Progress, Surrogate, TrainingRun, Weights, unwatched
from tansaku.models.surrogates.files import FileCheckpoints, check_files, read_weights, write_weights
from tansaku.models.surrogates.surrogate_registry import build_trainer, restored
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.ground.formats.validation import validate_document
from tansaku.tasks.node.configuration.campaign_files import read_named
from tansaku.tasks.node.jobs.dataset_files import check_hdf5, read_hdf5
from tansaku.tasks.node.jobs.document import REPORT_FILE, WEIGHTS_FILE
from tansaku.tasks.node.jobs.fitting import Fitted, fit_and_judge, learned_from
from tansaku.tasks.node.jobs.judging import Compared, compare
from tansaku.tasks.node.jobs.splitting import side_of

_WEIGHTS_TYPE = "application/x-safetensors"


def load_model_file(path: Path) -> ModelSpec:
    """Loads a model file.

    Raises:
        ConfigurationError: The file or a key in it is wrong.
    """
    spec = validate_document(ModelSpec, read_named(path))
    return spec.model_copy(update={"surrogate": spec.surrogate.of_new()})


def find_dataset(registry: Registry, name: str) -> DatasetRecord:
    """A data set by name (the latest of that name) or by the first digits of its hash.

    Raises:
        NotFoundError: There is none, or the digits fit several.
    """
    named = registry.datasets(name)
    if named:
        return named[-1]
    hashed = {item.sha256: item for item in registry.readable_datasets()[0] if len(name) >= 6 and item.sha256.startswith(name)}
    if len(hashed) == 1:
        return next(iter(hashed.values()))
    raise NotFoundError(
        f"data set {name!r} is not stored"
        if not hashed
        else f"data set {name!r}: {len(hashed)} hashes begin with these digits",
        hint="`tansaku dataset list` shows the stored data sets",
    )


def read_dataset(artifacts: ArtifactStore, record: DatasetRecord) -> list[Example]:
    """Examples of a stored data set, with all their properties."""
    check_hdf5()
    with tempfile.TemporaryDirectory() as folder:
        return read_hdf5(artifacts.get(record.artifact, Path(folder, "dataset.h5")))


def train_model(resources: Resources, spec: ModelSpec, on_progress: Callable[[Progress], None] = unwatched) -> ModelRecord:
    """Trains a new version, evaluates it on the held-out groups and stores it; promotes it unless it is worse.

    If killed, the same call continues from the last checkpoint; repeated after the end, it returns the stored version.

    Raises:
        NotFoundError: The data set, or the model to begin with, is not stored.
        ConfigurationError: The data set has nothing that this surrogate learns.
        FitError: Training failed; nothing was stored.
    """
    check_files()
    build_trainer(spec.surrogate).check()
    dataset = find_dataset(resources.registry, spec.dataset)
    resolved, start = _begun(resources, spec.model_copy(update={"dataset": dataset.sha256}))
    examples = learned_from(read_dataset(resources.artifacts, dataset), spec.learns)
    checkpoints = FileCheckpoints(resources.settings.home / "training" / checkpoint_name(resolved))
    run = TrainingRun(device=resources.site.training.device, checkpoints=checkpoints, on_progress=on_progress, start=start)
    fitted = fit_and_judge(resolved, examples, dataset.groups, run)
    with tempfile.TemporaryDirectory() as folder:
        made = Made.of(fitted, Path(folder))
        before = promoted(resources.registry.models(spec.name))
        held_out = side_of(examples, dataset.groups, "held_out")
        record, _ = store_version(resources.registry, resources.artifacts, made, Place(resolved, dataset, held_out, before))
    checkpoints.clear()
    return record


def _begun(resources: Resources, spec: ModelSpec) -> tuple[ModelSpec, Weights | None]:
    """The weights that a training begins with, if any, and the spec with their version."""
    if spec.start is None:
        return spec, None
    record = find_model(resources.registry, spec.start)
    with tempfile.TemporaryDirectory() as folder:
        weights = read_weights(resources.artifacts.get(record.artifact, Path(folder, "weights.safetensors")))
    return spec.model_copy(update={"start": record.label}), weights


def checkpoint_name(spec: ModelSpec) -> str:
    """File of a training's checkpoint: of the same data, hyper-parameters and seed."""
    return f"{content_hash(spec.model_dump(mode='json'))[:24]}/checkpoint.safetensors"


def open_model(artifacts: ArtifactStore, record: ModelRecord) -> Surrogate:
    """The trained surrogate of a version."""
    with tempfile.TemporaryDirectory() as folder:
        return restored(read_weights(artifacts.get(record.artifact, Path(folder, "weights.safetensors"))))


def find_model(registry: Registry, name: str) -> ModelRecord:
    """A version, ``NAME@VERSION``; of a bare name the promoted one.

    Raises:
        NotFoundError: There is none.
    """
    bare, _, version = name.partition("@")
    versions = registry.models(bare)
    chosen = next((item for item in versions if str(item.version) == version), None) if version else promoted(versions)
    if chosen is None:
        raise NotFoundError(f"no model {name!r} is stored", hint="`tansaku model list` shows the stored models")
    return chosen


def read_report(artifacts: ArtifactStore, record: ModelRecord) -> tuple[dict[str, dict[str, Compared]], list[Progress]]:
    """Predictions by side and property, and the learning curve, as they were when the version was trained."""
    with tempfile.TemporaryDirectory() as folder:
        report = read_weights(artifacts.get(record.report, Path(folder, "report.safetensors")))
    sides: dict[str, dict[str, Compared]] = {"training": {}, "held_out": {}}
    for side, units in report.document["units"].items():
        for name, unit in units.items():
            computed, predicted, deviation = (
                report.arrays[f"{side}.{name}.{part}"] for part in ("computed", "predicted", "deviation")
            )
            errors = (record.training if side == "training" else record.held_out)[name]
            # Reports of earlier versions do not name the elements.
            kinds = report.arrays.get(f"{side}.{name}.kinds")
            sides[side][name] = Compared(computed, predicted, deviation, unit, errors.factor, kinds)
    return sides, [Progress(**step) for step in report.document["curve"]]


def score_of(errors: dict[str, Errors]) -> tuple[str, float]:
    """Returns the error by which versions are compared: that of the atomic energies if they are known.

    Returns:
        Name of the property and its root mean square error.
    """
    name = next((known for known in ("energies", "energy") if known in errors), min(errors))
    return name, errors[name].rmse


def not_comparable(first: ModelRecord, other: ModelRecord) -> str | None:
    """Returns why the held-out errors of two versions cannot be compared, None if they can."""
    if first.learns != other.learns:
        return f"{first.label} was trained on energies of the {first.learns}, {other.label} on those of the {other.learns}"
    if first.dataset != other.dataset:
        return f"{first.label} and {other.label} were evaluated on different held-out data"
    return None


@dataclass(frozen=True)
class Made:
    """The files and errors of a finished training.

    Attributes:
        weights: File of the model.
        report: File of predictions and learning curve.
        errors: By side and property.
        chosen: Hyper-parameters that training chose.
        seconds: Duration [s].
        device: Device it ran on: ``cpu`` or ``cuda``.
    """

    weights: Path
    report: Path
    errors: dict[str, dict[str, Errors]]
    chosen: JsonDict
    seconds: float
    device: str

    @classmethod
    def of(cls, fitted: Fitted, folder: Path) -> Made:
        """Writes a training's files into a folder."""
        weights = fitted.surrogate.weights()
        return cls(
            weights=write_weights(weights, folder / WEIGHTS_FILE),
            report=write_weights(fitted.report(), folder / REPORT_FILE),
            errors=fitted.errors(),
            chosen=weights.document.get("training", {}),
            seconds=fitted.seconds,
            device=fitted.device,
        )


@dataclass(frozen=True)
class Place:
    """The context in which a new version is stored.

    Attributes:
        spec: What was trained.
        dataset: Its data set.
        held_out: The examples on which it is evaluated.
        before: The version that it is compared with, None for the first.
    """

    spec: ModelSpec
    dataset: DatasetRecord
    held_out: Sequence[Example]
    before: ModelRecord | None


def store_version(registry: Registry, artifacts: ArtifactStore, made: Made, place: Place) -> tuple[ModelRecord, bool]:
    """Stores the result of a training as a version; a repeated call returns the stored version.

    Returns:
        The version, and whether it replaces the previous one.
    """
    spec, before, now = place.spec, place.before, datetime.now(UTC)
    better, note = _decision(registry, artifacts, made.errors["held_out"], place)
    artifact, report = (artifacts.put(file, content_type=_WEIGHTS_TYPE) for file in (made.weights, made.report))
    stored = registry.add_model(
        ModelRecord(
            name=spec.name,
            version=1,
            spec=spec.model_dump(mode="json"),
            dataset=spec.dataset,
            learns=spec.learns,
            artifact=artifact,
            report=report,
            held_out=made.errors["held_out"],
            training=made.errors["training"],
            chosen=made.chosen,
            seconds=made.seconds,
            device=made.device,
            tansaku_version=__version__,
            created_at=now,
            parent=before.version if before is not None else None,
            promoted_at=promotion_time(registry.models(spec.name), now) if better else None,
            note=note,
            plugins=origins({"surrogates": spec.surrogate.type}),
        )
    )
    return stored, better


def _decision(registry: Registry, artifacts: ArtifactStore, errors: dict[str, Errors], place: Place) -> tuple[bool, str]:
    """Decides whether a new version replaces the previous one, both evaluated on the new version's held-out data."""
    before, spec, dataset = place.before, place.spec, place.dataset
    if before is None:
        return True, "the first version"
    if before.learns != spec.learns:
        return (
            False,
            f"not promoted: version {before.version} was trained on energies of the {before.learns}, not of the {spec.learns}",
        )
    known = before.held_out
    if before.dataset != dataset.sha256:
        seen = find_dataset(registry, before.dataset).groups
        mixed = [group for group, side in dataset.groups.items() if side == "held_out" and seen.get(group) == "training"]
        if mixed:
            return False, f"not promoted: version {before.version} was trained on {mixed[0]!r}, which is now held out"
        predictions = open_model(artifacts, before).predict(place.held_out)
        known = {name: item.errors() for name, item in compare(place.held_out, predictions).items()}
    name, error = score_of(errors)
    if name not in known:
        return False, f"not promoted: version {before.version} does not predict {name}"
    if not error <= known[name].rmse:
        return False, f"not promoted: held-out error of {name} {error:.4g}, worse than {known[name].rmse:.4g} of {before.label}"
    return True, f"held-out error of {name} {error:.4g}, {known[name].rmse:.4g} of {before.label}"


def models_in_use(registry: Registry, spec: JsonDict) -> dict[str, str]:
    """The models that a resolved campaign's calculators and labels read from files.

    Returns:
        ``NAME@VERSION`` by file, of a version that this registry has; ``another registry's`` where it has none of this content.
    """
    labels = {item.artifact: item.label for item in registry.readable_models()[0]}
    return {file: labels.get(sha256, "another registry's") for file, sha256 in sorted(set(_files(spec)))}


def _files(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("model"), str) and isinstance(value.get("model_sha256"), str):
            yield value["model"], value["model_sha256"]
        for inner in value.values():
            yield from _files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files(inner)
