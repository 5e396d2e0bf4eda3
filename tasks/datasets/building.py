"""From a data-set file to a stored data set: its campaign computes what is missing, then all is gathered."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation, Provenance
from tansaku.models.domain.registry import DatasetRecord, Source
from tansaku.models.domain.specs.dataset import ComputedSourceSpec, DatasetSpec, FileSourceSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.surrogates import Example
from tansaku.spaces.registry import open_space
from tansaku.tasks.configuration import LoadedCampaign, campaign_from_data, read_named
from tansaku.tasks.datasets.extxyz import example_of, read_user_file
from tansaku.tasks.datasets.files import check_hdf5, content_sha256, write_hdf5
from tansaku.tasks.datasets.splitting import split
from tansaku.tasks.jobs.document import STRUCTURE_FILE
from tansaku.tasks.resources import Resources
from tansaku.tasks.structures import read_structure
from tansaku.tasks.validation import validate_document


@dataclass(frozen=True)
class LoadedDataset:
    """A data-set file after validation.

    Attributes:
        spec: A file it names carries its SHA-256.
        base_path: Folder of the file; relative paths start here.
        campaign: What computes it, None for a user's file.
    """

    spec: DatasetSpec
    base_path: Path
    campaign: LoadedCampaign | None


def load_dataset(path: Path) -> LoadedDataset:
    """Loads a data-set file; everything is checked before anything is spent.

    Raises:
        ConfigurationError: The file, a key in it or a file it names is wrong.
        MissingComponentError: h5py is not installed.
    """
    check_hdf5()
    document = read_named(path)
    spec, base_path = validate_document(DatasetSpec, document), path.resolve().parent
    if isinstance(spec.source, ComputedSourceSpec):
        campaign = _campaign(spec, spec.source, base_path, document.source)
        source = spec.source.model_copy(update={"calculator": campaign.spec.calculator, "label": campaign.spec.label})
        return LoadedDataset(spec.model_copy(update={"source": source}), base_path, campaign)
    file = base_path / spec.source.path
    if not file.is_file():
        raise ConfigurationError(f"source.path: file {str(file)!r} does not exist", hint="paths start at the file's folder")
    found = file_sha256(file)
    if spec.source.sha256 not in (None, found):
        raise ConfigurationError(f"source.path: the content has SHA-256 {found}, expected {spec.source.sha256}")
    source_with_hash = spec.source.model_copy(update={"sha256": found})
    return LoadedDataset(spec.model_copy(update={"source": source_with_hash}), base_path, None)


def store_dataset(resources: Resources, loaded: LoadedDataset) -> DatasetRecord:
    """Gathers structures and energies and stores them; the same content is stored once.

    Raises:
        ConfigurationError: There is nothing to store, or it cannot be divided.
        StoreError: The campaign has not ended.
    """
    spec, base_path = loaded.spec, loaded.base_path
    cost: float | None = None
    failed = 0
    if isinstance(spec.source, FileSourceSpec):
        examples = read_user_file(base_path / spec.source.path, spec.source)
        sources = {"calculator": Source(file=Path(spec.source.path).name, file_sha256=spec.source.sha256)}
    else:
        evaluations = [one for one in resources.store.evaluations(spec.name) if one.proposal.purpose == "search"]
        done = [one for one in evaluations if one.state is EvaluationState.DONE and one.outcome is not None]
        failed = sum(one.state is EvaluationState.FAILED for one in evaluations)
        examples = gather(done, resources.artifacts)
        sources = _sources(done)
        cost = sum(one.measured_cost or 0.0 for one in evaluations)
    groups = split(examples, spec.split, spec.seed)
    sha256 = content_sha256(examples)
    told = {"name": spec.name, "sha256": sha256, "sources": {key: one.model_dump(mode="json") for key, one in sources.items()}}
    with tempfile.TemporaryDirectory() as folder:
        file = write_hdf5(examples, Path(folder, "dataset.h5"), told)
        artifact = resources.artifacts.put(file, content_type="application/x-hdf5")
    return resources.registry.add_dataset(
        DatasetRecord(
            sha256=sha256,
            name=spec.name,
            artifact=artifact,
            spec=spec.model_dump(mode="json"),
            groups=groups,
            structures=len(examples),
            failed=failed,
            atoms=sum(len(example.structure) for example in examples),
            properties=tuple(sorted({name for example in examples for name in example.properties})),
            sources=sources,
            cost=cost,
            created_at=datetime.now(UTC),
        )
    )


def gather(evaluations: Sequence[Evaluation], artifacts: ArtifactStore) -> list[Example]:
    """Examples of finished evaluations whose structures are stored, in order of candidate.

    Raises:
        ConfigurationError: There is none.
    """
    found = [
        example_of(read_structure(one, artifacts), one.proposal.candidate, one.proposal.system)
        for one in sorted(evaluations, key=lambda one: one.proposal.candidate)
        if one.outcome is not None and STRUCTURE_FILE in one.outcome.artifacts and one.proposal.replicate == 0
    ]
    if not found:
        raise ConfigurationError("the data set's campaign has no finished evaluation with a structure")
    return found


def _campaign(spec: DatasetSpec, source: ComputedSourceSpec, base_path: Path, file: str) -> LoadedCampaign:
    systems = len(open_space(source.space, base_path).pool().systems)
    data = {
        "schema_version": 1,
        "name": spec.name,
        "seed": spec.seed,
        "space": source.space.model_dump(mode="json"),
        "calculator": source.calculator.model_dump(mode="json"),
        "label": source.label.model_dump(mode="json") if source.label is not None else None,
        "proposer": {"type": "random", "by_system": True},
        "budget": {"evaluations": source.per_system * systems, "max_failed_fraction": 1.0},
        "execution": source.execution.model_dump(mode="json"),
    }
    return campaign_from_data(data, base_path, file)


def _sources(evaluations: Sequence[Evaluation]) -> dict[str, Source]:
    """Who computed: where and when are left out, so that they are one for all."""
    found: dict[str, set[str]] = {"calculator": set(), "label": set()}
    for one in evaluations:
        if one.outcome is None:
            continue
        if one.outcome.provenance is not None:
            found["calculator"].add(_anywhere(one.outcome.provenance))
        if "label" in one.outcome.properties:
            found["label"].add(_anywhere(Provenance.model_validate(one.outcome.properties["label"])))
    for role, several in found.items():
        if len(several) > 1:
            raise ConfigurationError(
                f"the {role}'s energies come from {len(several)} codes or versions, which a data set must not mix:\n  "
                + "\n  ".join(sorted(several)),
                hint="compute it anew under one version, with another name",
            )
    return {role: Source(provenance=Provenance.model_validate_json(next(iter(one)))) for role, one in found.items() if one}


def _anywhere(provenance: Provenance) -> str:
    return provenance.model_copy(update={"host": "", "cpu": "", "tansaku_version": ""}).model_dump_json()
