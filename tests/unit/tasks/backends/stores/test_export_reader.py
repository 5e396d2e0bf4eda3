"""Files that an import must refuse, or take without their harm: one field of a real export is changed at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tansaku.models.domain.errors import LeaseHeldError, NotFoundError, SpecChangedError, StoreError, TansakuError
from tansaku.models.domain.identifiers import evaluation_id
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.act.commands.export_import import import_observations
from tansaku.tasks.backends.stores.export_reader import campaign_of
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import HASH_VERSION
from tests.unit.tasks.backends.stores.changed_exports import ME, Change, Contents, Header, Rows, refused, rewritten

NOON = datetime(2026, 1, 2, tzinfo=UTC)
FAR = "2999-01-01T00:00:00Z"
LEASE = {
    "campaign": "small",
    "epoch": 3,
    "owner": {"host": "elsewhere", "pid": 1, "process_started": 1.0, "user": "mallory"},
    "acquired_at": "2026-01-01T00:00:00Z",
    "expires_at": FAR,
}
HELPERS = {"driver": {"host": "here", "pid": 1, "started": 0.0}, "helpers": {"prefect": {"pid": 2, "started": 0.0}}}


def changed(path: str, change: Callable[[Any, Any], object]) -> Change:
    """Changes ``h.campaign.epoch`` or ``0.proposal.number``: a key of the header, or of a row's record."""
    first, *keys = path.split(".")

    def apply(header: Header, rows: Rows) -> None:
        at: Any = header if first == "h" else rows[int(first)]
        for key in keys[:-1]:
            at = at[int(key)] if isinstance(at, list) else at[key]
        change(at, int(keys[-1]) if isinstance(at, list) else keys[-1])

    return apply


def set_at(path: str, value: object) -> Change:
    return changed(path, lambda at, key: at.__setitem__(key, value))


def drop(path: str) -> Change:
    return changed(path, lambda at, key: at.__delitem__(key))


def renamed(candidate: str, system: str = "s1") -> Change:
    """The first evaluation, of another candidate and with the id that belongs to it."""

    def change(_: Header, rows: Rows) -> None:
        rows[0]["proposal"] |= {"candidate": candidate, "system": system, "surface": system}
        rows[0]["id"] = evaluation_id("small", candidate, "table", 0)

    return change


def replayed(_: Header, rows: Rows) -> None:
    rows.append(rows[0])


def renumbered(_: Header, rows: Rows) -> None:
    rows[0]["proposal"]["number"] = 2**52


def deep(levels: int) -> object:
    nested: object = 0
    for _ in range(levels):
        nested = {"a": nested}
    return nested


# What an import leaves in the file: the campaign comes in, and none of this with it.
HARMLESS: dict[str, Change] = {
    "lease-until-2999": set_at("h.campaign.lease", LEASE),
    "lease-of-a-wrong-shape": set_at("h.campaign.lease", "mine"),
    "helpers-of-this-machine": set_at("h.campaign.runtime", HELPERS),
    "runtime-of-a-wrong-shape": set_at("h.campaign.runtime", [1]),
    "epoch-that-overflows": set_at("h.campaign.epoch", 2**63 - 1),
    "negative-epoch": set_at("h.campaign.epoch", -1),
    "last-number-ahead": set_at("h.campaign.last_number", 10**6),
    "last-refit-ahead": set_at("h.campaign.last_refit", 99),
    "deleting": set_at("h.campaign.deleting", True),
    "epoch-of-an-evaluation": set_at("0.epoch", 2**53),
    "handle-of-another-job": set_at("0.attempts.0.handle", {"name": "../../etc", "pid": 1}),
    "name-of-another-job": set_at("0.attempts.0.job_name", "../../etc"),
    "unknown-key-of-the-header": set_at("h.surprise", 1),
    "unknown-key-of-the-campaign": set_at("h.campaign.surprise", 1),
    "pending-command": set_at("h.campaign.commands.1.applied_at_number", None),
    "not-before-in-2999": set_at("4.not_before", FAR),
    "same-row-twice": replayed,
}

