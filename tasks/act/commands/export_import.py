"""Export of a campaign to one Parquet file, and import from such a file.

One row per evaluation. The plain columns are for reading (pandas, DuckDB …); ``record`` holds the whole evaluation as JSON and
is what an import reads. The file's metadata carries the campaign with its spec and the refits, under the key ``tansaku``. A
file with structures has one more column, their text.
"""

from __future__ import annotations

import json
import math
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import tansaku
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError, NotFoundError, SpecChangedError, StoreError
from tansaku.models.domain.identifiers import evaluation_id, job_name, printable, safe_file_name, shown
from tansaku.models.domain.level_of_theory import check_level
from tansaku.models.domain.measurements import attachments_of
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import (
    SCHEMA_VERSION,
    CampaignFile,
    CampaignRecord,
    Command,
    Evaluation,
    JsonDict,
    LeaseOwner,
    Outcome,
    Refit,
)
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.energy_space import ENERGY_PER_ATOM
from tansaku.models.domain.states import EvaluationState, StopReason
from tansaku.models.domain.units import recorded_in
from tansaku.models.engine.cost import CostModel
from tansaku.models.engine.transfer.data import KEY as TRANSFER
from tansaku.spaces.space_registry import open_space, pool_with
from tansaku.tasks.backends.stores.campaigns import new_reports, objective_unit, refuse_reserved, stored_spec
from tansaku.tasks.backends.stores.documents import check_storable
from tansaku.tasks.backends.stores.export_reader import (
    ATTACHED,
    COLUMN,
    FORMAT,
    FORMAT_VERSION,
    KEY,
    RECORD,
    Exported,
    attached_contents,
    check_structures,
    keep_attached,
    keep_structures,
    read_export,
    structure_texts,
)
from tansaku.tasks.backends.stores.export_rows import FIELDS, exported_row
from tansaku.tasks.backends.stores.import_filter import importable
from tansaku.tasks.loop.transfer.report import decision, named_sources, source_artifacts, transfer_event
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
        artifacts: Store of structures, known results and transfer data; None: they are left out.
        structures: Whether to include the structures of evaluations, and the photos and files of reported values.

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
    columns = FIELDS if kept_with is None else (*FIELDS, (COLUMN, pa.string()))
    if kept_with is not None and attachments_of(record.commands):
        columns = (*columns, (ATTACHED, pa.list_(pa.binary())))
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
        artifacts: Store of structures, photos and files; None: they are left out.
    """
    found, unit = store.each_evaluation(record.name), objective_unit(record.spec)
    left: dict[str, set[str]] = defaultdict(set)
    for item in attachments_of(record.commands):
        left[item.candidate].add(item.sha256)
    part = _PART if artifacts is None or not left else 1  # photos are large
    while evaluations := [_portable(evaluation) for evaluation in islice(found, part)]:
        rows = [exported_row(evaluation, unit) | {RECORD: evaluation.model_dump_json()} for evaluation in evaluations]
        if artifacts is not None:
            texts, contents = structure_texts(evaluations, artifacts), attached_contents(evaluations, left, artifacts)
            further = zip(rows, texts, contents, strict=True)
            rows = [row | {COLUMN: text, ATTACHED: attached} for row, text, attached in further]
        yield rows


def import_observations(
    store: CampaignStore,
    path: Path,
    owner: LeaseOwner,
    *,
    base_path: Path | None = None,
    artifacts: ArtifactStore | None = None,
    files: Sequence[CampaignFile] = (),
) -> Imported:
    """Imports a file's evaluations and refits into a store, with reported descriptors; importing it again changes nothing.

    The campaign is created from the file unless it is stored. It is leased meanwhile, so no driver can run.

    Everything is read and checked before anything is written, and the campaign's record is rebuilt: the file defines neither
    its driver, nor its processes, nor its counters. A rejected file changes nothing; repeated, an interrupted import ends.

    Args:
        base_path: Folder that relative paths in the spec start from here; None: the one in the file.
        artifacts: Store for the file's structures, photos, files, known results and transfer data; None: they are left out.
        files: Stored files that the spec may name, which lie below ``base_path``; others are ignored.

    Raises:
        NotFoundError: No such file.
        StoreError: The file is no export, damaged or of a newer schema, contradicts itself or what is stored, names candidates
            that its space does not have, or holds results of another level of theory than the campaign's.
        SpecChangedError: The campaign is stored with a different spec.
        LeaseHeldError: A driver is running the campaign.
    """
    export = read_export(path)
    record = _record_here(export.record, base_path, files)
    known = _known(store, record, path)
    evaluations = _checked_evaluations(export, path)
    if known is not None and known.id != record.id:
        export = _belonging_to(replace(export, evaluations=tuple(evaluations)), known.id)
        evaluations = list(export.evaluations)
    name = record.name if known is None else known.name
    stored = store.evaluations(name)
    numbers = {evaluation.id: evaluation.proposal.number for evaluation in stored}
    _check_fit(path, export, evaluations, record if known is None else known, numbers)
    start = record.base_path if known is None or base_path is not None else known.base_path
    reports, spec = new_reports(record, export.spec, known, path)
    unchecked = _check_candidates(spec, start, evaluations, path)
    # A stored campaign is leased before the first write, so that a campaign with a running driver is not changed.
    lease = None if known is None else store.acquire_lease(name, owner, _LEASE_SECONDS)
    try:
        if artifacts is not None:
            _keep_artifacts(export, evaluations, artifacts)
            keep_attached(path, export.record.commands, artifacts)
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


def _record_here(record: CampaignRecord, base_path: Path | None, files: Sequence[CampaignFile]) -> CampaignRecord:
    """The record with those of the files here that its spec may name."""
    named = json.dumps(record.spec)
    here: JsonDict = {"files": tuple(file for file in files if file.path in named)}
    return record.model_copy(update=here if base_path is None else here | {"base_path": str(base_path)})


def _check_fit(
    path: Path, export: Exported, evaluations: Sequence[Evaluation], record: CampaignRecord, numbers: Mapping[str, int]
) -> None:
    """Raises StoreError if a file's evaluations and events contradict themselves or the stored evaluations, given by number."""
    try:
        importable(record, evaluations, numbers)
        check_structures(evaluations, export.structures)
    except StoreError as error:
        raise StoreError(f"{path}: {error.message}", hint=error.hint) from error
    last = _check_gapless([*numbers.values(), *(evaluation.proposal.number for evaluation in evaluations)], path)
    _check_history(export, last, path)


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


