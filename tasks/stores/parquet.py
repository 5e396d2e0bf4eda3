"""A campaign's results as one Parquet file, and a campaign from such a file.

One row per evaluation. The plain columns are for reading (pandas, DuckDB …); ``record`` holds the whole evaluation as JSON and
is what an import reads. The file's metadata carries the campaign with its spec and the refits, under the key ``tansaku``. A
file with structures has one more column, their text.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

import tansaku
from tansaku.models.domain.errors import NotFoundError, SpecChangedError, StoreError
from tansaku.models.domain.levels import check_level
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import SCHEMA_VERSION, CampaignRecord, Evaluation, JsonDict, LeaseOwner, Refit
from tansaku.models.domain.states import EvaluationState
from tansaku.models.engine.transfer.data import SourceData
from tansaku.tasks.stores.campaigns import objective_unit
from tansaku.tasks.stores.carried import COLUMN, keep_structures, structure_texts
from tansaku.tasks.transfer.report import source_artifacts
from tansaku.tasks.transfer.sources import keep, kept

FORMAT = "tansaku-observations"
FORMAT_VERSION = 1
_KEY = b"tansaku"
_LEASE_SECONDS = 60.0

_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("evaluation", pa.string()),
    ("number", pa.int64()),
    ("candidate", pa.string()),
    ("system", pa.string()),
    ("surface", pa.string()),
    ("source", pa.string()),
    ("replicate", pa.int64()),
    ("purpose", pa.string()),
    ("initial", pa.bool_()),
    ("state", pa.string()),
    ("value", pa.float64()),
    ("unit", pa.string()),
    ("cost", pa.float64()),
    ("reason", pa.string()),
    ("message", pa.string()),
    ("attempts", pa.int64()),
    ("wall_time", pa.float64()),
    ("predicted_by", pa.string()),
    ("deviation", pa.float64()),
    ("predicted_mean", pa.float64()),
    ("predicted_deviation", pa.float64()),
    ("model", pa.string()),
    ("proposed_at", pa.timestamp("ms", tz="UTC")),
    ("finished_at", pa.timestamp("ms", tz="UTC")),
    ("record", pa.string()),
)


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        campaign: Its name.
        new: Evaluations that were not stored before.
        total: Evaluations in the file.
    """

    campaign: str
    new: int
    total: int


def export_observations(
    store: CampaignStore, campaign: str, path: Path, artifacts: ArtifactStore | None = None, *, structures: bool = False
) -> int:
    """Writes a campaign's evaluations, spec and refits to a Parquet file, and what it knows of other searches.

    An evaluation that is under way is written as PROPOSED: whoever imports the file computes it.

    Args:
        store: Where the campaign is.
        campaign: Its name.
        path: The file.
        artifacts: Where structures and the data of transfer sources are; None: the file is without them.
        structures: Whether the structures that evaluations left go into the file.

    Returns:
        Number of evaluations written.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: The file cannot be written.
    """
    record = store.campaign(campaign)
    evaluations = [_portable(evaluation) for evaluation in store.evaluations(campaign)]
    unit = objective_unit(record.spec)
    # Trained models stay where they are: a campaign that goes on elsewhere trains anew.
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
        "sources": [] if artifacts is None else [kept(artifacts, one).to_json() for one in source_artifacts(store, record)],
    }
    schema = pa.schema(_COLUMNS, metadata={_KEY: json.dumps(header).encode()})
    table = pa.Table.from_pylist([_row(evaluation, unit) for evaluation in evaluations], schema=schema)
    if structures and artifacts is not None:
        texts = structure_texts(evaluations, artifacts)
        table = table.append_column(COLUMN, pa.array(texts, pa.string()))
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        pq.write_table(table, draft, compression="zstd")
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return len(evaluations)


def campaign_of(path: Path) -> str:
    """Name of the campaign that an exported file holds.

    Raises:
        NotFoundError: No such file.
        StoreError: The file is no export, damaged or of a newer schema.
    """
    header, _, _ = _read(path)
    with _reading(path):
        return str(header["campaign"]["name"])