REFUSED: dict[str, tuple[Change, str]] = {
    "no-campaign": (drop("h.campaign"), "campaign: Field required"),
    "campaign-is-a-list": (set_at("h.campaign", []), "campaign"),
    "no-name": (drop("h.campaign.name"), "campaign.name"),
    "name-is-a-number": (set_at("h.campaign.name", 7), "campaign.name"),
    "name-is-a-path": (set_at("h.campaign.name", "../small"), "campaign's name"),
    "name-with-an-escape": (set_at("h.campaign.name", "\x1b[2Jsmall"), "campaign's name"),
    "name-with-a-newline": (set_at("h.campaign.name", "small\n"), "campaign's name"),
    "name-of-another-campaign": (set_at("h.campaign.name", "other"), "its spec says 'small'"),
    "format-of-another": (set_at("h.format", "other"), "expected 'tansaku-observations'"),
    "format-is-an-object": (set_at("h.format", {}), "expected 'tansaku-observations'"),
    "format-version-is-text": (set_at("h.format_version", "1"), "format version"),
    "format-version-is-true": (set_at("h.format_version", True), "format version"),
    "format-version-ahead": (set_at("h.format_version", 2), "reads up to 1"),
    "no-schema-version": (drop("h.schema_version"), "schema version"),
    "schema-version-ahead": (set_at("h.schema_version", 10**400), "reads up to 1"),
    "no-spec": (drop("h.campaign.spec"), "campaign.spec"),
    "spec-is-text": (set_at("h.campaign.spec", "rm -rf"), "campaign.spec"),
    "spec-with-an-unknown-key": (set_at("h.campaign.spec.surprise", 1), "not valid in this version: surprise"),
    "spec-with-an-escaped-key": (set_at("h.campaign.spec.\x1b[2J", 1), "not valid in this version"),
    "spec-of-an-unknown-space": (set_at("h.campaign.spec.space.type", "moon"), "not valid in this version: space"),
    "spec-of-an-unknown-calculator": (
        set_at("h.campaign.spec.calculator", {"type": "moon"}),
        "not valid in this version: calculator",
    ),
    "spec-too-deep": (set_at("h.campaign.spec.space", deep(300)), "cannot be read"),
    "spec-changed": (set_at("h.campaign.spec.objective.direction", "maximize"), "is damaged: its spec has the hash"),
    "hash-changed": (set_at("h.campaign.spec_hash", HASH_VERSION + "0" * 64), "is damaged: its spec has the hash"),
    "base-path-with-nul": (set_at("h.campaign.base_path", "/a\0b"), "base_path"),
    "base-path-too-long": (set_at("h.campaign.base_path", "/" + "a" * 5000), "base_path"),
    "created-without-a-zone": (set_at("h.campaign.created_at", "2026-01-01T00:00:00"), "created_at"),
    "created-before-the-calendar": (set_at("h.campaign.created_at", "0001-01-01T00:00:00+14:00"), "cannot be expressed in UTC"),
    "commands-of-a-wrong-shape": (set_at("h.campaign.commands", [{"id": 1}]), "commands"),
    "command-of-an-unknown-kind": (set_at("h.campaign.commands.0.kind", "shell"), "commands.0.kind"),
    "command-of-the-future": (set_at("h.campaign.commands.0.applied_at_number", 99), "applied at proposal 99"),
    "command-twice": (set_at("h.campaign.commands.0.id", "r"), "expected ids that differ"),
    "command-with-a-huge-integer": (set_at("h.campaign.commands.0.payload", {"n": 2**64}), "64 bits"),
    "command-with-an-operator": (set_at("h.campaign.commands.0.payload", {"$where": "1"}), r"'\$where' cannot be stored"),
    "command-too-deep": (set_at("h.campaign.commands.0.payload", deep(120)), "levels deep"),
    "no-refits": (drop("h.refits"), "refits"),
    "refit-of-another-campaign": (set_at("h.refits.0.campaign", "other"), "belongs to campaign 'other'"),
    "refit-number-missing": (set_at("h.refits.1.number", 3), "refit 3 found where refit 2"),
    "refit-number-huge": (set_at("h.refits.1.number", 2**63), "refits.1.number"),
    "refit-of-the-future": (set_at("h.refits.1.at_proposal", 99), "the last proposal is 5"),
    "refit-with-a-cost-of-a-wrong-shape": (set_at("h.refits.1.cost", {"a": 1}), "refit 2: a stored cost model is damaged"),
    "refit-with-a-transfer-of-a-wrong-shape": (set_at("h.refits.1.hyperparameters.transfer", 1), "refit 2 is damaged"),
    "refit-with-a-source-that-is-a-path": (
        set_at("h.refits.1.hyperparameters.transfer", {"sources": [{"sha256": "../../etc"}]}),
        "refit 2",
    ),
    "sources-of-a-wrong-shape": (set_at("h.sources", [{"name": "x"}]), r"sources\[0\] is damaged"),
    "no-id": (drop("0.id"), "row 1 is not an evaluation: id"),
    "id-of-another": (set_at("0.id", "0" * 24), "the id does not belong"),
    "evaluation-of-another-campaign": (set_at("0.campaign", "other"), "belongs to campaign 'other'"),
    "unknown-key-of-an-evaluation": (set_at("0.surprise", 1), "surprise"),
    "unknown-candidate": (renamed("c99"), "'c99' is not in the space"),
    "candidate-that-is-a-path": (renamed("../../c1"), "is not in the space"),
    "candidate-with-an-escape": (renamed("\x1b]0;owned\x07"), "is not in the space"),
    "candidate-too-long": (renamed("c" * 10**5), "at most 1000"),
    "candidate-of-another-system": (renamed("c1", "s0"), "has system 's0'"),
    "unknown-system": (renamed("c1", "s9"), "has system 's9'"),
    "number-is-true": (set_at("0.proposal.number", True), "proposal.number"),
    "number-is-text": (set_at("0.proposal.number", "1"), "proposal.number"),
    "number-is-zero": (set_at("0.proposal.number", 0), "proposal.number"),
    "number-too-large": (set_at("0.proposal.number", 2**63 - 1), "proposal.number"),
    "number-ahead": (renumbered, "proposal 1 of 4503599627370496 is missing"),
    "number-twice": (set_at("0.proposal.number", 2), "number 2 is already"),
    "horizon-ahead": (set_at("0.proposal.horizon", 9), "horizon 9 of proposal 1"),
    "refit-unknown": (set_at("2.proposal.refit", 9), "uses refit 9; the file has 2"),
    "replicate-too-large": (set_at("0.proposal.replicate", 2**80), "replicate"),
    "negative-cost": (set_at("0.proposal.predicted_cost", -1.0), "predicted_cost is -1"),
    "cost-is-nan": (set_at("0.proposal.predicted_cost", float("nan")), "predicted_cost"),
    "value-is-infinite": (set_at("0.outcome.value", float("inf")), "outcome.value"),
    "value-is-true": (set_at("0.outcome.value", True), "outcome.value"),
    "negative-wall-time": (set_at("0.outcome.wall_time", -0.5), "wall_time is -0.5"),
    "no-value": (set_at("0.outcome.value", None), "expected a value and no failure"),
    "value-and-failure": (set_at("2.outcome.value", 1.0), "expected a failure and no value"),
    "done-without-outcome": (set_at("0.outcome", None), "expected a value and no failure"),
    "cancelled-with-outcome": (set_at("3.outcome", {"value": 1.0}), "CANCELLED and has an outcome"),
    "done-without-a-time": (set_at("0.finished_at", None), "time at which it was finished"),
    "proposed-with-attempts": (
        lambda header, rows: rows[4].update(attempts=rows[0]["attempts"]),
        "PROPOSED and has 1 attempts",
    ),
    "state-unknown": (set_at("0.state", "ASLEEP"), "state"),
    "state-running": (set_at("4.state", "RUNNING"), "state RUNNING cannot be imported"),
    "attempt-skipped": (set_at("0.attempts.0.number", 2), "not numbered 1, 2"),
    "time-without-a-zone": (set_at("0.finished_at", "2026-01-01T00:00:00"), "finished_at"),
    "time-out-of-the-calendar": (set_at("0.finished_at", "9999-12-31T23:59:59-14:00"), "cannot be expressed in UTC"),
    "artifact-that-is-a-path": (set_at("0.outcome.artifacts", {"../../x": "0" * 64}), "cannot name a file"),
    "artifact-without-a-hash": (set_at("0.outcome.artifacts", {"x": "/etc/passwd"}), "expected 64 hex digits"),
    "other-structure": (set_at("0.outcome.artifacts", {"structure.extxyz": "0" * 64}), "structure of evaluation .* is damaged"),
    "properties-too-deep": (set_at("0.outcome.properties", deep(150)), "levels deep"),
    "properties-far-too-deep": (set_at("0.outcome.properties", deep(900)), "row 1 is not an evaluation"),
    "properties-too-large": (set_at("0.outcome.properties", {"a": "x" * 15 * 2**20}), "bytes, expected at most"),
    "properties-with-a-huge-integer": (set_at("0.outcome.properties", {"a": 2**64}), "64 bits"),
    "properties-with-a-nul-key": (set_at("0.outcome.properties", {"a\0b": 1}), "without NUL"),
    "weights-that-are-a-path": (
        set_at("4.proposal.look", {"model": "m@1", "weights": "../../x", "deviations": 2.0}),
        "look.weights",
    ),
}


