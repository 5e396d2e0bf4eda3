"""Builds a stored data set from a data-set file: its campaign computes what is missing, then results are gathered."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from tansaku.calculators.engines.energy_partition import PARTS
from tansaku.models.domain.errors import ConfigurationError, StoreError
from tansaku.models.domain.identifiers import canonical_json, file_sha256
from tansaku.models.domain.model_registry import DatasetRecord, Registry, Source
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation, JsonDict, Provenance
from tansaku.models.domain.specs.calculators.table import field_files
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.dataset import (
    LABELS,
    ComputedSourceSpec,
    DatasetSpec,
    FileSourceSpec,
    ObservedSourceSpec,
)
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.surrogates import Example
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.ground.formats.validation import validate_document
from tansaku.tasks.loop.datasets.extxyz import example_of, read_user_file
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, campaign_from_data, read_named
from tansaku.tasks.node.jobs.dataset_files import check_hdf5, content_sha256, write_hdf5
from tansaku.tasks.node.jobs.document import FREE_ENERGY, STRUCTURE_FILE
from tansaku.tasks.node.jobs.splitting import split

GroupKind = Literal["system", "surface", "composition"]
"""Common property of the structures of a group: the system, the surface, or the reduced formula, rarer elements first
(``SiO2``)."""


@dataclass(frozen=True)
class LoadedDataset:
    """A data-set file after validation.

    Attributes:
        spec: A file it names carries its SHA-256.
        base_path: Folder of the file; relative paths start here.
        campaign: The campaign that computes it, None for a user's file.
    """

    spec: DatasetSpec
    base_path: Path
    campaign: LoadedCampaign | None

    @property
    def chooses(self) -> bool:
        """Whether a second campaign computes the labels of chosen structures."""
        return isinstance(self.spec.source, ComputedSourceSpec) and self.spec.source.choice is not None

    @property
    def labels(self) -> str:
        """Name of that campaign."""
        return f"{self.spec.name}{LABELS}"


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
        # The potentials that it names are resolved by content, as a campaign's are.
        whole = campaign_of(spec, base_path, document.source).spec
        source = spec.source.model_copy(update={"calculator": whole.calculator, "label": whole.label})
        return LoadedDataset(spec.model_copy(update={"source": source}), base_path, campaign)
    if isinstance(spec.source, ObservedSourceSpec):
        raise ConfigurationError("source.type: observed data sets are made by campaigns; expected computed or file")
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
        every = [searched(resources, name) for name in ((spec.name, loaded.labels) if loaded.chooses else (spec.name,))]
        done = finished(every[-1])
        failed = sum(evaluation.state is EvaluationState.FAILED for evaluations in every for evaluation in evaluations)
        grouped_by = spec.source.grouped_by if isinstance(spec.source, ComputedSourceSpec) else "system"
        examples = gather(done, resources.artifacts, grouped_by)
        if isinstance(spec.source, ComputedSourceSpec) and spec.source.force_consistent:
            examples = [_force_consistent(example) for example in examples]
        sources = sources_of(done)
        cost = sum(evaluation.measured_cost or 0.0 for evaluations in every for evaluation in evaluations)
    return keep_dataset(resources.registry, resources.artifacts, examples, Kept(spec, sources, failed, cost))


def searched(resources: Resources, campaign: str) -> list[Evaluation]:
    """Evaluations of a data set's campaign."""
    return [evaluation for evaluation in resources.store.evaluations(campaign) if evaluation.proposal.purpose == "search"]