_LONGEST = 1000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SAME_VALUE = 1e-9  # relative difference of one number in two units
_LATEST_CORRECTION = 2  # numbers after the last proposal: the next one may have a refit without the correction already
_FINISHED = (EvaluationState.DONE, EvaluationState.FAILED)


def _checked_evaluations(export: Exported, path: Path) -> list[Evaluation]:
    """Returns the evaluations of a file in storable form: of this campaign, complete, and without launcher handles."""
    calculator = export.record.spec.get("calculator")
    numbers = {evaluation.proposal.number for evaluation in export.evaluations}
    found = []
    for position, evaluation in enumerate(export.evaluations, start=1):
        where = f"{path}, row {position}: evaluation {shown(evaluation.id)} (candidate {shown(evaluation.proposal.candidate)})"
        _check_key(evaluation, export.record.id, where)
        _check_state(evaluation, where)
        if evaluation.done_as is not None and evaluation.done_as not in numbers - {evaluation.proposal.number}:
            raise StoreError(f"{where} was done as number {evaluation.done_as}, which the file does not have")
        _check_numbers(evaluation, len(export.refits), where)
        for outcome in _outcomes(evaluation):
            _check_outcome(outcome, where)
        if evaluation.outcome is not None:
            _check_value(evaluation.outcome, export.spec, where)
            if calculator and evaluation.outcome.provenance is not None:
                try:
                    check_level(calculator, evaluation.outcome.provenance, where)
                except StoreError as error:  # it quotes the file
                    raise StoreError(printable(error.message), hint=error.hint) from error
        rebuilt = _rebuilt(evaluation)
        check_storable(rebuilt, where)
        found.append(rebuilt)
    return found


