"""From a model file to a version in the registry."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tansaku import __version__
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.registry import DatasetRecord, Errors, ModelRecord, Registry, promoted, promotion_time
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.surrogates import Array, DeviceChoice, Example, Progress, Surrogate, TrainingRun, Weights
from tansaku.models.surrogates.files import FileCheckpoints, check_files, read_weights, write_weights
from tansaku.models.surrogates.registry import build_trainer, restored
from tansaku.tasks.configuration import read_named
from tansaku.tasks.datasets.files import check_hdf5, read_hdf5
from tansaku.tasks.datasets.splitting import side_of
from tansaku.tasks.resources import Resources
from tansaku.tasks.training.judging import Compared, compare
from tansaku.tasks.validation import validate_document

_LABEL = "label_"
_DEVICE: DeviceChoice = "cpu"  # no surrogate that there is gains from a GPU
_WEIGHTS_TYPE = "application/x-safetensors"


def load_model_file(path: Path) -> ModelSpec:
    """Loads a model file.

    Raises:
        ConfigurationError: The file or a key in it is wrong.
    """
    return validate_document(ModelSpec, read_named(path))


def find_dataset(registry: Registry, name: str) -> DatasetRecord:
    """A data set by name (the latest of that name) or by the first digits of its hash.

    Raises:
        NotFoundError: There is none, or the digits fit several.
    """
    named = registry.datasets(name)
    if named:
        return named[-1]
    hashed = {one.sha256: one for one in registry.datasets() if len(name) >= 6 and one.sha256.startswith(name)}
    if len(hashed) == 1:
        return next(iter(hashed.values()))
    raise NotFoundError(
        f"data set {name!r} is not stored" if not hashed else f"data set {name!r}: {len(hashed)} hashes begin so",
        hint="`tansaku dataset list` shows what there is",
    )


def read_dataset(artifacts: ArtifactStore, record: DatasetRecord) -> list[Example]:
    """Examples of a stored data set, with all their properties."""
    check_hdf5()
    with tempfile.TemporaryDirectory() as folder:
        return read_hdf5(artifacts.get(record.artifact, Path(folder, "dataset.h5")))


def learned_from(examples: Sequence[Example], learns: str) -> list[Example]:
    """Examples whose properties are those of one source, under the names that surrogates know.

    Args:
        examples: Of a data set.
        learns: ``calculator`` or ``label``.

    Raises:
        ConfigurationError: The data set has no label.
    """
    found = []
    for example in examples:
        own = {name: value for name, value in example.properties.items() if name.startswith(_LABEL) == (learns == "label")}
        found.append(replace(example, properties={name.removeprefix(_LABEL): value for name, value in own.items()}))
    if not any(example.properties for example in found):
        raise ConfigurationError(f"learns: {learns}, but the data set holds nothing of a {learns}")
    return found


def train_model(resources: Resources, spec: ModelSpec, on_progress: Callable[[Progress], None] | None = None) -> ModelRecord:
    """Trains, judges on the held-out groups, and stores a new version; promotes it unless it is worse there.

    Killed at any point, the same call goes on from the last checkpoint; run again afterwards it finds the stored version.

    Raises:
        NotFoundError: The data set is not stored.
        ConfigurationError: The data set has nothing that this surrogate learns.
        FitError: Training failed; nothing was stored.
    """
    trainer = build_trainer(spec.surrogate)
    check_files()
    trainer.check()
    dataset = find_dataset(resources.registry, spec.dataset)
    resolved = spec.model_copy(update={"dataset": dataset.sha256})
    examples = learned_from(read_dataset(resources.artifacts, dataset), spec.learns)
    training, held_out = (side_of(examples, dataset.groups, side) for side in ("training", "held_out"))
    for example in examples:
        if not any(name in example.properties for name in trainer.needs):
            raise ConfigurationError(
                f"{example.id}: has none of {', '.join(trainer.needs)}, which {spec.surrogate.type} learns"
            )
    key = content_hash(resolved.model_dump(mode="json"))
    checkpoints = FileCheckpoints(resources.settings.home / "training" / key[:24] / "checkpoint.safetensors")
    curve: list[Progress] = []

    def note(progress: Progress) -> None:
        curve.append(progress)
        if on_progress is not None:
            on_progress(progress)

    begun = time.perf_counter()
    run = TrainingRun(seed=spec.seed, device=_DEVICE, checkpoints=checkpoints, on_progress=note)
    surrogate = trainer.fit(training, run)
    seconds = time.perf_counter() - begun
    sides = {
        "training": compare(training, surrogate.predict(training)),
        "held_out": compare(held_out, surrogate.predict(held_out)),
    }
    record = _stored(resources, resolved, surrogate, sides, _Trained(dataset, held_out, curve, seconds))
    checkpoints.clear()
    return record


def open_model(resources: Resources, record: ModelRecord) -> Surrogate:
    """The trained surrogate of a version."""
    with tempfile.TemporaryDirectory() as folder:
        return restored(read_weights(resources.artifacts.get(record.artifact, Path(folder, "weights.safetensors"))))


def find_model(registry: Registry, name: str) -> ModelRecord:
    """A version, ``NAME@VERSION``; of a bare name the promoted one.

    Raises:
        NotFoundError: There is none.
    """
    bare, _, version = name.partition("@")
    versions = registry.models(bare)
    chosen = next((one for one in versions if str(one.version) == version), None) if version else promoted(versions)
    if chosen is None:
        raise NotFoundError(f"no model {name!r} is stored", hint="`tansaku model list` shows what there is")
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
            sides[side][name] = Compared(computed, predicted, deviation, unit)
    return sides, [Progress(**step) for step in report.document["curve"]]


def score_of(errors: dict[str, Errors]) -> tuple[str, float]:
    """The one number that versions are compared by: the error of the atoms' energies where they are known.

    Returns:
        Name of the property and its root mean square error.
    """
    name = next((known for known in ("energies", "energy") if known in errors), min(errors))
    return name, errors[name].rmse


def not_comparable(one: ModelRecord, other: ModelRecord) -> str | None:
    """Why the held-out errors of two versions cannot be compared, None where they can."""
    if one.learns != other.learns:
        return f"{one.label} learned the energies of the {one.learns}, {other.label} those of the {other.learns}"
    if one.dataset != other.dataset:
        return f"{one.label} and {other.label} were judged by different data sets"
    return None


@dataclass(frozen=True)
class _Trained:
    """What else is known when a training has ended."""

    dataset: DatasetRecord
    held_out: Sequence[Example]
    curve: Sequence[Progress]
    seconds: float


def _stored(
    resources: Resources, spec: ModelSpec, surrogate: Surrogate, sides: dict[str, dict[str, Compared]], trained: _Trained
) -> ModelRecord:
    versions = resources.registry.models(spec.name)
    before = promoted(versions)
    errors = {side: {name: one.errors() for name, one in compared.items()} for side, compared in sides.items()}
    better, note = _decision(resources, before, spec, errors["held_out"], trained)
    weights, now = surrogate.weights(), datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        artifact = resources.artifacts.put(write_weights(weights, Path(folder, "weights")), content_type=_WEIGHTS_TYPE)
        report = write_weights(_report(sides, trained.curve), Path(folder, "report"))
        stored = resources.artifacts.put(report, content_type=_WEIGHTS_TYPE)
    return resources.registry.add_model(
        ModelRecord(
            name=spec.name,
            version=1,
            spec=spec.model_dump(mode="json"),
            dataset=spec.dataset,
            learns=spec.learns,
            artifact=artifact,
            report=stored,
            held_out=errors["held_out"],
            training=errors["training"],
            chosen=weights.document.get("training", {}),
            seconds=trained.seconds,
            device=_DEVICE,
            tansaku_version=__version__,
            created_at=now,
            parent=before.version if before is not None else None,
            promoted_at=promotion_time(versions, now) if better else None,
            note=note,
        )
    )


def _report(sides: dict[str, dict[str, Compared]], curve: Sequence[Progress]) -> Weights:
    arrays: dict[str, Array] = {}
    for side, compared in sides.items():
        for name, one in compared.items():
            arrays[f"{side}.{name}.computed"] = one.computed
            arrays[f"{side}.{name}.predicted"] = one.predicted
            arrays[f"{side}.{name}.deviation"] = one.deviation
    units = {side: {name: one.unit for name, one in compared.items()} for side, compared in sides.items()}
    return Weights(arrays, {"type": "report", "schema_version": 1, "units": units, "curve": [vars(one) for one in curve]})


def _decision(
    resources: Resources, before: ModelRecord | None, spec: ModelSpec, errors: dict[str, Errors], trained: _Trained
) -> tuple[bool, str]:
    """Whether a new version takes the place of the promoted one, and why: both are judged by the new one's held-out data."""
    if before is None:
        return True, "the first version"
    if before.learns != spec.learns:
        return (
            False,
            f"not promoted: version {before.version} learned the energies of the {before.learns}, not the {spec.learns}",
        )
    known = before.held_out
    if before.dataset != trained.dataset.sha256:
        seen = find_dataset(resources.registry, before.dataset).groups
        mixed = [
            group for group, side in trained.dataset.groups.items() if side == "held_out" and seen.get(group) == "training"
        ]
        if mixed:
            return False, f"not promoted: version {before.version} was trained on {mixed[0]!r}, which is held out now"
        predictions = open_model(resources, before).predict(trained.held_out)
        known = {name: one.errors() for name, one in compare(trained.held_out, predictions).items()}
    name, error = score_of(errors)
    if name not in known:
        return False, f"not promoted: version {before.version} does not predict {name}"
    if not error <= known[name].rmse:
        return False, f"not promoted: held-out error of {name} {error:.4g}, worse than {known[name].rmse:.4g} of {before.label}"
    return True, f"held-out error of {name} {error:.4g}, {known[name].rmse:.4g} of {before.label}"