def with_record(value: object, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(
        table.schema.get_field_index("record"), "record", pa.array([value] * table.num_rows, kind)
    )


def with_metadata(value: bytes) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.replace_schema_metadata({b"tansaku": value})


TABLES: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "no-column": (lambda table: table.drop_columns(["record"]), "0 columns 'record'"),
    "column-of-numbers": (with_record(1, pa.int64()), "column 'record' holds 'int64'"),
    "column-of-bytes": (with_record(b"{}", pa.binary()), "column 'record' holds 'binary'"),
    "column-of-lists": (with_record(["a"], pa.list_(pa.string())), "column 'record' holds"),
    "column-of-structs": (with_record({"a": 1}, pa.struct([("a", pa.int64())])), "column 'record' holds"),
    "column-twice": (lambda table: table.append_column("record", table.column("record")), "2 columns 'record'"),
    "records-missing": (with_record(None, pa.string()), "row 1: column 'record' holds nothing"),
    "records-empty": (with_record("", pa.string()), "row 1 is not an evaluation"),
    "records-not-json": (with_record("{'a': 1}", pa.string()), "row 1 is not an evaluation"),
    "records-are-lists": (with_record("[" * 10**5, pa.string()), "row 1 is not an evaluation"),
    "records-too-large": (with_record("x" * (2**24 + 1), pa.string()), "16777217 characters"),
    "no-metadata": (lambda table: table.replace_schema_metadata(None), "no key 'tansaku'"),
    "metadata-empty": (with_metadata(b""), "cannot be read"),
    "metadata-not-json": (with_metadata(b"\xff\xfe{"), "cannot be read"),
    "metadata-is-a-list": (with_metadata(b"[]"), "expected 'tansaku-observations'"),
    "metadata-deep": (with_metadata(b"[" * 10**6), "cannot be read"),
    "metadata-with-a-huge-number": (with_metadata(b'{"format": ' + b"9" * 10**5 + b"}"), "cannot be read"),
}

