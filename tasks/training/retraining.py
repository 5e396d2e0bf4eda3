"""A campaign's retrains as trainings of the registry: what is trained, on what, and what it is compared with."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError, FitError, MissingComponentError, NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.records import Event
from tansaku.models.domain.registry import DatasetRecord, ModelRecord, Registry
from tansaku.models.domain.retraining import Retrain, RetrainEnd, in_use
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.retrain import RetrainSpec
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.surrogates import TrainingRun
from tansaku.models.surrogates.files import FileCheckpoints
from tansaku.tasks.datasets.splitting import side_of
from tansaku.tasks.resources import Resources
from tansaku.tasks.training.fitting import fit_and_judge, learned_from
from tansaku.tasks.training.training import Made, Place, checkpoint_name, find_model, read_dataset, store_version

RETRAIN_FAILED = "retrain-failed"
"""Kind of the events by which a run of the service says that a training brought no version."""


def retrain_spec(spec: CampaignSpec) -> RetrainSpec:
    """How a campaign retrains."""
    if spec.retrain is None:
        raise AssertionError("only a campaign with retrain has trainings")
    return spec.retrain


def model_spec(spec: CampaignSpec, training: Retrain) -> ModelSpec:
    """What a retrain trains, as a model file would say it."""
    retrain = retrain_spec(spec)
    return ModelSpec(
        schema_version=1,
        name=training.model,
        dataset=training.dataset,
        learns=retrain.learns,
        seed=spec.seed,
        surrogate=retrain.surrogate,
    )


def dataset_of(registry: Registry, training: Retrain) -> DatasetRecord:
    """The stored data set of a retrain.

    Raises:
        NotFoundError: It is not stored any more.
    """
    found = next((one for one in registry.datasets(training.model) if one.sha256 == training.dataset), None)
    if found is None:
        raise NotFoundError(f"the data set {training.dataset[:12]} of {training.model} is not stored any more")
    return found


def predecessor(
    registry: Registry, spec: CampaignSpec, retrains: Sequence[tuple[Retrain, RetrainEnd | None]], training: Retrain
) -> ModelRecord | None:
    """The version that a retrained one is compared with: the campaign's own last, or the one that it began with."""
    used = in_use([end for begun, end in retrains if end is not None and begun.number < training.number])
    look = spec.first_look
    label = used.version if used is not None else look.model if look is not None else None
    return None if label is None else find_model(registry, label)


def failure_event_id(training: Retrain) -> str:
    """Id of the event of kind :data:`RETRAIN_FAILED`."""
    return short_hash([training.campaign, RETRAIN_FAILED, training.number])


def train_for(resources: Resources, name: str, number: int) -> ModelRecord | None:
    """Trains for a campaign's retrain, in this process; its driver finds the version in the registry.

    Killed at any point, the same call goes on from the last checkpoint. A training that does not work is said in the audit,
    where the driver reads it.

    Args:
        resources: Store, artifacts and registry.
        name: The campaign.
        number: Of the retrain.

    Returns:
        The version; None when the retrain has ended before, or failed.

    Raises:
        NotFoundError: There is no such campaign or retrain.
    """
    store, registry = resources.store, resources.registry
    spec, retrains = CampaignSpec.model_validate(store.campaign(name).spec), store.retrains(name)
    training, end = next((pair for pair in retrains if pair[0].number == number), (None, None))
    if training is None:
        raise NotFoundError(f"campaign {name!r} has no retrain {number}")
    if end is not None:
        return None
    model, device = model_spec(spec, training), resources.site.training.device
    checkpoints = FileCheckpoints(resources.settings.home / "training" / checkpoint_name(model))
    try:
        dataset = dataset_of(registry, training)
        examples = learned_from(read_dataset(resources.artifacts, dataset), model.learns)
        fitted = fit_and_judge(model, examples, dataset.groups, TrainingRun(device=device, checkpoints=checkpoints))
    except (FitError, ConfigurationError, MissingComponentError) as error:
        _say_failed(resources, training, error.message)
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = Made.of(fitted, Path(folder), device)
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
            kind=RETRAIN_FAILED,
            at=datetime.now(UTC),
            data={"retrain": training.number, "reason": reason},
        )
    )