def _belonging_to(export: Exported, campaign: str) -> Exported:
    """Returns a file's content as that of another campaign of the same spec, which was created apart from the file's."""
    ids = {
        item.id: evaluation_id(campaign, item.proposal.candidate, item.proposal.source, item.proposal.replicate)
        for item in export.evaluations
    }
    moved = (item.model_copy(update={"id": ids[item.id], "campaign": campaign}) for item in export.evaluations)
    return replace(
        export,
        record=export.record.model_copy(update={"id": campaign}),
        evaluations=tuple(_rebuilt(item) for item in moved),
        structures={ids[item]: text for item, text in export.structures.items() if item in ids},
        refits=tuple(refit.model_copy(update={"campaign": campaign}) for refit in export.refits),
    )


def _check_history(export: Exported, last_number: int, path: Path) -> None:
    """Checks refits, commands and the record of a file."""
    check_storable(export.record, f"{path}: the campaign")
    _check_stop(export, path)
    for position, refit in enumerate(export.refits, start=1):
        where = f"{path}: refit {refit.number}"
        if refit.campaign != export.record.id:
            raise StoreError(f"{where} belongs to campaign {shown(refit.campaign)}, not to {export.record.id!r}")
        if refit.number != position:
            raise StoreError(f"{where} found where refit {position} is expected; refits are numbered from 1 without gaps")
        if refit.at_proposal > last_number + 1 or refit.horizon > last_number:
            raise StoreError(
                f"{where} is of proposal {refit.at_proposal} and horizon {refit.horizon}; the last proposal is {last_number}"
            )
        _check_refit(refit, where)
        check_storable(refit, where)
    for evaluation in export.evaluations:
        if evaluation.known_from > last_number + _LATEST_CORRECTION:
            raise StoreError(
                f"{path}: a correction is known from proposal {evaluation.known_from}; the last one is {last_number}"
            )
    _check_commands(export.record.commands, last_number, path)


def _check_stop(export: Exported, path: Path) -> None:
    """Refuses a reason why the search ended that the file's evaluations cannot have given.

    More may have ended since, and failures may have been retried, so that numbers are bounds.
    """
    stop = export.record.stop
    if stop is None:
        return
    said = f"{path}: it says that the search ended because {stop.reason.words}"
    if not stop.failed <= stop.finished <= stop.proposed <= len(export.evaluations):
        raise StoreError(
            f"{said}, with {stop.failed} failed of {stop.finished} ended of {stop.proposed} proposals; "
            f"it has {len(export.evaluations)} evaluations"
        )
    if stop.reason is StopReason.FAILURES and not stop.failed:
        raise StoreError(f"{said}, but none had failed")


def _check_gapless(numbers: Iterable[int], path: Path) -> int:
    """The largest of the proposal numbers, 0 of none. Raises StoreError when one is missing."""
    known = set(numbers)
    missing = next((number for number in range(1, len(known) + 1) if number not in known), None)
    if missing is not None:
        raise StoreError(f"{path}: proposal {missing} of {max(known)} is missing; proposals are numbered from 1 without gaps")
    return len(known)


def _check_candidates(spec: CampaignSpec, base_path: str, evaluations: Sequence[Evaluation], path: Path) -> str | None:
    """Checks that the space has each candidate, in the system and surface that its evaluation says."""
    evaluations = [evaluation for evaluation in evaluations if evaluation.proposal.purpose != "reference"]
    _check_levels(spec, evaluations, path)
    try:
        proposed = [evaluation.proposal.candidate for evaluation in evaluations]
        pool = pool_with(open_space(spec.space, Path(base_path)), proposed)
    except (ConfigurationError, MissingComponentError, NotFoundError) as error:
        return error.message
    except OSError as error:
        return str(error)
    if evaluations:
        _check_pool(pool, evaluations, path)
    return None


