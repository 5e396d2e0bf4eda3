"""A retrain done in this process: what a run of the training service does for a campaign that another process drives."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError, FitError, MissingComponentError, NotFoundError
from tansaku.models.domain.model_registry import ModelRecord
from tansaku.models.domain.records import Event
from tansaku.models.domain.retraining import Retrain
from tansaku.models.domain.surrogates import TrainingRun
from tansaku.models.surrogates.files import FileCheckpoints, read_weights
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.retraining.definition import REPORTED_FAILURE, dataset_of, failure_event_id, model_spec, predecessor
from tansaku.tasks.loop.training.versions import Made, Place, checkpoint_name, find_model, read_dataset, store_version
from tansaku.tasks.node.jobs.fitting import beginning, fit_and_judge, learned_from
from tansaku.tasks.node.jobs.splitting import side_of


def train_for(resources: Resources, name: str, number: int) -> ModelRecord | None:
    """Trains for a campaign's retrain, in this process; its driver finds the version in the registry.

    If killed, the same call continues from the last checkpoint. A failed training is recorded in the audit log, where the
    driver reads it.

    Args:
        resources: Store, artifacts and registry.

    Returns:
        The version; None if the retrain had already ended, or failed.

    Raises:
        NotFoundError: There is no such campaign or retrain.
    """
    store, registry = resources.store, resources.registry
    spec, retrains = stored_spec(store.campaign(name)), store.retrains(name)
    training, end = next((pair for pair in retrains if pair[0].number == number), (None, None))
    if training is None:
        raise NotFoundError(f"campaign {name!r} has no retrain {number}")
    if end is not None:
        return None
    model = model_spec(spec, training, retrains)
    checkpoints = FileCheckpoints(resources.settings.home / "training" / checkpoint_name(model))
    try:
        dataset = dataset_of(registry, training)
        examples = learned_from(read_dataset(resources.artifacts, dataset), model.learns)
        start = None
        if model.start is not None:
            with tempfile.TemporaryDirectory() as folder:
                artifact = find_model(registry, model.start).artifact
                weights = read_weights(resources.artifacts.get(artifact, Path(folder, "weights.safetensors")))
            start = beginning(weights, side_of(examples, dataset.groups, "training"))
        run = TrainingRun(device=resources.site.training.device, checkpoints=checkpoints, start=start)
        calibrate = spec.retrain is not None and bool(spec.retrain.calibrate)
        fitted = fit_and_judge(model, examples, dataset.groups, run, calibrate=calibrate)
    except (FitError, ConfigurationError, MissingComponentError) as error:
        _say_failed(resources, training, error.message)
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = Made.of(fitted, Path(folder))
        before = predecessor(registry, spec, retrains, training)
        place = Place(model, dataset, side_of(examples, dataset.groups, "held_out"), before)
        record, _ = store_version(registry, resources.artifacts, made, place)
    checkpoints.clear()
    return record


def _say_failed(resources: Resources, training: Retrain, reason: str) -> None:
    resources.store.append_event(
        Event(
            id=failure_event_id(training),
            campaign=training.campaign,
            kind=REPORTED_FAILURE,
            at=datetime.now(UTC),
            data={"retrain": training.number, "reason": reason},
        )
    )
