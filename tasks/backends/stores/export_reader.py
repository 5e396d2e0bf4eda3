"""Reads exported files, with limits on their size and checks of each part.

The campaign's record is rebuilt from a few fields. Lease, helper processes, epochs and counters in the
file are not even read.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from tansaku.models.domain.absurd_values import believable
from tansaku.models.domain.adoption import Kept
from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.identifiers import check_name, printable, shown
from tansaku.models.domain.measurements import LARGEST_ATTACHMENT, attachments_of
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import SCHEMA_VERSION, CampaignRecord, Command, Evaluation, JsonDict, Refit, StopDecision
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.engine.transfer.data import SourceData
from tansaku.tasks.backends.stores.archive_file import check_regular
from tansaku.tasks.backends.stores.documents import problems_of, sha256s_in
from tansaku.tasks.node.configuration.campaign_files import HASH_VERSION, spec_hash
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE

FORMAT = "tansaku-observations"
FORMAT_VERSION = 1
KEY = b"tansaku"
RECORD = "record"

_MOST_HEADER = 64 * 2**20
_MOST_RECORD = 16 * 2**20
_MOST_TEXT = 4 * 2**30
_MOST_ROWS = 2_000_000
_MOST_EXPANSION = 250
_SMALL = 64 * 2**20
_BATCH = 256


class _Taken(BaseModel):
    """The fields of a campaign's record that are imported; all other keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    schema_version: Literal[1] = 1
    id: str | None = None
    name: str
    former_names: tuple[str, ...] = ()
    source_ids: dict[str, str] = Field(default_factory=dict)
    spec: JsonDict
    spec_hash: str
    base_path: Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")]
    tansaku_version: Annotated[str, Field(max_length=100)]
    created_at: AwareDatetime
    commands: tuple[Command, ...] = ()
    stop: StopDecision | None = None


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    campaign: _Taken
    refits: tuple[Refit, ...]
    sources: tuple[JsonDict, ...] = ()
    known: str | None = None


@dataclass(frozen=True)
class Exported:
    """A file's content; each part is well-formed, but their consistency is not yet checked.

    Attributes:
        record: The campaign as it starts here: idle, without a driver, with all counters at 0.
        evaluations: In the file's order, as the file has them.
        structures: Their structures by evaluation, as far as the file has them.
        refits: By number.
        sources: Data of transfer sources.
        known: Frozen results that the campaign may adopt, as they were written; None without them.
        pending: Commands that no driver had applied; they are left out.
    """

    record: CampaignRecord
    spec: CampaignSpec
    evaluations: tuple[Evaluation, ...]
    structures: dict[str, str]
    refits: tuple[Refit, ...]
    sources: tuple[SourceData, ...] = field(default=(), repr=False)
    known: str | None = field(default=None, repr=False)
    pending: int = 0


def campaign_of(path: Path) -> str:
    """Name of the campaign that an exported file holds.

    Raises:
        NotFoundError: No such file.
        StoreError: The file is no export, damaged or of a newer schema.
    """
    with reading(path), _opened(path) as file:
        return _record(path, _header(path, file).campaign)[0].name


def read_export(path: Path) -> Exported:
    """Reads a whole file.

    Raises:
        NotFoundError: No such file.
        StoreError: The file is no export, damaged, too large or of a newer schema.
    """
    with reading(path), _opened(path) as file:
        header = _header(path, file)
        record, spec = _record(path, header.campaign)
        evaluations, structures = _rows(path, file)
        return Exported(
            record=record,
            spec=spec,
            evaluations=evaluations,
            structures=structures,
            refits=tuple(sorted(header.refits, key=lambda refit: refit.number)),
            sources=tuple(_source(path, position, data) for position, data in enumerate(header.sources)),
            known=_known(path, spec, header.known),
            pending=len(header.campaign.commands) - len(record.commands),
        )


