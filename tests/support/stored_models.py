"""Three versions of a model, with errors and figures, for the pages that show models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tansaku.models.domain.model_registry import DatasetRecord, Errors, Registry
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.specs.dataset import AboveSplitSpec
from tansaku.models.domain.surrogates import Example, Progress, Weights
from tansaku.models.surrogates.files import write_weights
from tansaku.tasks.backends.resources import DatabaseResources
from tansaku.tasks.node.jobs.dataset_files import content_sha256, write_hdf5
from tansaku.tasks.node.jobs.splitting import split
from tests.support.records import NOW, dataset_record, model_record

MODEL_ERRORS = {
    "energy": Errors(unit="eV/atom", count=800, mae=0.1, rmse=0.2, correlation=0.9, within_one=0.7, within_two=0.95)
}


def store_models(registry: Registry, artifacts: ArtifactStore, folder: Path) -> None:
    """Adds three versions of the model ``alloy``; the first is promoted, the third is of other data.

    Args:
        registry: Of models.
        artifacts: Where their predictions are kept.
        folder: For a file.
    """
    computed = np.linspace(0.0, 1.0, 800)
    curve = [vars(Progress(step, 1.0 / step, 2.0 / step, "eV/atom", "")) for step in range(1, 700)]
    arrays = {}
    for side in ("held_out", "training"):
        parts = (("computed", computed), ("predicted", computed + 0.1), ("deviation", np.full(800, 0.1)))
        arrays |= {f"{side}.energy.{part}": values for part, values in parts}
    units = {side: {"energy": "eV/atom"} for side in ("held_out", "training")}
    report = Weights(arrays, {"type": "report", "schema_version": 1, "units": units, "curve": curve})
    write_weights(report, folder / "report.safetensors")
    kept = artifacts.put(folder / "report.safetensors")
    for version in (1, 2, 3):
        registry.add_model(
            model_record(
                name="alloy",
                version=version,
                spec={"surrogate": {"type": "kernel_ridge"}, "name": "<b>alloy</b>"},
                dataset=("b" if version == 3 else "a") * 64,
                artifact=str(version) * 64,
                report=kept,
                held_out=MODEL_ERRORS,
                training=MODEL_ERRORS,
                seconds=2.0,
                tansaku_version="1",
                promoted_at=NOW if version == 1 else None,
            )
        )


def store_examples(resources: DatabaseResources, examples: Sequence[Example], folder: Path) -> DatasetRecord:
    """Adds the data set ``copper``, whose two largest strains are held out, and returns it.

    Args:
        examples: What it holds, as ``emt_examples()`` makes them.
        folder: For a file.
    """
    artifact = resources.artifacts.put(write_hdf5(examples, folder / "dataset.h5", {}))
    groups = split(examples, AboveSplitSpec(key="strain", above=3.5), 0)
    record = dataset_record(name="copper", sha256=content_sha256(examples), artifact=artifact, groups=groups)
    resources.registry.add_dataset(record)
    return record