def _check_levels(spec: CampaignSpec, evaluations: Sequence[Evaluation], path: Path) -> None:
    names = {level.name for level in spec.levels}
    resumed = {level.name for level in spec.levels if level.resumes}
    for proposal in (item.proposal for item in evaluations):
        if proposal.resumes not in resumed | {None}:
            raise StoreError(
                f"{path}: proposal {proposal.number} continues a look at level {shown(str(proposal.resumes))}; the campaign's "
                f"levels with resumes: true are {', '.join(sorted(resumed)) or 'none'}"
            )
        if proposal.level not in (names if proposal.purpose == "look" else {None}):
            raise StoreError(
                f"{path}: proposal {proposal.number} has purpose {proposal.purpose} and level {shown(str(proposal.level))}; the"
                f" campaign's levels are {', '.join(sorted(names)) or 'none'}"
            )


def _check_pool(pool: CandidatePool, evaluations: Sequence[Evaluation], path: Path) -> None:
    try:
        positions = pool.positions([evaluation.proposal.candidate for evaluation in evaluations])
    except NotFoundError as error:
        raise StoreError(f"{path}: {error.message} of the campaign's spec") from error
    for item, position in zip(evaluations, positions.tolist(), strict=True):
        proposal = item.proposal
        own = pool.systems[pool.system_codes[position]], pool.surfaces[pool.surface_codes[position]]
        if (proposal.system, proposal.surface) != own:
            raise StoreError(
                f"{path}: candidate {shown(proposal.candidate)} has system {shown(proposal.system)} and surface "
                f"{shown(proposal.surface)}; in the campaign's space it is of {shown(own[0])} and {shown(own[1])}"
            )


def _check_key(evaluation: Evaluation, campaign: str, where: str) -> None:
    proposal = evaluation.proposal
    if evaluation.campaign != campaign:
        raise StoreError(f"{where} belongs to campaign {shown(evaluation.campaign)}, not to {campaign!r}")
    names = {"candidate": proposal.candidate, "system": proposal.system, "surface": proposal.surface, "model": proposal.model}
    for what, name in (names | {"source": proposal.source}).items():
        if len(name) > _LONGEST:
            raise StoreError(f"{where}: {what} has {len(name)} characters, expected at most {_LONGEST}")
    if evaluation.id != evaluation_id(campaign, proposal.candidate, proposal.source, proposal.replicate):
        raise StoreError(f"{where}: the id does not belong to its candidate, source and replicate")


def _check_state(evaluation: Evaluation, where: str) -> None:
    """Checks that an evaluation has exactly what an export writes for its state."""
    outcome, state = evaluation.outcome, evaluation.state
    if not state.terminal and state is not EvaluationState.PROPOSED:
        raise StoreError(f"{where}: state {state} cannot be imported; expected a finished one or PROPOSED")
    if state in _FINISHED:
        value, failure = (None, None) if outcome is None else (outcome.value, outcome.failure)
        if outcome is not None and evaluation.proposal.purpose == "reference":
            value = outcome.computed(ENERGY_PER_ATOM)
        if (value is None, failure is None) != (state is EvaluationState.FAILED, state is EvaluationState.DONE):
            expected = "a value and no failure" if state is EvaluationState.DONE else "a failure and no value"
            raise StoreError(f"{where} is {state}; expected {expected}")
    elif outcome is not None:
        raise StoreError(f"{where} is {state} and has an outcome; expected none")
    if (evaluation.finished_at is not None) != state.terminal:
        raise StoreError(f"{where} is {state}; expected {'a' if state.terminal else 'no'} time at which it was finished")
    if evaluation.done_as is not None and state is not EvaluationState.CANCELLED:
        raise StoreError(f"{where} is {state} and was done otherwise; expected {EvaluationState.CANCELLED}")
    if not state.terminal and evaluation.attempts:
        raise StoreError(f"{where} is {state} and has {len(evaluation.attempts)} attempts; expected none")
    if [attempt.number for attempt in evaluation.attempts] != list(range(1, len(evaluation.attempts) + 1)):
        raise StoreError(f"{where}: its attempts are not numbered 1, 2 and so on")