def _opened(path: Path) -> pq.ParquetFile:
    """Opens a file; its texts stay dictionary-coded, so that a text that is repeated is in memory once."""
    schema = pq.read_schema(path)
    texts = [name for name in (RECORD, COLUMN) if schema.names.count(name) == 1 and _is_text(schema.field(name).type)]
    return pq.ParquetFile(path, read_dictionary=texts, page_checksum_verification=True)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises NotFoundError for a missing file and StoreError for any problem with its content."""
    try:
        check_regular(path)
        yield
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist") from None
    except ValidationError as error:
        raise _unreadable(path, problems_of(error)) from error
    # Only some of Arrow's errors are subclasses of Python's ValueError, KeyError and so on.
    except (pa.ArrowException, OSError, ValueError, KeyError, RecursionError, OverflowError, MemoryError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, reason: str) -> StoreError:
    return StoreError(f"{path} cannot be read as an export of tansaku: {printable(reason[:2000])}")


def _header(path: Path, file: pq.ParquetFile) -> _Header:
    metadata = file.metadata.metadata or {}
    if KEY not in metadata:
        raise StoreError(f"{path} is not an export of tansaku: its metadata has no key {KEY.decode()!r}")
    raw = metadata[KEY]
    if len(raw) > _MOST_HEADER:
        raise StoreError(f"{path}: its header has {len(raw)} bytes, expected at most {_MOST_HEADER}")
    head: Any = json.loads(raw)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        found = head.get("format") if isinstance(head, dict) else head
        raise StoreError(f"{path} is {shown(found)}, expected {FORMAT!r}")
    _check_version(path, "format version", head.get("format_version"), FORMAT_VERSION)
    _check_version(path, "schema version", head.get("schema_version"), SCHEMA_VERSION)
    # Strict, as JSON: a boolean or a text is no number.
    return _Header.model_validate_json(raw, strict=True)


def _check_version(path: Path, what: str, found: object, known: int) -> None:
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise StoreError(f"{path} has {what} {shown(found)}, expected a number from 1 to {known}")
    if found > known:
        raise StoreError(
            f"{path} has {what} {shown(found)}, this tansaku reads up to {known}", hint="use the newer tansaku that wrote it"
        )


def _record(path: Path, taken: _Taken) -> tuple[CampaignRecord, CampaignSpec]:
    name = check_name(taken.name, f"{path}: the campaign's name")
    try:
        spec = CampaignSpec.model_validate(taken.spec)
        record = _rebuilt(path, taken, spec)
        found = spec_hash(spec.model_copy(update={"name": record.hashed_name}))
    except ValidationError as error:
        raise StoreError(f"{path}: the campaign's spec is not valid in this version: {problems_of(error)}") from error
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise StoreError(f"{path}: the campaign's spec is not valid here: {printable(str(error)[:2000])}") from error
    if spec.name != name:
        raise StoreError(f"{path}: the campaign is called {name!r}, its spec says {spec.name!r}")
    if taken.spec_hash.startswith(HASH_VERSION) and found != taken.spec_hash:
        raise StoreError(f"{path} is damaged: its spec has the hash {found}, the file says {shown(taken.spec_hash)}")
    return record, spec


def _rebuilt(path: Path, taken: _Taken, spec: CampaignSpec) -> CampaignRecord:
    others = (taken.name if taken.id is None else taken.id, *taken.former_names, *taken.source_ids.values())
    identifier, *_ = [check_name(other, f"{path}: an id or a former name of the campaign") for other in others]
    return CampaignRecord(
        id=identifier,
        name=taken.name,
        former_names=taken.former_names,
        source_ids=taken.source_ids,
        spec=spec.model_dump(mode="json"),
        spec_hash=taken.spec_hash,
        base_path=taken.base_path,
        tansaku_version=taken.tansaku_version,
        created_at=taken.created_at,
        stop=taken.stop,
        # Applied commands are the history of the spec. A pending command was meant for the original driver.
        commands=tuple(command for command in taken.commands if command.applied_at_number is not None),
    )


def _rows(path: Path, file: pq.ParquetFile) -> tuple[tuple[Evaluation, ...], dict[str, str]]:
    wanted = _text_columns(path, file.schema_arrow)
    if file.metadata.num_rows > _MOST_ROWS:
        raise StoreError(f"{path} has {file.metadata.num_rows} rows, expected at most {_MOST_ROWS}")
    # A decompression bomb must not fill the memory: real exports expand ten to thirty times.
    most = min(_MOST_TEXT, _SMALL + _MOST_EXPANSION * check_regular(path))
    _check_text(path, _declared_size(file, wanted), most)
    evaluations: list[Evaluation] = []
    structures: dict[str, str] = {}
    size = 0
    for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
        size += sum(_text_size(batch.column(name)) for name in wanted)
        _check_text(path, size, most)
        for row in batch.to_pylist():
            evaluation = _evaluation(f"{path}, row {len(evaluations) + 1}", row[RECORD])
            evaluations.append(evaluation)
            if row.get(COLUMN) is not None:
                structures[evaluation.id] = row[COLUMN]
    return tuple(evaluations), structures


def _text_columns(path: Path, schema: pa.Schema) -> list[str]:
    wanted = [RECORD, COLUMN] if COLUMN in schema.names else [RECORD]
    for name in wanted:
        if schema.names.count(name) != 1:
            raise StoreError(f"{path} has {schema.names.count(name)} columns {name!r}, expected 1")
        kind = schema.field(name).type
        if not _is_text(kind.value_type if pa.types.is_dictionary(kind) else kind):
            raise StoreError(f"{path}: column {name!r} holds {shown(str(kind))}, expected text")
    return wanted


def _declared_size(file: pq.ParquetFile, wanted: list[str]) -> int:
    """Size of the columns' decompressed pages, as the file states it [bytes]; a repeated text may count once."""
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    return sum(column.total_uncompressed_size for column in columns if column.path_in_schema.partition(".")[0] in wanted)