def finished(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Returns the evaluations that ended with a result."""
    return [
        evaluation for evaluation in evaluations if evaluation.state is EvaluationState.DONE and evaluation.outcome is not None
    ]


@dataclass(frozen=True)
class Kept:
    """Metadata of a data set besides its content.

    Attributes:
        spec: How it came about.
        sources: Who computed its energies.
        failed: Candidates that are not in it because their calculation failed.
        cost: What computing it took [core-seconds], None where that is not known.
    """

    spec: DatasetSpec
    sources: dict[str, Source]
    failed: int = 0
    cost: float | None = None


def keep_dataset(registry: Registry, artifacts: ArtifactStore, examples: Sequence[Example], kept: Kept) -> DatasetRecord:
    """Stores examples as a data set; the same content is stored once.

    Raises:
        ConfigurationError: It cannot be divided.
    """
    spec = kept.spec
    groups = split(examples, spec.split, spec.seed)
    sha256 = content_sha256(examples)
    sources = {key: source.model_dump(mode="json") for key, source in kept.sources.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = write_hdf5(examples, Path(folder, "dataset.h5"), {"name": spec.name, "sha256": sha256, "sources": sources})
        artifact = artifacts.put(file, content_type="application/x-hdf5")
    return registry.add_dataset(
        DatasetRecord(
            sha256=sha256,
            name=spec.name,
            artifact=artifact,
            spec=spec.model_dump(mode="json"),
            groups=groups,
            structures=len(examples),
            failed=kept.failed,
            atoms=sum(len(example.structure) for example in examples),
            properties=tuple(sorted({name for example in examples for name in example.properties})),
            sources=kept.sources,
            cost=kept.cost,
            created_at=datetime.now(UTC),
        )
    )


def gather(evaluations: Sequence[Evaluation], artifacts: ArtifactStore, group: GroupKind = "system") -> list[Example]:
    """Examples of finished evaluations whose structures are stored, in order of candidate; fields are read when asked for.

    Args:
        evaluations: Finished ones.
        group: What is never divided between training and held-out data.

    Raises:
        ConfigurationError: There is none.
    """
    found = [
        _example(item, artifacts, group)
        for item in sorted(evaluations, key=lambda evaluation: evaluation.proposal.candidate)
        if item.outcome is not None and STRUCTURE_FILE in item.outcome.artifacts and item.proposal.replicate == 0
    ]
    if not found:
        raise ConfigurationError("there is no finished evaluation with a structure")
    return found


def _example(evaluation: Evaluation, artifacts: ArtifactStore, group: GroupKind) -> Example:
    atoms = read_structure(evaluation, artifacts)
    if group == "composition":
        name = atoms.symbols.formula.reduce()[0].format("abc")
    else:
        name = evaluation.proposal.system if group == "system" else evaluation.proposal.surface
    found = example_of(atoms, evaluation.proposal.candidate, name)
    return replace(found, properties={**found.properties, **parts_of(evaluation)}, fields=fields_of(evaluation, artifacts))


def _force_consistent(example: Example) -> Example:
    """The example with the energy that its forces are derivatives of."""
    properties = dict(example.properties)
    properties["energy"] = properties.pop(FREE_ENERGY, properties["energy"])
    return replace(example, properties=properties)


def campaign_of(spec: DatasetSpec, base_path: Path, file: str, **changes: object) -> LoadedCampaign:
    """The campaign that relaxes and labels; keys of it may be given.

    Args:
        spec: Of a computed source.
        base_path: Folder of the data-set file.
        file: Its name, for errors.
        changes: Top-level keys of the campaign.
    """
    source = spec.source
    if not isinstance(source, ComputedSourceSpec):
        raise ConfigurationError(f"source.type: {source.type} needs no campaign")
    data: JsonDict = {
        "schema_version": 1,
        "name": spec.name,
        "seed": spec.seed,
        "space": source.space.model_dump(mode="json"),
        "calculator": source.calculator.model_dump(mode="json"),
        "label": source.label.model_dump(mode="json") if source.label is not None else None,
        "execution": source.execution.model_dump(mode="json"),
    }
    if source.reuse:
        data["reuse"] = True
    about = source.space.description
    if ObjectiveSpec().unit not in about.units_of(None):
        data["objective"] = {"property": about.properties[0], "unit": about.units_of(None)[0]}
    return campaign_from_data(data | changes, base_path, file)


def _campaign(spec: DatasetSpec, source: ComputedSourceSpec, base_path: Path, file: str) -> LoadedCampaign:
    pool = open_space(source.space, base_path).pool()
    wanted = len(pool) if source.per_system is None else source.per_system * len(pool.systems)
    changes: JsonDict = {
        "proposer": {"type": "random", "by_system": True},
        "budget": {"evaluations": min(wanted, len(pool)), "max_failed_fraction": 1.0},
    }
    if source.choice is not None:
        # What it costs is to be spent on the chosen ones only.
        changes["label"] = None
    return campaign_of(spec, base_path, file, **changes)


def sources_of(evaluations: Sequence[Evaluation]) -> dict[str, Source]:
    """Sources of the energies, without place and time, so that equal sources compare equal.

    Raises:
        ConfigurationError: They are several, which no data set may mix.
    """
    found: dict[str, set[str]] = {"calculator": set(), "label": set()}
    for evaluation in evaluations:
        if evaluation.outcome is None:
            continue
        if evaluation.outcome.provenance is not None:
            found["calculator"].add(_anywhere(evaluation.outcome.provenance))
        if "label" in evaluation.outcome.properties:
            found["label"].add(_anywhere(Provenance.model_validate(evaluation.outcome.properties["label"])))
    for role, several in found.items():
        if len(several) > 1:
            raise ConfigurationError(
                f"the {role}'s energies come from {len(several)} codes or versions, which must not be mixed in a data set:\n  "
                + "\n  ".join(sorted(several)),
                hint="recompute it with one version, under another name",
            )
    return {role: Source(provenance=Provenance.model_validate_json(next(iter(item)))) for role, item in found.items() if item}


def _anywhere(provenance: Provenance) -> str:
    # Results that another campaign adopted have their keys in another order.
    return canonical_json(provenance.model_copy(update={"host": "", "cpu": "", "tansaku_version": ""}).model_dump(mode="json"))


def parts_of(evaluation: Evaluation) -> dict[str, FloatArray]:
    """Energy contributions that a calculation reported, by name [eV]; empty where the calculator was not asked for them."""
    known = evaluation.outcome.quantities if evaluation.outcome is not None else {}
    # The gap comes without being asked for.
    return {name: np.asarray(known[name].value) for name in PARTS if name in known} if PARTS[0] in known else {}


@dataclass(frozen=True)
class StoredFields(Mapping[str, FloatArray]):
    """Fields of an evaluation by name, such as the density of valence electrons [1/Å^3]; none of them is kept in memory.

    Attributes:
        files: Hash of each field's file.
    """

    files: Mapping[str, str]
    artifacts: ArtifactStore

    def __getitem__(self, name: str) -> FloatArray:
        """One field, shape ``(n_x, n_y, n_z)``. Raises StoreError when its file is damaged."""
        with self.artifacts.open(self.files[name]) as stream:
            data = io.BytesIO(stream.read())
        try:
            with np.load(data, allow_pickle=False) as kept:
                values = np.asarray(kept[name], dtype=np.float64)
        except (ValueError, KeyError, OSError) as error:
            raise StoreError(f"the {name} in artifact {self.files[name]} cannot be read: {error}") from error
        # A code that knows spins keeps one grid for each.
        return values.sum(axis=0) if values.ndim == 4 else values

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def fields_of(evaluation: Evaluation, artifacts: ArtifactStore) -> Mapping[str, FloatArray]:
    """Fields that an evaluation left."""
    files = evaluation.outcome.artifacts if evaluation.outcome is not None else {}
    known = {name: file for name, possible in field_files().items() for file in possible if file in files}
    return StoredFields({name: files[file] for name, file in known.items()}, artifacts)
