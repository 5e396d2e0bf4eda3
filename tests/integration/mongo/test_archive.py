import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tansaku.models.domain.accounts import Role, User
from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.identifiers import job_name, jobless_name
from tansaku.models.domain.library import LibraryFile
from tansaku.models.domain.records import Attempt, CampaignRecord, LeaseOwner, Outcome, Proposal
from tansaku.tasks.backends.stores.archive import dump, restore
from tansaku.tasks.backends.stores.artifacts import GridFSArtifactStore
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.mongo_accounts import MongoAccounts
from tansaku.tasks.backends.stores.mongo_library import MongoLibrary
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase

ME = LeaseOwner(host="here", pid=1, process_started=1.0, user="ada")


def fill(database: MongoDatabase, folder: Path) -> str:
    store = MongoCampaignStore(database)
    store.create_campaign(
        CampaignRecord(
            name="c", spec={}, spec_hash="0", base_path="/", tansaku_version="0", created_at=datetime(2026, 1, 1, tzinfo=UTC)
        )
    )
    lease = store.acquire_lease("c", ME, 60.0)
    proposal = Proposal(number=1, candidate="a", system="s", surface="", source="x", predicted_cost=0.1 + 0.2, model="m")
    evaluation = store.insert_proposal(lease, proposal)
    store.begin_attempt(lease, evaluation.id, 1, "t", job_name("c", evaluation.id, 1))
    store.accept_outcome(lease, evaluation.id, "t", Outcome(value=1 / 3))
    store.release_lease(lease)
    (folder / "big").write_bytes(os.urandom(600_000))
    sha256 = GridFSArtifactStore(database).put(folder / "big")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    file = LibraryFile(sha256=sha256, name="big.csv", kind="table", size=600_000, user="ada", created_at=moment)
    MongoLibrary(database).add_file(file)
    return sha256


def everything(database: MongoDatabase) -> dict[str, list[dict[str, object]]]:
    names = sorted(database.list_collection_names())
    found = {name: sorted(database[name].find(), key=lambda document: str(document["_id"])) for name in names}
    return {name: documents for name, documents in found.items() if documents}


def test_restored_database_is_the_dumped_one(mongo_database: MongoDatabase, tmp_path: Path) -> None:
    sha256 = fill(mongo_database, tmp_path)
    before = everything(mongo_database)
    counts = dump(mongo_database, tmp_path / "d")
    assert counts["evaluations"] == 1
    assert counts["artifacts.chunks"] == 3
    assert counts["library"] == 1
    other = mongo_database.client[f"{mongo_database.name}-other"]
    try:
        assert restore(other, tmp_path / "d") == counts
        MongoCampaignStore(other)
        assert everything(other) == before
        assert GridFSArtifactStore(other).get(sha256, tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
    finally:
        mongo_database.client.drop_database(other.name)


def test_values_that_were_corrected_or_made_failures_are_restored(mongo_database: MongoDatabase, tmp_path: Path) -> None:
    fill(mongo_database, tmp_path)
    store = MongoCampaignStore(mongo_database)
    lease = store.acquire_lease("c", ME, 60.0)
    (one,) = store.evaluations("c")
    for number, why in enumerate(("report", "void"), start=2):
        name = jobless_name(why, one.id, number)
        attempt = Attempt(number=number, token=name, job_name=name, started_at=one.proposed_at, known_from=2)
        store.replace_outcome(lease, one.id, attempt, Outcome(value=float(number)))
    store.release_lease(lease)
    dump(mongo_database, tmp_path / "d")
    before = store.evaluations("c")
    restore(mongo_database, tmp_path / "d", force=True)
    assert MongoCampaignStore(mongo_database).evaluations("c") == before


def test_accounts_of_the_dashboard_are_neither_dumped_nor_replaced(mongo_database: MongoDatabase, tmp_path: Path) -> None:
    fill(mongo_database, tmp_path)
    MongoAccounts(mongo_database).add_user(User(name="ada", role=Role.ADMIN, created_at=datetime.now(UTC)))
    assert "web_users" not in dump(mongo_database, tmp_path / "d")
    other = mongo_database.client[f"{mongo_database.name}-other"]
    try:
        accounts = MongoAccounts(other)
        accounts.add_user(User(name="bob", role=Role.ADMIN, created_at=datetime.now(UTC)))
        restore(other, tmp_path / "d")
        restore(other, tmp_path / "d", force=True)
        assert [user.name for user in accounts.users()] == ["bob"]
    finally:
        mongo_database.client.drop_database(other.name)


def test_filled_database_is_replaced_only_by_force(mongo_database: MongoDatabase, tmp_path: Path) -> None:
    fill(mongo_database, tmp_path)
    dump(mongo_database, tmp_path / "d")
    before = everything(mongo_database)
    mongo_database["campaigns"].insert_one({"_id": "more"})
    with pytest.raises(StoreError, match="is not empty"):
        restore(mongo_database, tmp_path / "d")
    restore(mongo_database, tmp_path / "d", force=True)
    assert everything(mongo_database) == before


def test_broken_files_are_refused_before_anything_is_written(mongo_database: MongoDatabase, tmp_path: Path) -> None:
    fill(mongo_database, tmp_path)
    dump(mongo_database, tmp_path / "d")
    before = everything(mongo_database)
    broken = {
        "text": b"no dump",
        "huge": gzip.compress((2**31 - 1).to_bytes(4, "little") + b"x" * 100),
        "empty": gzip.compress(b""),
    }
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(StoreError):
            restore(mongo_database, tmp_path / name, force=True)
    with pytest.raises(NotFoundError):
        restore(mongo_database, tmp_path / "missing", force=True)
    assert everything(mongo_database) == before


def test_unwritable_dump_is_a_clear_error(mongo_database: MongoDatabase, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        dump(mongo_database, tmp_path / "missing" / "d")


def test_foreign_collections_are_neither_dumped_nor_dropped(mongo_database: MongoDatabase, tmp_path: Path) -> None:
    fill(mongo_database, tmp_path)
    mongo_database["fireworks"].insert_one({"_id": 1})
    assert "fireworks" not in dump(mongo_database, tmp_path / "d")
    restore(mongo_database, tmp_path / "d", force=True)
    assert mongo_database["fireworks"].count_documents({}) == 1
