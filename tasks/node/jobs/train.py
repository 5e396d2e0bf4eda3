"""A training as a job: on a worker of this machine, or on a compute node with a GPU."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.states import FailureKind
from tansaku.models.domain.surrogates import TrainingRun
from tansaku.models.surrogates.files import FileCheckpoints, write_weights
from tansaku.tasks.node.jobs.dataset_files import read_hdf5
from tansaku.tasks.node.jobs.document import REPORT_FILE, WEIGHTS_FILE, TrainingDocument
from tansaku.tasks.node.jobs.fitting import beginning, fit_and_judge, learned_from
from tansaku.tasks.node.jobs.opened import opened_surrogate
from tansaku.tasks.node.jobs.splitting import side_of


def train(document: TrainingDocument, folder: Path) -> Outcome:
    """Trains a surrogate and writes its weights and the data for figures.

    Args:
        document: Surrogate and data set.
        folder: Existing folder for the files.

    Returns:
        An outcome without a value; a failed training is a science failure with reason ``not_trained``.

    Raises:
        ConfigurationError: The data set has no property that this surrogate learns.
        MissingComponentError: A package is not installed.
        TransientError: The initial weights are missing or damaged.
    """
    started_at, begun = datetime.now(UTC), time.perf_counter()
    checkpoints = FileCheckpoints(Path(document.checkpoint))
    try:
        examples = learned_from(read_hdf5(Path(document.dataset)), document.model.learns)
        start = None
        if document.start is not None and document.start_sha256 is not None:
            weights = opened_surrogate(document.start, document.start_sha256).weights()
            start = beginning(weights, side_of(examples, document.groups, "training"))
        run = TrainingRun(device=document.device, checkpoints=checkpoints, start=start)
        fitted = fit_and_judge(document.model, examples, document.groups, run, calibrate=document.calibrate)
    except FitError as error:
        failure = Failure(kind=FailureKind.SCIENCE, reason="not_trained", message=error.message)
        return Outcome(failure=failure, wall_time=time.perf_counter() - begun, started_at=started_at)
    weights = fitted.surrogate.weights()
    write_weights(weights, folder / WEIGHTS_FILE)
    write_weights(fitted.report(), folder / REPORT_FILE)
    errors = {side: {name: item.model_dump(mode="json") for name, item in of.items()} for side, of in fitted.errors().items()}
    return Outcome(
        properties={
            "errors": errors,
            "chosen": weights.document.get("training", {}),
            "seconds": fitted.seconds,
            "device": fitted.device,
        },
        wall_time=time.perf_counter() - begun,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        artifacts={WEIGHTS_FILE: WEIGHTS_FILE, REPORT_FILE: REPORT_FILE},
    )
