"""Source data from tables and stored campaigns; frozen data are stored as artifacts under their content hash."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tansaku.models.domain.errors import ConfigurationError, FitError, NotFoundError
from tansaku.models.domain.identifiers import canonical_json
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import ArtifactStore, CampaignStore, Proposer
from tansaku.models.domain.records import CampaignRecord, JsonDict, Refit
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.site import DeviceName
from tansaku.models.domain.specs.transfer import CampaignSourceSpec, TableSourceSpec, TransferSpec
from tansaku.models.engine.transfer.data import KEY, FrozenSources, SourceData, observed_source
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.ledger.context import look_sources
from tansaku.tasks.loop.transfer.checks import (
    Claim,
    check_features,
    check_not_itself,
    check_objective,
    check_observed,
    source_campaign,
)

CONTENT_TYPE = "application/json"


@dataclass(frozen=True)
class Target:
    """The campaign that learns."""

    spec: CampaignSpec
    searched: CandidatePool

    @property
    def pool(self) -> CandidatePool:
        """The candidates, without levels."""
        return self.searched if self.searched.levels is None else self.searched.levels.candidates

    @property
    def transfer(self) -> TransferSpec:
        """Transfer part of the spec."""
        if self.spec.transfer is None:
            raise AssertionError("only campaigns with `transfer` have sources")
        return self.spec.transfer


def table_source(target: Target, source: TableSourceSpec, key: str, base_path: Path) -> SourceData:
    """Reads a table.

    Raises:
        ConfigurationError: The table is wrong, or does not fit the target.
    """
    objective = target.spec.objective
    claim = Claim(key, source.name, source.unit or objective.unit, source.direction or objective.direction)
    check_objective(claim, objective)
    from tansaku.spaces.table import TableSpace

    try:
        space = TableSpace(source.space, base_path)
    except ConfigurationError as error:
        raise ConfigurationError(f"{key}: {error.message}", hint=error.hint) from error
    check_features(claim, target.pool, space.pool())
    pool, values = _compared_alike(target.pool, space.pool()), space.values()
    known = np.flatnonzero(~np.isnan(values))
    check_observed(claim, len(known))
    return observed_source(source.name, pool, known, values[known], objective.direction, target.transfer.most)


def campaign_source(
    target: Target, source: CampaignSourceSpec, key: str, store: CampaignStore, record: CampaignRecord | None = None
) -> SourceData:
    """Reads the current observations of a stored campaign.

    Args:
        target: The campaign that learns.
        source: The source as its spec names it.
        key: Of the source in the spec, for messages.
        record: The source, which may have another name now; None: the campaign that has the name in the spec.

    Raises:
        ConfigurationError: The campaign is not stored, has no observations or does not fit the target.
    """
    record = record or source_campaign(store, source, key)
    spec = stored_spec(record)
    claim = Claim(key, source.name, spec.objective.unit, spec.objective.direction, spec.objective.property)
    check_objective(claim, target.spec.objective)
    try:
        pool = open_space(spec.space, Path(record.base_path)).pool()
    except ConfigurationError as error:
        raise ConfigurationError(f"{key}: the space of {source.name!r} cannot be opened: {error.message}") from error
    check_features(claim, target.pool, pool)
    pool = _compared_alike(target.pool, pool)
    observations = store.observations(record.name)
    # The search comes first, and looks at cheaper levels do not count.
    looks = {*look_sources(spec).values()}
    own = next((observation.source for observation in observations if observation.source not in looks), None)
    # In proposal order, so that of several replicates the last one counts, as in the campaign itself.
    found = {
        observation.candidate: observation.value
        for observation in observations
        if observation.source == own and observation.value is not None and observation.predicted_by is None
        if abs(observation.value) <= LARGEST
    }
    check_observed(claim, len(found))
    positions = pool.positions(list(found))
    values = np.array(list(found.values()), dtype=np.float64)
    return observed_source(source.name, pool, positions, values, spec.objective.direction, target.transfer.most)


def _compared_alike(ours: CandidatePool, theirs: CandidatePool) -> CandidatePool:
    """A source's candidates, with the columns of each group compared as those of the target are."""
    groups = {
        name: replace(group, mixed=ours.groups[name].mixed) if name in ours.groups else group
        for name, group in theirs.groups.items()
    }
    return replace(theirs, groups=groups)


