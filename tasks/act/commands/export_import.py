"""Export of a campaign to one Parquet file, and import from such a file.

One row per evaluation. The plain columns are for reading (pandas, DuckDB …); ``record`` holds the whole evaluation as JSON and
is what an import reads. The file's metadata carries the campaign with its spec and the refits, under the key ``tansaku``. A
file with structures has one more column, their text.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import tansaku
from tansaku.models.domain.errors import NotFoundError, SpecChangedError, StoreError
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import SCHEMA_VERSION, CampaignRecord, Evaluation, JsonDict, LeaseOwner
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.act.commands.import_checks import (
    belonging_to,
    check_candidates,
    check_gapless,
    check_history,
    checked_evaluations,
)
from tansaku.tasks.backends.stores.campaigns import objective_unit, refuse_reserved, stored_spec
from tansaku.tasks.backends.stores.carried import COLUMN, check_structures, keep_structures, structure_texts
from tansaku.tasks.backends.stores.described import new_reports
from tansaku.tasks.backends.stores.export_reader import FORMAT, FORMAT_VERSION, KEY, RECORD, Exported, read_export
from tansaku.tasks.backends.stores.export_rows import FIELDS, exported_row
from tansaku.tasks.backends.stores.import_filter import importable
from tansaku.tasks.loop.transfer.report import named_sources, source_artifacts
from tansaku.tasks.loop.transfer.sources import keep, kept
from tansaku.tasks.node.configuration.campaign_files import spec_hash

_LEASE_SECONDS = 60.0
_PART = 500  # evaluations that are in memory at once


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    Attributes:
        campaign: Its name.
        new: Evaluations that were not stored before.
        total: Evaluations in the file.
        unchecked: Why the space cannot be opened here, so that candidates were not checked; None if they were checked.
        pending: Number of commands in the file that no driver had applied; they are not imported.
    """

    campaign: str
    new: int
    total: int
    unchecked: str | None = None
    pending: int = 0


def export_observations(
    store: CampaignStore, campaign: str, path: Path, artifacts: ArtifactStore | None = None, *, structures: bool = False
) -> int:
    """Writes a campaign's evaluations, spec, refits and transfer data to a Parquet file.

    An evaluation in progress is written as PROPOSED and is computed after the import.

    Args:
        store: Where the campaign is.
        campaign: Its name.
        path: The file.
        artifacts: Store of structures, known results and transfer data; None: they are left out.
        structures: Whether to include the structures of evaluations.

    Returns:
        Number of evaluations written.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: The file cannot be written.
    """
    record = store.campaign(campaign)
    # Trained models are not exported: a campaign that continues elsewhere trains again.
    begun_anew = dict.fromkeys(("epoch", "last_number", "last_refit", "last_retrain", "last_retrain_end"), 0)
    resting = record.model_copy(update={"lease": None, "runtime": {}, **begun_anew})
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "schema_version": SCHEMA_VERSION,
        "tansaku_version": tansaku.__version__,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "campaign": resting.model_dump(mode="json"),
        "refits": [refit.model_dump(mode="json") for refit in store.refits(campaign)],
        "sources": []
        if artifacts is None
        else [kept(artifacts, artifact).to_json() for artifact in source_artifacts(store, record)],
        "known": None if artifacts is None else _known_results(record, artifacts),
    }
    kept_with = artifacts if structures else None
    columns = (*FIELDS, (COLUMN, pa.string())) if kept_with is not None else FIELDS
    schema = pa.schema(columns, metadata={KEY: json.dumps(header).encode()})
    draft, count = path.with_name(f".{path.name}.{secrets.token_hex(8)}"), 0
    try:
        with pq.ParquetWriter(draft, schema, compression="zstd", write_page_checksum=True) as writer:
            for rows in _parts(store, record, kept_with):
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                count += len(rows)
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return count


def _known_results(record: CampaignRecord, artifacts: ArtifactStore) -> str | None:
    """Frozen results that the campaign may adopt, as they were written; None where it has none, or they are not stored."""
    frozen = record.spec.get("reuse_sha256")
    if frozen is None or not artifacts.exists(frozen):
        return None
    with artifacts.open(frozen) as stream:
        return stream.read().decode("ascii")


def _parts(store: CampaignStore, record: CampaignRecord, artifacts: ArtifactStore | None) -> Iterator[list[JsonDict]]:
    """Rows of a campaign's file, a part of them at a time: a large campaign does not fit into memory.

    Args:
        store: Where the campaign is.
        record: The campaign.
        artifacts: Store of structures; None: they are left out.
    """
    found, unit = store.each_evaluation(record.name), objective_unit(record.spec)
    while evaluations := [_portable(evaluation) for evaluation in islice(found, _PART)]:
        rows = [exported_row(evaluation, unit) | {RECORD: evaluation.model_dump_json()} for evaluation in evaluations]
        texts = [] if artifacts is None else structure_texts(evaluations, artifacts)
        yield [row | {COLUMN: text} for row, text in zip(rows, texts, strict=True)] if texts else rows


