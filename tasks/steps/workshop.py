"""What workers are given for a training, and for a first look: files in a folder that they see."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.retraining import Retrain
from tansaku.tasks.jobs.document import TrainingDocument
from tansaku.tasks.steps.context import StepContext
from tansaku.tasks.training.retraining import dataset_of, model_spec
from tansaku.tasks.training.training import checkpoint_name


def training_document(context: StepContext, training: Retrain) -> TrainingDocument:
    """What the worker is told about a training; its data set lies where workers see it."""
    spec, workshop = model_spec(context.ledger.spec, training), context.workshop
    record = dataset_of(workshop.registry, training)
    return TrainingDocument(
        campaign=context.name,
        model=spec,
        dataset=str(_shared(context, record.artifact, f"{training.dataset}.h5")),
        groups=record.groups,
        checkpoint=str(workshop.folder / checkpoint_name(spec)),
        device=workshop.device,
    )


def weights_file(context: StepContext, sha256: str) -> Path:
    """A model's weights where workers see them."""
    return _shared(context, sha256, f"{sha256}.safetensors")


def _shared(context: StepContext, sha256: str, name: str) -> Path:
    file = context.workshop.folder / name
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        context.artifacts.get(sha256, file)
    return file
