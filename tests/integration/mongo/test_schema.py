import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pymongo.database import Database

import tansaku
from tansaku.models.domain import moments
from tansaku.models.domain.errors import LeaseHeldError, StoreError
from tansaku.models.domain.records import LeaseOwner
from tansaku.tasks.backends.stores import mongo
from tansaku.tasks.backends.stores.archive import dump, restore
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.mongo_schema import DATABASE_VERSION, INDEXES
from tests.support.records import campaign_record, store_evaluation

OWNER = LeaseOwner(host="one", pid=1, process_started=1.0, user="ada")
RECORD = campaign_record()


def test_new_database_gets_version_and_indexes(mongo_database: Database) -> None:
    MongoCampaignStore(mongo_database)
    stored = {"_id": "schema", "version": DATABASE_VERSION, "tansaku": tansaku.__version__}
    assert mongo_database["schema"].find_one() == stored
    for name, indexes in INDEXES.items():
        built = mongo_database[name].index_information()
        assert {index.document["name"] for index in indexes} <= set(built)
    assert mongo_database["evaluations"].index_information()["candidate"]["unique"]


def test_many_processes_may_open_a_new_database_at_once(mongo_database: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: MongoCampaignStore(mongo_database), range(12)))
        records = set(pool.map(lambda store: store.create_campaign(RECORD).name, stores))
    assert records == {"c"}
    assert mongo_database["schema"].count_documents({}) == 1


def test_newer_schema_is_refused_and_left_alone(mongo_database: Database) -> None:
    mongo_database["schema"].insert_one({"_id": "schema", "version": DATABASE_VERSION + 1, "tansaku": "99.1"})
    with pytest.raises(StoreError) as refused:
        MongoCampaignStore(mongo_database)
    name, own = mongo_database.name, tansaku.__version__
    assert refused.value.message.startswith(f"database {name!r} was upgraded by tansaku 99.1; this is {own} (")
    assert mongo_database.list_collection_names() == ["schema"]


def test_a_driver_that_slept_while_another_version_upgraded_the_database_is_refused(mongo_database: Database) -> None:
    store = MongoCampaignStore(mongo_database)
    store.create_campaign(RECORD)
    lease = store.acquire_lease("c", OWNER, 0.001)
    store.set_runtime(lease, {"pids": [1]})
    time.sleep(0.01)
    after = DATABASE_VERSION + 1
    mongo_database["campaigns"].update_one({}, {"$set": {"schema_version": after}, "$inc": {"revision": 1}})
    mongo_database["schema"].update_one({}, {"$set": {"version": after, "tansaku": "99.1"}})
    for action in (lambda: store.renew_lease(lease, 60.0), lambda: store.acquire_lease("c", OWNER, 60.0)):
        with pytest.raises(StoreError, match=r"was upgraded by tansaku 99\.1; this is"):
            action()
    with pytest.raises(StoreError, match=rf"'c' is damaged: schema_version: {after}, and this tansaku [0-9.]+ reads"):
        store.set_runtime(lease, {"pids": [2]})
    assert mongo_database["campaigns"].find_one()["runtime"] == {"pids": [1]}


def test_a_driver_whose_database_was_put_back_is_refused(mongo_database: Database) -> None:
    store = MongoCampaignStore(mongo_database)
    store.create_campaign(RECORD)
    lease = store.acquire_lease("c", OWNER, 60.0)
    mongo_database["schema"].update_one({}, {"$set": {"version": DATABASE_VERSION - 1, "tansaku": "0.0.1"}})
    with pytest.raises(StoreError, match=rf"was written by tansaku 0\.0\.1; this is {re.escape(tansaku.__version__)} "):
        store.renew_lease(lease, 60.0)


def test_older_schema_is_refused_and_left_alone(mongo_database: Database) -> None:
    mongo_database["schema"].insert_one({"_id": "schema", "version": 0, "tansaku": "0.0.1"})
    with pytest.raises(StoreError, match=r"was written by tansaku 0\.0\.1; this is .*schema version 0, this tansaku writes 2"):
        MongoCampaignStore(mongo_database)
    assert mongo_database.list_collection_names() == ["schema"]