def _text_size(column: pa.Array) -> int:
    """Size of the texts as they will be decoded, without decoding them [bytes]."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return int(pc.sum(lengths).as_py() or 0)


def _check_text(path: Path, size: int, most: int) -> None:
    if size > most:
        raise StoreError(f"{path} holds more than {most} bytes of text, which is too much for a file of its size")


def _evaluation(where: str, text: str | None) -> Evaluation:
    if text is None or len(text) > _MOST_RECORD:
        found = "nothing" if text is None else f"{len(text)} characters"
        raise StoreError(f"{where}: column {RECORD!r} holds {found}, expected an evaluation of up to {_MOST_RECORD}")
    try:
        return Evaluation.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise StoreError(f"{where} is not an evaluation: {problems_of(error)}") from error


def _known(path: Path, spec: CampaignSpec, text: str | None) -> str | None:
    if text is None:
        return None
    found = hashlib.sha256(text.encode("utf-8")).hexdigest()
    if found != spec.reuse_sha256:
        raise StoreError(f"{path} is damaged: its known results have the hash {found}, its spec says {spec.reuse_sha256}")
    for key, known in Kept.validate_json(text).items():
        outcome = known.outcome
        named = [*sha256s_in(outcome.artifacts)] == [*outcome.artifacts.values()]
        whole = (outcome.value is None) != (outcome.failure is None)
        if not (named and whole and text.isascii() and believable(outcome, spec.objective, spec.space) is outcome):
            raise StoreError(f"{path} is damaged: its known result {shown(key)} is none that a calculation can have")
    return text


def _source(path: Path, position: int, data: JsonDict) -> SourceData:
    where = f"{path}: sources[{position}]"
    try:
        found = SourceData.from_json(data)
        whole = found.to_json()["schema_version"] == data["schema_version"] and bool(found.sha256)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        raise StoreError(f"{where} is damaged: {shown(str(error), 200)}") from error
    pool = found.pool
    inside = all(
        bool(((codes >= 0) & (codes < len(names))).all())
        for codes, names in ((pool.system_codes, pool.systems), (pool.surface_codes, pool.surfaces))
    )
    named = isinstance(found.name, str) and all(isinstance(item, str) for item in (*pool.systems, *pool.surfaces))
    if not (whole and inside and named and found.values.shape == pool.ids.shape):
        raise StoreError(f"{where} is damaged: its values, systems or surfaces do not match its candidates")
    return found


COLUMN = "structure"
"""Column of the file with the structures as extended XYZ."""


def structure_texts(evaluations: Sequence[Evaluation], artifacts: ArtifactStore) -> list[str | None]:
    """Returns the stored structure of each evaluation, None without one."""
    found: list[str | None] = []
    for evaluation in evaluations:
        sha256 = _structure_of(evaluation)
        if sha256 is None or not artifacts.exists(sha256):
            found.append(None)
            continue
        with artifacts.open(sha256) as stream:
            found.append(stream.read().decode("utf-8"))
    return found


def check_structures(evaluations: Sequence[Evaluation], texts: Mapping[str, str]) -> None:
    """Raises StoreError if a structure of a file is not that of its evaluation."""
    for evaluation in evaluations:
        sha256 = _structure_of(evaluation)
        if sha256 is None or evaluation.id not in texts:
            continue
        if hashlib.sha256(texts[evaluation.id].encode("utf-8")).hexdigest() != sha256:
            raise StoreError(
                f"the structure of evaluation {evaluation.id} (candidate {shown(evaluation.proposal.candidate)}) is damaged"
            )


def keep_structures(evaluations: Sequence[Evaluation], texts: Mapping[str, str], artifacts: ArtifactStore) -> None:
    """Stores the structures of a file that are not yet stored.

    Args:
        texts: Structure by evaluation; :func:`check_structures` has seen them.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, STRUCTURE_FILE)
        for evaluation in evaluations:
            sha256 = _structure_of(evaluation)
            if sha256 is None or evaluation.id not in texts or artifacts.exists(sha256):
                continue
            file.write_bytes(texts[evaluation.id].encode("utf-8"))
            artifacts.put(file)