def import_observations(
    store: CampaignStore,
    path: Path,
    owner: LeaseOwner,
    *,
    base_path: Path | None = None,
    artifacts: ArtifactStore | None = None,
) -> Imported:
    """Imports a file's evaluations and refits into a store, with reported descriptors; importing it again changes nothing.

    The campaign is created from the file unless it is stored. It is leased meanwhile, so no driver can run.

    Everything is read and checked before anything is written, and the campaign's record is rebuilt: the file defines neither
    its driver, nor its processes, nor its counters. A rejected file changes nothing; repeated, an interrupted import ends.

    Args:
        owner: This process.
        base_path: Folder that relative paths in the spec start from here; None: the one in the file.
        artifacts: Store for the file's structures, known results and transfer data; None: they are left out.

    Raises:
        NotFoundError: No such file.
        StoreError: The file is no export, damaged or of a newer schema, contradicts itself or what is stored, names candidates
            that its space does not have, or holds results of another level of theory than the campaign's.
        SpecChangedError: The campaign is stored with a different spec.
        LeaseHeldError: A driver is running the campaign.
    """
    export = read_export(path)
    record = export.record if base_path is None else export.record.model_copy(update={"base_path": str(base_path)})
    known = _known(store, record, path)
    evaluations = checked_evaluations(export, path)
    if known is not None and known.id != record.id:
        export = belonging_to(replace(export, evaluations=tuple(evaluations)), known.id)
        evaluations = list(export.evaluations)
    name = record.name if known is None else known.name
    stored = store.evaluations(name)
    numbers = {evaluation.id: evaluation.proposal.number for evaluation in stored}
    _check_fit(path, export, evaluations, record if known is None else known, numbers)
    start = record.base_path if known is None or base_path is not None else known.base_path
    reports, spec = new_reports(record, export.spec, known, path)
    unchecked = check_candidates(spec, start, evaluations, path)
    # A stored campaign is leased before the first write, so that a campaign with a running driver is not changed.
    lease = None if known is None else store.acquire_lease(name, owner, _LEASE_SECONDS)
    try:
        if artifacts is not None:
            _keep_artifacts(export, evaluations, artifacts)
        if lease is None:
            store.create_campaign(record)
            lease = store.acquire_lease(name, owner, _LEASE_SECONDS)
        for command in reports:
            store.add_command(name, command)
        new = store.import_observations(name, evaluations)
        for refit in export.refits:
            store.insert_refit(lease, refit)
    finally:
        if lease is not None:
            store.release_lease(lease)
    return Imported(name, new, len(evaluations), unchecked, export.pending if known is None else 0)


def _check_fit(
    path: Path, export: Exported, evaluations: Sequence[Evaluation], record: CampaignRecord, numbers: Mapping[str, int]
) -> None:
    """Raises StoreError if a file's evaluations and events contradict themselves or the stored evaluations, given by number."""
    try:
        importable(record, evaluations, numbers)
        check_structures(evaluations, export.structures)
    except StoreError as error:
        raise StoreError(f"{path}: {error.message}", hint=error.hint) from error
    last = check_gapless([*numbers.values(), *(evaluation.proposal.number for evaluation in evaluations)], path)
    check_history(export, last, path)


def _known(store: CampaignStore, record: CampaignRecord, path: Path) -> CampaignRecord | None:
    """Returns the stored campaign of this id, else of this name, None without one; raises if it cannot be imported into it."""
    try:
        stored = store.campaign_of(record.id)
    except NotFoundError:
        if record.name not in store.campaign_names():
            return None
        stored = store.campaign(record.name)
    refuse_reserved(stored)
    # Both may have been stored with a hash by another rule.
    known, found = (_hash_today(campaign) for campaign in (stored, record))
    if known != found:
        raise SpecChangedError(
            f"campaign {record.name!r} has a different spec stored (hash {known}; {path}: {found})",
            hint="import into another database, or delete the campaign first",
        )
    return stored


def _hash_today(record: CampaignRecord) -> str:
    return spec_hash(stored_spec(record).model_copy(update={"name": record.hashed_name}))


def _keep_artifacts(export: Exported, evaluations: Sequence[Evaluation], artifacts: ArtifactStore) -> None:
    """Stores the file's structures, and the known results and transfer data that its campaign refers to."""
    if export.known is not None:
        keep(artifacts, export.known)
    wanted = set(named_sources(export.record, export.refits))
    for source in export.sources:
        if source.sha256 in wanted:
            keep(artifacts, source)
    keep_structures(evaluations, export.structures, artifacts)


def _portable(evaluation: Evaluation) -> Evaluation:
    attempts = tuple(attempt.model_copy(update={"handle": None}) for attempt in evaluation.attempts)
    if evaluation.state.terminal:
        return evaluation.model_copy(update={"epoch": 0, "attempts": attempts})
    fresh = {"epoch": 0, "attempts": (), "state": EvaluationState.PROPOSED, "not_before": None}
    return evaluation.model_copy(update=fresh)
