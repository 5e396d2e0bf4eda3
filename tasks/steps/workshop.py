"""What workers are given for a training, and for a first look: files in a folder that they see."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.registry import DatasetRecord
from tansaku.models.domain.retraining import Retrain
from tansaku.models.domain.specs.retrain import RetrainSpec
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.tasks.jobs.document import TrainingDocument
from tansaku.tasks.steps.context import StepContext
from tansaku.tasks.training.training import checkpoint_name


def training_document(context: StepContext, training: Retrain) -> TrainingDocument:
    """What the worker is told about a training; its data set lies where workers see it."""
    spec, workshop = model_spec(context, training), context.workshop
    record = dataset_of(context, training)
    file = workshop.folder / f"{training.dataset}.h5"
    if not file.is_file():
        workshop.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        context.artifacts.get(record.artifact, file)
    return TrainingDocument(
        campaign=context.name,
        model=spec,
        dataset=str(file),
        groups=record.groups,
        checkpoint=str(workshop.folder / checkpoint_name(spec)),
        device=workshop.device,
    )


def model_spec(context: StepContext, training: Retrain) -> ModelSpec:
    """What a retrain trains, as a model file would say it."""
    spec, seed = retrain_spec(context), context.ledger.spec.seed
    return ModelSpec(
        schema_version=1,
        name=training.model,
        dataset=training.dataset,
        learns=spec.learns,
        seed=seed,
        surrogate=spec.surrogate,
    )


def dataset_of(context: StepContext, training: Retrain) -> DatasetRecord:
    """The stored data set of a retrain."""
    known = (one for one in context.workshop.registry.datasets(training.model) if one.sha256 == training.dataset)
    found = next(known, None)
    if found is None:
        raise NotFoundError(f"the data set {training.dataset[:12]} of {training.model} is not stored any more")
    return found


def weights_file(context: StepContext, sha256: str) -> Path:
    """A model's weights where workers see them."""
    file = context.workshop.folder / f"{sha256}.safetensors"
    if not file.is_file():
        context.workshop.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        context.artifacts.get(sha256, file)
    return file


def retrain_spec(context: StepContext) -> RetrainSpec:
    """How the campaign retrains."""
    spec = context.ledger.spec.retrain
    if spec is None:
        raise AssertionError("only a campaign with retrain has trainings")
    return spec