def _check_numbers(evaluation: Evaluation, refits: int, where: str) -> None:
    proposal = evaluation.proposal
    lengths = [("predicted_cost", proposal.predicted_cost), ("predicted_deviation", proposal.predicted_deviation)]
    lengths.append(("proposer_seconds", proposal.proposer_seconds))
    for outcome in _outcomes(evaluation):
        lengths += [("wall_time", outcome.wall_time), ("deviation", outcome.deviation)]
    for name, value in lengths:
        if value is not None and value < 0:
            raise StoreError(f"{where}: {name} is {value:g}, expected at least 0")
    if proposal.horizon >= proposal.number:
        raise StoreError(f"{where}: horizon {proposal.horizon} of proposal {proposal.number}, expected a smaller number")
    if proposal.refit is not None and proposal.refit > refits:
        raise StoreError(f"{where} uses refit {proposal.refit}; the file has {refits}")
    if proposal.look is not None and _SHA256.fullmatch(proposal.look.weights) is None:
        raise StoreError(f"{where}: look.weights is {shown(proposal.look.weights)}, expected 64 hex digits")


def _outcomes(evaluation: Evaluation) -> list[Outcome]:
    """The outcome of an evaluation, and those of its attempts that came too late or were replaced."""
    kept = [outcome for attempt in evaluation.attempts for outcome in (attempt.late_outcome, attempt.superseded)]
    return [outcome for outcome in (evaluation.outcome, *kept) if outcome is not None]


def _check_outcome(outcome: Outcome, where: str) -> None:
    for name, sha256 in outcome.artifacts.items():
        safe_file_name(name, f"{where}: the name of an artifact")
        if _SHA256.fullmatch(sha256) is None:
            raise StoreError(f"{where}: artifact {shown(name)} is {shown(sha256)}, expected 64 hex digits")


def _check_value(outcome: Outcome, spec: CampaignSpec, where: str) -> None:
    """Checks that the value is the quantity that the objective means, where the outcome has it."""
    unit, name = spec.objective.unit, spec.space.description.meant(spec.objective.property) or ""
    quantity = outcome.quantities.get(name)
    if outcome.value is None or quantity is None:
        return
    try:
        same = recorded_in(quantity.value, quantity.unit, unit)
    except ValueError as error:
        raise StoreError(f"{where}: {name}: {printable(str(error))}") from error
    if not math.isclose(outcome.value, same, rel_tol=_SAME_VALUE):
        raise StoreError(f"{where}: its value is {outcome.value:.10g} {unit}, its {name} {same:.10g} {unit}; expected the same")


def _rebuilt(evaluation: Evaluation) -> Evaluation:
    """Rebuilds the evaluation without the jobs of the other machine."""
    attempts = tuple(
        attempt.model_copy(update={"job_name": job_name(evaluation.campaign, evaluation.id, attempt.number), "handle": None})
        for attempt in evaluation.attempts
    )
    return evaluation.model_copy(update={"epoch": 0, "attempts": attempts, "not_before": None})


def _check_refit(refit: Refit, where: str) -> None:
    """Reads what later steps need of a refit, to check that it is complete."""
    kept = refit.hyperparameters.get(TRANSFER)
    try:
        hashes = [] if kept is None else [item["sha256"] for item in kept.get("sources", ())]
        if decision(refit) is not None:
            transfer_event(refit)
        if refit.cost is not None:
            CostModel.from_json(refit.cost)
    except StoreError as error:
        raise StoreError(f"{where}: {error.message}") from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        raise StoreError(f"{where} is damaged: {type(error).__name__} {shown(str(error))}") from error
    wrong = [item for item in hashes if not isinstance(item, str) or _SHA256.fullmatch(item) is None]
    if wrong:
        raise StoreError(f"{where}: {TRANSFER}.sources names {shown(wrong[0])}, expected 64 hex digits")


def _check_commands(commands: Sequence[Command], last_number: int, path: Path) -> None:
    seen: set[str] = set()
    for command in commands:
        where = f"{path}: command {shown(command.id)}"
        if command.id in seen or not 0 < len(command.id) <= _LONGEST or len(command.user) > _LONGEST:
            raise StoreError(f"{where}: expected ids that differ, and at most {_LONGEST} characters in id and user")
        if command.applied_at_number is not None and command.applied_at_number > last_number + 1:
            raise StoreError(f"{where} was applied at proposal {command.applied_at_number}; the last one is {last_number}")
        seen.add(command.id)