def keep(artifacts: ArtifactStore, data: SourceData | str) -> str:
    """Stores source data, or other frozen data as they were written; returns their content hash, which is that of the bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.json"
        path.write_text(data if isinstance(data, str) else canonical_json(data.to_json()), encoding="ascii")
        return artifacts.put(path, content_type=CONTENT_TYPE)


def kept(artifacts: ArtifactStore, sha256: str) -> SourceData:
    """Reads source data again. Raises NotFoundError."""
    with artifacts.open(sha256) as stream:
        return SourceData.from_json(json.loads(stream.read()))


def sources_in_use(refits: Sequence[Refit], artifacts: ArtifactStore) -> tuple[SourceData, ...]:
    """Returns the source data that the last refit's model uses, if any. Raises NotFoundError."""
    record: JsonDict = refits[-1].hyperparameters.get(KEY, {}) if refits else {}
    used = record.get("sources", ()) if record.get("mode", "none") != "none" else ()
    return tuple(kept(artifacts, item["sha256"]) for item in used)


def freeze(target: Target, base_path: Path, store: CampaignStore, artifacts: ArtifactStore) -> CampaignSpec:
    """Checks all sources of a new campaign, stores the frozen ones and writes their hashes into the spec.

    Raises:
        ConfigurationError: A source is unknown, empty or does not fit, or is not what the given hash says.
    """
    transfer = target.transfer
    check_not_itself(target.spec.name, transfer)
    frozen: list[CampaignSourceSpec | TableSourceSpec] = []
    for i, source in enumerate(transfer.sources):
        key = f"transfer.sources[{i}]"
        if isinstance(source, TableSourceSpec):
            keep(artifacts, table_source(target, source, key, base_path))  # figures need it where the table is not
            frozen.append(source)
            continue
        data = campaign_source(target, source, key, store)
        if source.sha256 is not None and source.sha256 != data.sha256:
            raise ConfigurationError(
                f"{key}.sha256: the observations of {source.name!r} have SHA-256 {data.sha256}, expected {source.sha256}",
                hint="omit sha256 to use its current observations",
            )
        frozen.append(source if source.follow else source.model_copy(update={"sha256": keep(artifacts, data)}))
    return target.spec.model_copy(update={"transfer": transfer.model_copy(update={"sources": tuple(frozen)})})


def with_known_hashes(spec: CampaignSpec, known: CampaignSpec) -> CampaignSpec:
    """Returns a file's spec with the hashes of the stored campaign's frozen sources."""
    if spec.transfer is None or known.transfer is None:
        return spec
    frozen = {source.name: source.sha256 for source in known.transfer.sources if isinstance(source, CampaignSourceSpec)}
    sources = tuple(
        source.model_copy(update={"sha256": frozen.get(source.name)})
        if isinstance(source, CampaignSourceSpec) and source.sha256 is None and not source.follow
        else source
        for source in spec.transfer.sources
    )
    return spec.model_copy(update={"transfer": spec.transfer.model_copy(update={"sources": sources})})


def source_ids(store: CampaignStore, spec: CampaignSpec) -> dict[str, str]:
    """Ids of the stored campaigns that a new campaign learns from, by name."""
    sources = spec.transfer.sources if spec.transfer is not None else ()
    named = {source.name for source in sources if isinstance(source, CampaignSourceSpec)}
    stored = named & {*store.campaign_names()} if named else ()
    return {name: store.campaign_id(name) for name in sorted(stored)}


def followed(store: CampaignStore, record: CampaignRecord, source: str) -> CampaignRecord:
    """The source of a stored campaign, whatever it is called now. Raises NotFoundError.

    Args:
        record: The campaign that learns; an older version stored no ids, because they were names.
        source: Name of the source in its spec.
    """
    return store.campaign_of(record.source_ids.get(source, source))


def with_stored_names(spec: CampaignSpec, known: CampaignRecord, store: CampaignStore) -> CampaignSpec:
    """Returns a file's spec in which sources that the file calls by their present names have those of the stored spec."""
    stored = stored_spec(known).transfer
    if spec.transfer is None or stored is None:
        return spec
    before: dict[str, str] = {}
    for source in stored.sources:
        if isinstance(source, CampaignSourceSpec):
            with suppress(NotFoundError):
                before[followed(store, known, source.name).name] = source.name
    sources = tuple(
        source.model_copy(update={"name": before[source.name]})
        if isinstance(source, CampaignSourceSpec) and source.name in before and source.name not in before.values()
        else source
        for source in spec.transfer.sources
    )
    return spec.model_copy(update={"transfer": spec.transfer.model_copy(update={"sources": sources})})


