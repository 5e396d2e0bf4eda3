"""Dumps that a restore must refuse, or take without their harm: one document of a real dump is changed at a time."""

from __future__ import annotations

import gzip
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import bson
import pytest
from bson import ObjectId, Regex
from pymongo.collection import Collection
from pymongo.database import Database

from tansaku.models.domain.errors import LeaseHeldError, StoreError, TansakuError
from tansaku.models.domain.identifiers import job_name
from tansaku.models.domain.model_registry import DatasetRecord
from tansaku.models.domain.records import CampaignRecord, Command, LeaseOwner, Outcome, Proposal, Refit
from tansaku.models.domain.retraining import Retrain
from tansaku.tasks.backends.stores import archive
from tansaku.tasks.backends.stores.archive import dump, restore
from tansaku.tasks.backends.stores.archive_file import documents
from tansaku.tasks.backends.stores.artifacts import GridFSArtifactStore
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.mongo_registry import MongoRegistry
from tansaku.tasks.backends.stores.site_workers import SiteWorkers
from tansaku.tasks.backends.stores.staging import MARK, STAGED

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPTIONS = bson.CodecOptions(tz_aware=True, tzinfo=UTC)
FAR = datetime(2999, 1, 1, tzinfo=UTC)
ME = LeaseOwner(host="here", pid=1, process_started=1.0, user="ada")

Entries = list[dict]
Change = Callable[[Entries], object]


def fill(database: Database, folder: Path) -> None:
    """One campaign at rest with everything a database holds: three evaluations, a refit, a retrain, a data set, an artifact."""
    store = MongoCampaignStore(database)
    store.create_campaign(
        CampaignRecord(name="c", spec={}, spec_hash="0", base_path="/", tansaku_version="0", created_at=NOW),
    )
    lease = store.acquire_lease("c", ME, 60.0)
    for number in (1, 2, 3):
        place = {"candidate": f"c{number}", "system": "s", "surface": "s", "source": "x", "model": "m"}
        one = store.insert_proposal(lease, Proposal.model_validate(place | {"number": number, "predicted_cost": 0.1}))
        name = job_name("c", one.id, 1)
        store.begin_attempt(lease, one.id, 1, f"t{number}", name)
        store.record_handle(lease, one.id, f"t{number}", {"name": name})
        if number < 3:
            store.accept_outcome(lease, one.id, f"t{number}", Outcome(value=1 / number))
    common = {"campaign": "c", "number": 1, "at_proposal": 2, "horizon": 1}
    store.insert_refit(lease, Refit.model_validate(common | {"hyperparameters": {"l": [0.5]}, "fitted_at": NOW}))
    trained = {"uses_from": 3, "model": "m", "dataset": "0" * 64, "observations": 1, "reason": "first", "begun_at": NOW}
    store.insert_retrain(lease, Retrain.model_validate(common | trained))
    store.add_command("c", Command(id="p", kind="pause", created_at=NOW))
    store.set_runtime(lease, {"driver": {"host": "here", "pid": 1, "started": 0.0}, "helpers": {}})
    kept = {"sha256": "1" * 64, "name": "d", "artifact": "2" * 64, "spec": {}, "groups": {}, "sources": {}, "created_at": NOW}
    MongoRegistry(database).add_dataset(DatasetRecord.model_validate(kept | {"structures": 1, "atoms": 1, "properties": ()}))
    (folder / "big").write_bytes(bytes(range(256)) * 2000)
    GridFSArtifactStore(database).put(folder / "big")
    SiteWorkers(database).take("cluster", "worker", ME, "l", 60.0)
    store.release_lease(lease)


def everything(database: Database) -> dict[str, list[dict]]:
    names = sorted(database.list_collection_names())
    found = {name: sorted(database[name].find(), key=lambda one: str(one["_id"])) for name in names}
    return {name: several for name, several in found.items() if several}


@pytest.fixture(scope="module")
def entries(mongo_server: EmbeddedMongod, tmp_path_factory: pytest.TempPathFactory) -> Entries:
    """What a real dump holds, header and footer too."""
    folder = tmp_path_factory.mktemp("dump")
    database = open_database(mongo_server.start(), f"test-{secrets.token_hex(6)}")
    try:
        fill(database, folder)
        dump(database, folder / "d")
    finally:
        database.client.drop_database(database.name)
        database.client.close()
    content = gzip.decompress((folder / "d").read_bytes())
    return bson.decode_all(content, OPTIONS)