CUTS = (0, 3, 4, 100, 0.25, 0.5, 0.9, -1, -4, -8, -9)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_would_steer_this_machine_stays_in_the_file(searched: Path, tmp_path: Path, name: str) -> None:
    file = rewritten(searched, tmp_path / "changed.parquet", HARMLESS[name])
    store, artifacts = MemoryCampaignStore(), FileArtifactStore(tmp_path / "artifacts")
    for _ in range(2):
        done = import_observations(store, file, ME, artifacts=artifacts)
    assert (done.unchecked, done.total) == (None, 6 if name == "same-row-twice" else 5)
    (record,) = map(store.campaign, store.campaign_names())
    assert (record.lease, record.runtime, record.deleting) == (None, {}, False)
    assert record.epoch == 2, "one for each of the two imports"
    assert (record.last_number, record.last_refit) == (5, 2)
    assert all(one.applied_at_number is not None for one in record.commands)
    attempts = [attempt for one in store.evaluations("small") for attempt in one.attempts]
    assert all(one.handle is None and one.job_name.startswith("tansaku-") for one in attempts)
    lease = store.acquire_lease("small", ME, 60.0)
    waiting = store.evaluations("small", states=[EvaluationState.PROPOSED])
    assert [store.begin_attempt(lease, one.id, 1, "t", "j").state for one in waiting] == [EvaluationState.SUBMITTING]
    store.release_lease(lease)
    store.delete_campaign("small")


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_content_is_refused_and_changes_nothing(searched: Path, tmp_path: Path, contents: Contents, name: str) -> None:
    change, expected = REFUSED[name]
    file = rewritten(searched, tmp_path / "changed.parquet", change)
    error = refused(file, tmp_path, contents)
    assert isinstance(error, StoreError)
    with pytest.raises(StoreError, match=expected):
        raise error
    refused(file, tmp_path / "beside", contents, known=searched)