def table_sources(target: Target, base_path: Path) -> FrozenSources:
    """Sources of a replay, which has no database.

    Raises:
        ConfigurationError: A source is a campaign, or a table does not fit.
    """
    data = []
    for i, source in enumerate(target.transfer.sources):
        key = f"transfer.sources[{i}]"
        if not isinstance(source, TableSourceSpec):
            raise ConfigurationError(
                f"{key}: a replay reads no database, so the campaign {source.name!r} cannot be its source",
                hint=f"write its results with `tansaku export {source.name} --table` and name the table",
            )
        data.append(table_source(target, source, key, base_path))
    return FrozenSources(data)


class CampaignSources:
    """Sources of a stored campaign: tables and frozen campaigns stay, followed ones are read at every refit.

    Args:
        target: The campaign that learns.
        base_path: Folder in which its relative paths start.
        store: Where the followed campaigns are.

    Raises:
        ConfigurationError: A table has changed or does not fit.
        NotFoundError: Frozen data are no longer stored.
    """

    def __init__(self, target: Target, base_path: Path, store: CampaignStore, artifacts: ArtifactStore) -> None:
        self._target, self._store, self._artifacts = target, store, artifacts
        self._known: dict[str, SourceData] = {}
        self._fixed: dict[int, SourceData] = {}
        for i, source in enumerate(target.transfer.sources):
            if isinstance(source, TableSourceSpec):
                self._fixed[i] = self._note(table_source(target, source, f"transfer.sources[{i}]", base_path))
            elif source.sha256 is not None:
                self._fixed[i] = self._read(source.sha256)

    def take(self) -> tuple[SourceData, ...]:
        """Present content of the sources; it is stored before this returns, so that :meth:`at` finds it."""
        taken = []
        for i, source in enumerate(self._target.transfer.sources):
            if i in self._fixed or isinstance(source, TableSourceSpec):
                taken.append(self._fixed[i])
                continue
            key = f"transfer.sources[{i}]"
            known = self._store.campaign(self._target.spec.name)
            try:
                record = followed(self._store, known, source.name)
                data = campaign_source(self._target, source, key, self._store, record)
            except NotFoundError as error:
                raise FitError(f"{key}.name: {source.name!r} was deleted") from error
            except ConfigurationError as error:
                raise FitError(error.message) from error
            if record.created_at > known.created_at:
                raise FitError(f"{key}.name: {source.name!r} was deleted; another campaign has its name now")
            if data.sha256 not in self._known:
                keep(self._artifacts, data)
            taken.append(self._note(data))
        return tuple(taken)

    def at(self, sha256: Sequence[str]) -> tuple[SourceData, ...]:
        """Content taken earlier, by its hash. Raises NotFoundError."""
        return tuple(self._known[item] if item in self._known else self._read(item) for item in sha256)

    def _note(self, data: SourceData) -> SourceData:
        return self._known.setdefault(data.sha256, data)

    def _read(self, sha256: str) -> SourceData:
        try:
            return self._note(kept(self._artifacts, sha256))
        except NotFoundError as error:
            raise NotFoundError(
                f"campaign {self._target.spec.name!r}: the source data {sha256} of its transfer are no longer stored"
            ) from error


def open_proposer(
    spec: CampaignSpec,
    pool: CandidatePool,
    base_path: Path,
    store: CampaignStore,
    artifacts: ArtifactStore,
    device: DeviceName = "numpy",
) -> Proposer:
    """Builds the proposer of a stored campaign.

    Args:
        spec: The campaign, its sources frozen.
        base_path: Folder in which its relative paths start.
        store: Where followed sources are.
        device: The site's.

    Raises:
        MissingComponentError: The device is not available.
        ConfigurationError: A source table has changed, or the proposer cannot learn.
        NotFoundError: Frozen source data are no longer stored.
    """
    # It imports SciPy, which a driver that only applies commands does without.
    from tansaku.models.engine.proposer_registry import build_proposer, build_transfer_proposer

    if spec.transfer is None:
        return build_proposer(spec.proposer, spec.objective, spec.constraints, device)
    sources = CampaignSources(Target(spec, pool), base_path, store, artifacts)
    return build_transfer_proposer(spec, spec.transfer.mode, sources, device)
