"""Two restores of one database: one of them is refused, and neither takes anything from the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from tansaku.models.domain.errors import LeaseHeldError, StoreError
from tansaku.models.domain.records import CampaignRecord, JsonDict, LeaseOwner
from tansaku.tasks.backends.stores import archive
from tansaku.tasks.backends.stores.archive import dump, restore
from tansaku.tasks.backends.stores.archive_file import documents
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.staging import MARK, STAGED
from tansaku.tasks.ground.site.processes import this_driver

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def dumped(mongo_database: Database[dict[str, Any]], tmp_path: Path) -> Path:
    """The dump of a database with one campaign, which is still there."""
    store = MongoCampaignStore(mongo_database)
    for name in ("c", "d"):
        store.create_campaign(
            CampaignRecord(name=name, spec={}, spec_hash="0", base_path="/", tansaku_version="0", created_at=NOW)
        )
    dump(mongo_database, tmp_path / "dump")
    return tmp_path / "dump"


def state(database: Database[dict[str, Any]]) -> dict[str, tuple[list[JsonDict], list[str]]]:
    """Documents and indexes by collection."""
    names = [name for name in database.list_collection_names() if name != MARK]
    return {name: (list(database[name].find()), sorted(database[name].index_information())) for name in names}


def second_pass(change: Any) -> Any:
    """Calls ``change`` in the middle of the reading that stages the documents (the first reading only checks them)."""
    passes = 0

    def read(path: Path) -> Iterator[tuple[str, JsonDict]]:
        nonlocal passes
        passes += 1
        mine = passes
        for position, found in enumerate(documents(path)):
            if mine == 2 and position == 1:
                change()
            yield found

    return read


def owner(database: Database[dict[str, Any]], who: LeaseOwner, lasts: timedelta) -> None:
    now = datetime.now(UTC)
    document = {"_id": "restore", "token": "theirs", "owner": who.model_dump(mode="json"), "since": now}
    database[MARK].insert_one(document | {"expires_at": now + lasts})


def test_the_second_is_refused_and_the_first_restores_everything(
    mongo_database: Database[dict[str, Any]], dumped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(mongo_database)
    refused: list[str] = []

    def another() -> None:
        with pytest.raises(LeaseHeldError) as caught:
            restore(mongo_database, dumped, force=True)
        refused.append(caught.value.message)

    monkeypatch.setattr(archive, "documents", second_pass(another))
    mongo_database["campaigns"].delete_many({})
    restore(mongo_database, dumped, force=True)
    me = this_driver()
    assert len(refused) == 1
    assert f"is being restored by {me.user}@{me.host} (process {me.pid}) since " in refused[0]
    after = state(mongo_database)
    assert {name: found for name, found in after.items() if name in before} == before
    assert all(not found for name, (found, _) in after.items() if name not in before)


def test_a_restore_that_was_taken_over_replaces_nothing(
    mongo_database: Database[dict[str, Any]], dumped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expire_and_restore() -> None:
        mongo_database[MARK].update_one({}, {"$set": {"expires_at": NOW}})
        restore(mongo_database, dumped, force=True)
        mongo_database["campaigns"].insert_one({"_id": "since"})

    monkeypatch.setattr(archive, "documents", second_pass(expire_and_restore))
    with pytest.raises((LeaseHeldError, StoreError), match=r"nothing was replaced|was not restored"):
        restore(mongo_database, dumped, force=True)
    assert {one["_id"] for one in mongo_database["campaigns"].find()} == {"c", "d", "since"}
    assert not [name for name in mongo_database.list_collection_names() if name.startswith(STAGED)]


def test_staged_collections_that_someone_changed_are_not_swapped_in(
    mongo_database: Database[dict[str, Any]], dumped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drop() -> None:
        for name in mongo_database.list_collection_names():
            if name.startswith(STAGED) and name.endswith("evaluations"):
                mongo_database[name].drop_indexes()

    before = state(mongo_database)
    monkeypatch.setattr(archive, "documents", second_pass(drop))
    with pytest.raises(StoreError, match="collection evaluations was changed"):
        restore(mongo_database, dumped, force=True)
    assert state(mongo_database) == before


@pytest.mark.parametrize("ended", ["dead", "expired"])
def test_a_restore_whose_owner_has_ended_is_taken_over(
    mongo_database: Database[dict[str, Any]], dumped: Path, ended: str
) -> None:
    me = this_driver()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    if ended == "dead":
        owner(mongo_database, me.model_copy(update={"pid": gone.pid}), timedelta(hours=1))
    else:
        owner(mongo_database, me.model_copy(update={"host": "elsewhere"}), timedelta(seconds=-1))
    mongo_database[f"{STAGED}theirs.campaigns"].insert_one({"_id": "half"})
    restore(mongo_database, dumped, force=True)
    assert not [name for name in mongo_database.list_collection_names() if name.startswith(STAGED)]


def test_a_restore_on_another_host_is_waited_for(mongo_database: Database[dict[str, Any]], dumped: Path) -> None:
    owner(mongo_database, this_driver().model_copy(update={"host": "elsewhere"}), timedelta(seconds=60))
    mongo_database[f"{STAGED}theirs.campaigns"].insert_one({"_id": "half"})
    with pytest.raises(LeaseHeldError, match=r"@elsewhere \(process"):
        restore(mongo_database, dumped, force=True)
    assert mongo_database[f"{STAGED}theirs.campaigns"].count_documents({}) == 1


def test_the_mark_of_an_older_version_is_finished(mongo_database: Database[dict[str, Any]], dumped: Path) -> None:
    mongo_database[f"{STAGED}campaigns"].insert_one({"_id": "new"})
    mongo_database["site_workers"].insert_one({"_id": "old"})
    mongo_database[MARK].insert_one({"_id": "swap", "staged": ["campaigns"], "dropped": ["site_workers"]})
    MongoCampaignStore(mongo_database)
    assert [one["_id"] for one in mongo_database["campaigns"].find()] == ["new"]
    assert "site_workers" not in mongo_database.list_collection_names()
    assert mongo_database[MARK].count_documents({}) == 0