def import_observations(
    store: CampaignStore,
    path: Path,
    owner: LeaseOwner,
    *,
    base_path: Path | None = None,
    artifacts: ArtifactStore | None = None,
) -> Imported:
    """Brings a file's evaluations and refits into a store; a second time it changes nothing.

    The campaign is created from the file unless it is known. It is leased meanwhile, so no driver is at work on it.

    Args:
        owner: This process.
        base_path: Folder that relative paths in the spec start from here; None: the one in the file.
        artifacts: Where the file's structures and data of transfer sources go; None: they are left out.

    Raises:
        NotFoundError: No such file.
        StoreError: The file is no export, damaged or of a newer schema, contradicts what is stored, or holds results of another
            level of theory than the campaign's.
        SpecChangedError: The campaign is known with another spec.
        LeaseHeldError: A driver is at work on the campaign.
    """
    header, evaluations, structures = _read(path)
    with _reading(path):
        record = CampaignRecord.model_validate_json(json.dumps(header["campaign"]))
        refits = [Refit.model_validate_json(json.dumps(refit)) for refit in header["refits"]]
        sources = [SourceData.from_json(one) for one in header.get("sources", [])]
    if base_path is not None:
        record = record.model_copy(update={"base_path": str(base_path)})
    calculator = record.spec.get("calculator")
    for one in evaluations:
        if calculator and one.outcome is not None and one.outcome.provenance is not None:
            where = f"{path}: evaluation {one.id} (candidate {one.proposal.candidate!r})"
            check_level(calculator, one.outcome.provenance, where)
    if artifacts is not None:
        for source in sources:
            keep(artifacts, source)
        keep_structures(evaluations, structures, artifacts)
    stored = store.create_campaign(record)
    if stored.spec_hash != record.spec_hash:
        raise SpecChangedError(
            f"campaign {record.name!r} is known with another spec (hash {stored.spec_hash}, {path} has {record.spec_hash})",
            hint="import into another database, or delete the campaign first",
        )
    lease = store.acquire_lease(record.name, owner, _LEASE_SECONDS)
    try:
        new = store.import_observations(record.name, evaluations)
        for refit in refits:
            store.insert_refit(lease, refit)
    finally:
        store.release_lease(lease)
    return Imported(campaign=record.name, new=new, total=len(evaluations))


def _portable(evaluation: Evaluation) -> Evaluation:
    attempts = tuple(attempt.model_copy(update={"handle": None}) for attempt in evaluation.attempts)
    if evaluation.state.terminal:
        return evaluation.model_copy(update={"epoch": 0, "attempts": attempts})
    fresh = {"epoch": 0, "attempts": (), "state": EvaluationState.PROPOSED, "not_before": None}
    return evaluation.model_copy(update=fresh)


def _row(evaluation: Evaluation, unit: str) -> JsonDict:
    proposal, outcome = evaluation.proposal, evaluation.outcome
    failure = None if outcome is None else outcome.failure
    return {
        "evaluation": evaluation.id,
        **proposal.model_dump(include={name for name, _ in _COLUMNS}),
        "state": evaluation.state.value,
        "value": None if outcome is None else outcome.value,
        "unit": unit,
        "cost": proposal.predicted_cost,
        "reason": None if failure is None else failure.reason,
        "message": None if failure is None else failure.message,
        "attempts": len(evaluation.attempts),
        "wall_time": None if outcome is None else outcome.wall_time,
        "predicted_by": None if outcome is None else outcome.predicted_by,
        "deviation": None if outcome is None else outcome.deviation,
        "proposed_at": evaluation.proposed_at,
        "finished_at": evaluation.finished_at,
        "record": evaluation.model_dump_json(),
    }


def _read(path: Path) -> tuple[dict[str, Any], list[Evaluation], dict[str, str]]:
    """What stands in the file's metadata, its evaluations, and their structures as far as it has them."""
    with _reading(path):
        metadata = pq.read_metadata(path).metadata or {}
        if _KEY not in metadata:
            raise StoreError(f"{path} is no export of tansaku: its metadata has no key {_KEY.decode()!r}")
        header = json.loads(metadata[_KEY])
        if header["format"] != FORMAT or header["format_version"] > FORMAT_VERSION:
            raise StoreError(f"{path} is {header['format']} version {header['format_version']}, expected {FORMAT} 1")
        if header["schema_version"] > SCHEMA_VERSION:
            raise StoreError(
                f"{path} has schema version {header['schema_version']}, this tansaku reads up to {SCHEMA_VERSION}",
                hint="use the newer tansaku that wrote it",
            )
        wanted = ["record", COLUMN] if COLUMN in pq.read_schema(path).names else ["record"]
        rows = pq.read_table(path, columns=wanted).to_pylist()
        evaluations = [Evaluation.model_validate_json(row["record"]) for row in rows]
        texts = [row.get(COLUMN) for row in rows]
        return header, evaluations, {one.id: text for one, text in zip(evaluations, texts, strict=True) if text is not None}


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist") from None
    except (pa.ArrowException, OSError, ValidationError, json.JSONDecodeError, KeyError) as error:
        raise StoreError(f"{path} cannot be read as an export of tansaku: {error}") from error