def test_an_older_database_is_upgraded_so_that_the_older_program_refuses_it(mongo_database: Database, tmp_path: Path) -> None:
    """Release 0.1.0 wrote schema version 1 and refuses a larger one before it writes anything."""
    MongoCampaignStore(mongo_database).create_campaign(RECORD)
    mongo_database["schema"].update_one({}, {"$set": {"version": 1}, "$unset": {"tansaku": ""}})
    mongo_database["campaigns"].update_many({}, {"$unset": {"name": ""}})
    dump(mongo_database, tmp_path / "older")
    upgraded = {"_id": "schema", "version": 2, "tansaku": tansaku.__version__}
    assert MongoCampaignStore(mongo_database).campaign_names() == ["c"]
    assert mongo_database["schema"].find_one() == upgraded
    restore(mongo_database, tmp_path / "older", force=True)
    assert mongo_database["schema"].find_one() == upgraded


def test_a_campaign_that_an_older_program_created_under_a_name_that_is_taken_hides_no_other(mongo_database: Database) -> None:
    MongoCampaignStore(mongo_database).create_campaign(RECORD.model_copy(update={"id": "0" * 24}))
    campaigns = mongo_database["campaigns"]
    older = campaigns.find_one() | {"_id": "c"}
    del older["name"]
    campaigns.insert_many([older, older | {"_id": "d"}])
    assert MongoCampaignStore(mongo_database).campaign_names() == ["c", "d"]
    assert campaigns.find_one({"_id": "c"}) == older


def test_the_id_of_a_campaign_of_an_older_version_is_its_name(mongo_database: Database, tmp_path: Path) -> None:
    MongoCampaignStore(mongo_database).create_campaign(RECORD)
    mongo_database["campaigns"].update_many({}, {"$unset": {"name": ""}})
    dump(mongo_database, tmp_path / "older")
    for _ in range(2):
        store = MongoCampaignStore(mongo_database)
        assert (store.campaign_names(), store.campaign("c").id) == (["c"], "c")
    store.rename_campaign("c", "d")
    assert MongoCampaignStore(mongo_database).campaign("d").id == "c"
    restore(mongo_database, tmp_path / "older", force=True)
    assert MongoCampaignStore(mongo_database).campaign_names() == ["c"]


@pytest.mark.parametrize("hours", [-5, 5])
def test_lease_goes_by_the_servers_clock(mongo_database: Database, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (mongo, moments):
        monkeypatch.setattr(module, "utc_now", lambda: datetime.now(UTC) + timedelta(hours=hours))
    store = MongoCampaignStore(mongo_database)
    store.create_campaign(RECORD)
    lease = store.acquire_lease("c", OWNER, 60.0)
    server = mongo_database.command("hello", codec_options=mongo_database.codec_options)["localTime"]
    assert abs((lease.acquired_at - server).total_seconds()) < 60
    assert lease.expires_at - lease.acquired_at == timedelta(seconds=60)
    with pytest.raises(LeaseHeldError) as caught:
        store.acquire_lease("c", OWNER.model_copy(update={"pid": 2}), 60.0)
    assert caught.value.remaining <= 60


def test_damaged_document_is_a_clear_error(mongo_database: Database) -> None:
    store = MongoCampaignStore(mongo_database)
    store.create_campaign(RECORD)
    mongo_database["campaigns"].update_one({}, {"$set": {"last_number": "many"}})
    with pytest.raises(StoreError, match=r"CampaignRecord 'c' is damaged: last_number: Input should be"):
        store.campaign("c")


def test_lost_observation_is_rebuilt_at_takeover(mongo_database: Database) -> None:
    from tansaku.models.domain.records import Outcome, Proposal

    store = MongoCampaignStore(mongo_database)
    store.create_campaign(RECORD)
    lease = store.acquire_lease("c", OWNER, 60.0)
    proposal = Proposal(number=1, candidate="a", system="s", surface="", source="x", predicted_cost=1.0, model="m")
    store_evaluation(store, lease, proposal, Outcome(value=1.5))
    expected = store.observations("c")
    mongo_database["observations"].delete_many({})
    assert store.rebuild_observations("c") == 1
    assert store.observations("c") == expected
    mongo_database["observations"].update_many({}, {"$set": {"value": 7.0}})
    store.acquire_lease("c", OWNER, 60.0)
    assert store.observations("c") == expected