@pytest.fixture(scope="module")
def held(mongo_server: EmbeddedMongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A filled database that no refused file may change."""
    database = open_database(mongo_server.start(), f"test-{secrets.token_hex(6)}")
    fill(database, tmp_path_factory.mktemp("held"))
    yield database
    database.client.drop_database(database.name)
    database.client.close()


def written(entries: Entries, path: Path, *, recount: bool = True) -> Path:
    if recount and entries and "end" in entries[-1]:
        counts = Counter(one["collection"] for one in entries if isinstance(one.get("collection"), str))
        entries = [*entries[:-1], {"end": True, "counts": dict(counts)}]
    path.write_bytes(gzip.compress(b"".join(bson.encode(one) for one in entries), mtime=0))
    return path


def copied(entries: Entries) -> Entries:
    return [bson.decode(bson.encode(one), OPTIONS) for one in entries]


def first(entries: Entries, collection: str) -> dict:
    return next(one["document"] for one in entries if one.get("collection") == collection)


def put(collection: str, path: str, value: object) -> Change:
    """Sets a key of the first document of a collection."""
    *keys, last = path.split(".")

    def change(entries: Entries) -> None:
        at = first(entries, collection)
        for key in keys:
            at = at[int(key)] if isinstance(at, list) else at[key]
        at[last] = value

    return change


def without(collection: str, key: str) -> Change:
    return lambda entries: first(entries, collection).pop(key)


def added(collection: object, document: object) -> Change:
    return lambda entries: entries.insert(len(entries) - 1, {"collection": collection, "document": document})


def committed(collection: str) -> Change:
    return put("campaigns", "outbox", [{"collection": collection, "document": {"_id": "x"}}])


def doubled(collection: str, **changes: object) -> Change:
    return lambda entries: added(collection, first(entries, collection) | changes)(entries)


def deep(levels: int) -> object:
    nested: object = 0
    for _ in range(levels):
        nested = {"a": nested}
    return nested


REFUSED: dict[str, tuple[Change, str]] = {
    "header-of-another": (lambda entries: entries[0].update(format="other"), "not a dump of tansaku"),
    "header-version-is-text": (lambda entries: entries[0].update(format_version="1"), "not a dump of tansaku"),
    "no-schema-version": (lambda entries: entries[0].pop("schema_version"), "schema version None"),
    "schema-version-is-true": (lambda entries: entries[0].update(schema_version=True), "schema version True"),
    "schema-version-ahead": (lambda entries: entries[0].update(schema_version=3), "reads up to 2"),
    "no-header": (lambda entries: entries.pop(0), "not a dump of tansaku"),
    "no-footer": (lambda entries: entries.pop(), "its end is missing"),
    "two-footers": (lambda entries: entries.append({"end": True, "counts": {}}), "after the end"),
    "document-after-the-end": (lambda entries: entries.append({"collection": "events", "document": {}}), "after the end"),
    "entry-without-document": (lambda entries: entries[1].pop("document"), "expected a collection and a document"),
    "entry-with-more": (lambda entries: entries[1].update(more=1), "expected a collection and a document"),
    "collection-is-a-number": (added(7, {"_id": 1}), "expected a collection and a document"),
    "unknown-collection": (added("fireworks", {"_id": 1, "spec": {}}), "'fireworks' is not a collection of tansaku"),
    "system-collection": (added("system.views", {"_id": 1}), "not a collection of tansaku"),
    "collection-with-an-escape": (added("\x1b[2J", {"_id": 1}), "not a collection of tansaku"),
    "staged-collection": (added("restoring.campaigns", {"_id": "x"}), "not a collection of tansaku"),
    "document-is-a-list": (added("events", [1]), "no document"),
    "document-without-id": (without("events", "_id"), "no document"),
    "campaign-id-is-a-path": (put("campaigns", "_id", "../c"), "its id"),
    "campaign-name-is-a-path": (put("campaigns", "name", "../c"), "its name"),
    "campaign-name-with-an-escape": (put("campaigns", "name", "\x1b[2J"), "its name"),
    "campaign-without-spec": (without("campaigns", "spec"), "spec: Field required"),
    "campaign-without-revision": (without("campaigns", "revision"), "has no revision"),
    "campaign-with-an-unknown-key": (put("campaigns", "surprise", 1), "surprise"),
    "spec-is-text": (put("campaigns", "spec", "x"), "spec"),
    "spec-with-an-expression": (put("campaigns", "spec", {"a": Regex("x")}), "expected plain data"),
    "spec-with-an-operator": (put("campaigns", "spec", {"$where": "1"}), "cannot be stored"),
    "spec-too-deep": (put("campaigns", "spec", deep(95)), "levels deep"),
    "epoch-that-overflows": (put("campaigns", "epoch", 2**63 - 1), "epoch"),
    "epoch-at-the-limit": (put("campaigns", "epoch", 2**53), "epoch 9007199254740992, expected at most"),
    "negative-epoch": (put("campaigns", "epoch", -1), "epoch"),
    "epoch-is-a-list": (put("campaigns", "epoch", []), "epoch"),
    "last-number-too-large": (put("campaigns", "last_number", 2**60), "last_number"),
    "revision-is-text": (put("campaigns", "revision", "1"), "revision is '1'"),
    "command-of-an-unknown-kind": (put("campaigns", "commands.0.kind", "shell"), r"commands.0.kind"),
    "outbox-is-text": (put("campaigns", "outbox", "x"), "outbox is 'x'"),
    "outbox-for-another-collection": (
        put("campaigns", "outbox", [{"collection": "site_workers", "document": {"_id": 1}}]),
        r"outbox\[0\] is",
    ),
    "outbox-with-a-wrong-document": (
        put("campaigns", "outbox", [{"collection": "refits", "document": {"_id": "x"}}]),
        "outbox",
    ),
    "evaluation-without-token": (without("evaluations", "token"), "has no token"),
    "evaluation-with-another-token": (put("evaluations", "token", "x"), "not that of its last attempt"),
    "evaluation-with-a-job-of-others": (put("evaluations", "attempts.0.handle", {"name": "../../x"}), "names job"),
    "evaluation-with-another-job-name": (put("evaluations", "attempts.0.job_name", "tansaku-0"), "names job"),
    "evaluation-of-an-unknown-state": (put("evaluations", "state", "ASLEEP"), "state"),
    "evaluation-with-a-nan": (put("evaluations", "proposal.predicted_cost", float("nan")), "predicted_cost"),
    "evaluation-number-too-large": (put("evaluations", "proposal.number", 2**63 - 1), "proposal.number"),
    "evaluation-epoch-is-text": (put("evaluations", "epoch", "x"), "epoch"),
    "evaluation-time-is-text": (put("evaluations", "proposed_at", "yesterday"), "proposed_at"),
    "observation-without-void": (without("observations", "void"), "has no void"),
    "observation-that-is-half-void": (put("observations", "void", True), "is void; expected"),
    "observation-with-an-infinite-value": (put("observations", "value", float("inf")), "value"),
    "refit-without-number": (without("refits", "number"), "number"),
    "retrain-of-another-kind": (put("retrains", "kind", "paused"), "kind"),
    "event-at-no-time": (put("events", "at", None), "at"),
    "event-order-is-text": (put("events", "order", "last"), "order is 'last'"),
    "dataset-with-atoms-as-text": (put("datasets", "atoms", "many"), "atoms"),
    "schema-of-another-version": (put("schema", "version", 99), "expected schema version 2 or less"),
    "schema-of-no-version": (put("schema", "version", 0), "expected schema version 2 or less"),
    "schema-under-another-id": (put("schema", "_id", "other"), "expected schema version 2 or less"),
    "file-without-hash": (put("artifacts.files", "metadata", {}), "metadata.sha256"),
    "file-of-negative-length": (put("artifacts.files", "length", -1), "no file of artifacts"),
    "chunk-without-data": (without("artifacts.chunks", "data"), "no part of an artifact"),
    "chunk-with-text": (put("artifacts.chunks", "data", "text"), "no part of an artifact"),
    # What only the database itself finds: a unique key that is there twice.
    "campaign-twice": (doubled("campaigns"), "have the same key"),
    "evaluation-number-twice": (doubled("evaluations", _id="another"), "names job|have the same key"),
    "observation-number-twice": (doubled("observations", _id="another"), "have the same key"),
    "refit-number-twice": (doubled("refits", _id="another"), "have the same key"),
    "file-content-twice": (doubled("artifacts.files", _id=ObjectId(b"0" * 12)), "have the same key"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_documents_are_refused_before_anything_is_dropped(
    entries: Entries, held: Database, tmp_path: Path, name: str
) -> None:
    change, expected = REFUSED[name]
    changed = copied(entries)
    change(changed)
    before = everything(held)
    with pytest.raises(StoreError, match=expected) as caught:
        restore(held, written(changed, tmp_path / "d"), force=True)
    assert everything(held) == before
    assert str(tmp_path / "d") in str(caught.value)
    assert all(line.isprintable() for line in str(caught.value).splitlines())


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_are_refused_or_harmless(entries: Entries, mongo_database: Database, tmp_path: Path, seed: int) -> None:
    written([one for one in entries if one.get("collection") != "artifacts.chunks"], tmp_path / "d")
    content = bytearray(gzip.decompress((tmp_path / "d").read_bytes()))
    for step in range(2):
        content[(seed * 7919 + step * 104729) % len(content)] ^= 1 + (seed * 31 + step) % 255
    (tmp_path / "d").write_bytes(gzip.compress(bytes(content), mtime=0))
    try:
        restore(mongo_database, tmp_path / "d")
    except TansakuError:
        assert everything(mongo_database) == {}
    else:
        store = MongoCampaignStore(mongo_database)
        assert [(one.lease, one.runtime) for one in map(store.campaign, store.campaign_names())] == [(None, {})]


@pytest.mark.parametrize("tenths", range(10))
def test_cut_dumps_are_refused(entries: Entries, held: Database, tmp_path: Path, tenths: int) -> None:
    data = written(entries, tmp_path / "d").read_bytes()
    (tmp_path / "d").write_bytes(data[: tenths * len(data) // 10])
    before = everything(held)
    with pytest.raises(StoreError, match=r"is not a complete dump"):
        restore(held, tmp_path / "d", force=True)
    assert everything(held) == before


def test_bombs_and_endless_depth_are_refused(entries: Entries, held: Database, tmp_path: Path) -> None:
    header = bson.encode(entries[0])
    event = bson.encode({"collection": "events", "document": first(entries, "events") | {"data": {"x": "0" * 2**20}}})
    depth = b"\x05\x00\x00\x00\x00"
    for _ in range(30_000):
        depth = (len(depth) + 8).to_bytes(4, "little") + b"\x03a\x00" + depth + b"\x00"
    before = everything(held)
    for name, content in {"bomb": event * 90, "deep": depth, "zeros": bytes(2**20)}.items():
        (tmp_path / name).write_bytes(gzip.compress(header + content, mtime=0))
        expected = {"bomb": "expands to more than", "zeros": "a document of 0 bytes"}.get(
            name, "is not a complete dump|expected a coll"
        )
        with pytest.raises(StoreError, match=expected):
            restore(held, tmp_path / name, force=True)
    assert everything(held) == before


def test_leases_helpers_and_epochs_of_a_dump_do_not_come_back(
    entries: Entries, mongo_database: Database, tmp_path: Path
) -> None:
    changed = copied(entries)
    owner = ME.model_dump() | {"host": "elsewhere"}
    lease = {"campaign": "c", "epoch": 1, "owner": owner, "acquired_at": NOW, "expires_at": FAR}
    helpers = {"driver": {"host": "here", "pid": 1, "started": 0.0}, "helpers": {"prefect": {"pid": 2, "started": 0.0}}}
    first(changed, "campaigns").update(lease=lease, runtime=helpers)
    first(changed, "evaluations").update(epoch=2**52)
    queue = {"_id": "cluster", "launcher": "x", "owner": owner, "since": NOW, "expires_at": FAR}
    added("site_workers", queue)(changed)
    counts = restore(mongo_database, written(changed, tmp_path / "d"))
    assert "site_workers" not in counts
    assert SiteWorkers(mongo_database).get("cluster") is None
    store = MongoCampaignStore(mongo_database)
    (record,) = map(store.campaign, store.campaign_names())
    assert (record.lease, record.runtime, record.epoch) == (None, {}, 1)
    taken = store.acquire_lease("c", ME.model_copy(update={"pid": 2}), 60.0)
    assert {one.epoch for one in store.evaluations("c")} == {taken.epoch}
    store.release_lease(taken)
    restore(mongo_database, tmp_path / "d", force=True)
    store.delete_campaign("c")


def test_a_dump_of_a_driven_campaign_can_be_restored(mongo_database: Database, tmp_path: Path) -> None:
    fill(mongo_database, tmp_path)
    store = MongoCampaignStore(mongo_database)
    lease = store.acquire_lease("c", ME, 60.0)
    dump(mongo_database, tmp_path / "d")
    with pytest.raises(LeaseHeldError):
        restore(mongo_database, tmp_path / "d", force=True)
    store.release_lease(lease)
    before = everything(mongo_database)
    restore(mongo_database, tmp_path / "d", force=True)
    after = everything(mongo_database)
    assert before.pop("site_workers")
    # The dump was taken before the release, which counted the driver's time.
    before["campaigns"][0] |= {"runtime": {}} | {key: after["campaigns"][0][key] for key in ("revision", "driven")}
    assert after == before


class Stop(BaseException):
    """The process ended here."""


def test_a_restore_that_fails_while_it_reads_in_keeps_the_old_data(
    entries: Entries, mongo_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(mongo_database, tmp_path)
    mongo_database["campaigns"].update_one({}, {"$set": {"base_path": "/old"}})
    before = everything(mongo_database)
    count = 0

    def failing(path: Path) -> Iterator[tuple[str, dict]]:
        nonlocal count
        count += 1
        for position, found in enumerate(documents(path)):
            if count == 2 and position == 9:
                raise Stop
            yield found

    monkeypatch.setattr(archive, "documents", failing)
    with pytest.raises(Stop):
        restore(mongo_database, written(entries, tmp_path / "d"), force=True)
    assert everything(mongo_database) == before
    assert [name for name in mongo_database.list_collection_names() if name.startswith(STAGED)] == []


@pytest.mark.parametrize("renamed", range(4))
def test_a_swap_that_was_interrupted_is_finished_by_whoever_opens_the_database(
    entries: Entries, mongo_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed: int
) -> None:
    file = written(entries, tmp_path / "d")
    restore(mongo_database, file)
    expected = everything(mongo_database)
    mongo_database["evaluations"].insert_one({"_id": "old", "campaign": "old", "proposal": {"number": 1}})
    mongo_database["models"].insert_one({"_id": "old@1"})
    whole, done = Collection.rename, 0

    def rename(self: Collection, *args: object, **options: object) -> object:
        nonlocal done
        if done == renamed:
            raise Stop
        done += 1
        return whole(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "rename", rename)
        with pytest.raises(Stop):
            restore(mongo_database, file, force=True)
    assert mongo_database[MARK].count_documents({}) == 1
    MongoCampaignStore(mongo_database)
    assert everything(mongo_database) == expected
    assert mongo_database[MARK].count_documents({}) == 0
    assert not [name for name in mongo_database.list_collection_names() if name.startswith(STAGED)]


def test_what_a_killed_restore_left_is_taken_away_by_the_next(
    entries: Entries, mongo_database: Database, tmp_path: Path
) -> None:
    mongo_database[f"{STAGED}campaigns"].insert_one({"_id": "half"})
    mongo_database[f"{STAGED}elsewhere"].insert_one({"_id": "half"})
    restore(mongo_database, written(entries, tmp_path / "d"))
    assert [*MongoCampaignStore(mongo_database).campaign_names()] == ["c"]
    assert not [name for name in mongo_database.list_collection_names() if name.startswith(STAGED)]


def test_a_restored_dump_is_dumped_alike(entries: Entries, mongo_database: Database, tmp_path: Path) -> None:
    file = written(entries, tmp_path / "d")
    restore(mongo_database, file)
    assert dump(mongo_database, tmp_path / "again") == dict(Counter(name for name, _ in documents(file)))
    assert list(documents(tmp_path / "again")) == list(documents(file))