def _structure_of(evaluation: Evaluation) -> str | None:
    return evaluation.outcome.artifacts.get(STRUCTURE_FILE) if evaluation.outcome is not None else None


ATTACHED = "attached"
"""Column of the file with the photos and files of reported values."""


def attached_contents(
    evaluations: Sequence[Evaluation], left: dict[str, set[str]], artifacts: ArtifactStore
) -> list[list[bytes]]:
    """Returns the stored photos and files of each evaluation's candidate.

    Args:
        left: Their SHA-256 by candidate; those that are returned are taken out.
    """
    found: list[list[bytes]] = []
    for evaluation in evaluations:
        found.append([])
        for sha256 in sorted(left.pop(evaluation.proposal.candidate, ())):
            if artifacts.exists(sha256):
                with artifacts.open(sha256) as stream:
                    found[-1].append(stream.read())
    return found


def keep_attached(path: Path, commands: Sequence[Command], artifacts: ArtifactStore) -> None:
    """Stores the photos and files of a file that belong to its reports; all else in their column is ignored.

    Raises:
        StoreError: They are damaged, or larger than they can be.
    """
    wanted = {item.sha256 for item in attachments_of(commands)}
    with reading(path), pq.ParquetFile(path, page_checksum_verification=True) as file, tempfile.TemporaryDirectory() as folder:
        names = file.schema_arrow.names
        if not wanted or names.count(ATTACHED) != 1 or file.schema_arrow.field(ATTACHED).type != pa.list_(pa.binary()):
            return
        _check_text(path, _declared_size(file, [ATTACHED]), _SMALL + len(wanted) * LARGEST_ATTACHMENT)
        part = Path(folder, "content")
        for batch in file.iter_batches(batch_size=1, columns=[ATTACHED]):
            for content in batch.column(0).to_pylist()[0] or ():
                if content is not None and hashlib.sha256(content).hexdigest() in wanted:
                    part.write_bytes(content)
                    artifacts.put(part)
