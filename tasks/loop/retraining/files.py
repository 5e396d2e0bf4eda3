"""Files that workers need for a training or a surrogate pre-screening, in a folder that they can read."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.retraining import Retrain
from tansaku.tasks.loop.ledger.context import StepContext
from tansaku.tasks.loop.retraining.definition import dataset_of, model_spec, retrain_spec
from tansaku.tasks.loop.training.versions import checkpoint_name, find_model
from tansaku.tasks.node.jobs.document import TrainingDocument


def training_document(context: StepContext, training: Retrain) -> TrainingDocument:
    """Returns the document of a training; its data set is written to a folder that workers can read."""
    ledger, workshop = context.ledger, context.workshop
    spec = model_spec(ledger.spec, training, ledger.retrains)
    record = dataset_of(workshop.registry, training)
    begins_with = find_model(workshop.registry, spec.start).artifact if spec.start is not None else None
    return TrainingDocument(
        campaign=context.name,
        model=spec,
        dataset=str(_shared(context, record.artifact, f"{training.dataset}.h5")),
        groups=record.groups,
        checkpoint=str(workshop.folder / checkpoint_name(spec)),
        start=str(weights_file(context, begins_with)) if begins_with is not None else None,
        start_sha256=begins_with,
        device=workshop.device,
        calibrate=bool(retrain_spec(ledger.spec).calibrate),
    )


def weights_file(context: StepContext, sha256: str) -> Path:
    """Writes a model's weights to a folder that workers can read."""
    return _shared(context, sha256, f"{sha256}.safetensors")


def _shared(context: StepContext, sha256: str, name: str) -> Path:
    file = context.workshop.folder / name
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        context.artifacts.get(sha256, file)
    return file