@pytest.mark.parametrize("name", TABLES)
def test_wrong_columns_and_metadata_are_refused(searched: Path, tmp_path: Path, contents: Contents, name: str) -> None:
    change, expected = TABLES[name]
    pq.write_table(change(pq.read_table(searched)), tmp_path / "changed.parquet")
    with pytest.raises(StoreError, match=expected):
        raise refused(tmp_path / "changed.parquet", tmp_path, contents)


@pytest.mark.parametrize("cut", CUTS)
def test_cut_files_are_refused(searched: Path, tmp_path: Path, contents: Contents, cut: float) -> None:
    data = searched.read_bytes()
    (tmp_path / "cut").write_bytes(data[: cut if isinstance(cut, int) else int(cut * len(data))])
    assert isinstance(refused(tmp_path / "cut", tmp_path, contents), StoreError)


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        import_observations(MemoryCampaignStore(), tmp_path / "missing.parquet", ME)


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_are_refused_or_harmless(searched: Path, tmp_path: Path, contents: Contents, seed: int) -> None:
    data = bytearray(searched.read_bytes())
    for step in range(8):
        place = (seed * 7919 + step * 104729) % len(data)
        data[place] ^= 1 + (seed * 31 + step) % 255
    (tmp_path / "flipped").write_bytes(data)
    store, artifacts = MemoryCampaignStore(), FileArtifactStore(tmp_path / "artifacts")
    before = contents(store, tmp_path / "artifacts")
    try:
        assert import_observations(store, tmp_path / "flipped", ME, artifacts=artifacts).campaign == "small"
    except TansakuError:
        assert contents(store, tmp_path / "artifacts") == before


@pytest.mark.parametrize("name", ["name-is-a-path", "no-campaign", "format-is-an-object", "spec-is-text"])
def test_the_name_alone_is_read_as_carefully(searched: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError):
        campaign_of(rewritten(searched, tmp_path / "changed.parquet", REFUSED[name][0]))


def test_where_the_space_cannot_be_opened_candidates_are_not_looked_up_and_it_is_said(searched: Path, tmp_path: Path) -> None:
    file = rewritten(searched, tmp_path / "changed.parquet", renamed("c99"))
    store = MemoryCampaignStore()
    done = import_observations(store, file, ME, base_path=tmp_path)
    assert done.new == 5
    assert "table.csv" in (done.unchecked or "")


def test_driven_deleted_and_other_campaigns_are_left_as_they_are(searched: Path, tmp_path: Path, contents: Contents) -> None:
    store = MemoryCampaignStore()
    import_observations(store, searched, ME)
    lease = store.acquire_lease("small", ME.model_copy(update={"pid": 8}), 60.0)
    before = contents(store, tmp_path)
    with pytest.raises(LeaseHeldError):
        import_observations(store, searched, ME)
    assert contents(store, tmp_path) == before
    store.release_lease(lease)
    store.begin_deletion("small")
    with pytest.raises(StoreError, match="is being deleted"):
        import_observations(store, searched, ME)
    other = MemoryCampaignStore()
    import_observations(other, searched, ME)
    stored = other.campaign("small")
    other._campaigns[stored.id] = stored.model_copy(update={"spec": stored.spec | {"seed": 99}})
    before = contents(other, tmp_path)
    with pytest.raises(SpecChangedError, match="has a different spec stored"):
        import_observations(other, searched, ME)
    assert contents(other, tmp_path) == before


def test_an_import_that_was_interrupted_is_completed_by_another(searched: Path, tmp_path: Path, contents: Contents) -> None:
    class Full(MemoryCampaignStore):
        def insert_refit(self, lease, refit):
            raise StoreError("the disk is full")

    artifacts = FileArtifactStore(tmp_path)
    store, whole = Full(clock=lambda: NOON), MemoryCampaignStore(clock=lambda: NOON)
    with pytest.raises(StoreError, match="full"):
        import_observations(store, searched, ME, artifacts=artifacts)
    again = MemoryCampaignStore(clock=lambda: NOON)
    vars(again).update({name: value for name, value in vars(store).items() if isinstance(value, dict)})
    import_observations(again, searched, ME, artifacts=artifacts)
    for _ in range(2):
        import_observations(whole, searched, ME, artifacts=artifacts)
    assert contents(again, tmp_path) == contents(whole, tmp_path)
