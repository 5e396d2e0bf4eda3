"""A process that renames a campaign is killed before and after every single write: repeated, the command loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from tansaku.models.domain.records import CampaignRecord, LeaseOwner, Outcome, Proposal
from tansaku.models.domain.requests import ServiceRequest
from tansaku.models.domain.schedules import Schedule
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.act.commands.rename import rename_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.mongo_registry import MongoRegistry
from tansaku.tasks.backends.stores.mongo_requests import MongoRequests
from tansaku.tasks.backends.stores.mongo_schedules import MongoSchedules
from tansaku.tasks.ground.settings import Settings
from tests.support import retrained_campaign
from tests.support.actors import ADA
from tests.support.records import NOW, campaign_record, store_evaluation

OWNER = LeaseOwner(host="one", pid=1, process_started=1.0, user="ada")
VOLATILE = {"_id", "at", "revision", "epoch", "driven", "order", "outbox", "lease", "runtime"}
KEPT_APART = ("schema", "web_service_reports")


def campaign(store: MongoCampaignStore, name: str, more: dict[str, Any]) -> CampaignRecord:
    spec = CampaignSpec.model_validate({"schema_version": 1, "name": name} | retrained_campaign.keys(**more))
    return store.create_campaign(campaign_record(spec, name=name))


def opened(database: Any, home: Path) -> Resources:
    def no_launcher(_: CampaignSpec) -> Any:
        raise AssertionError("renaming starts no job")

    return Resources(
        settings=Settings(home=home),
        site=SiteSpec(),
        store=MongoCampaignStore(database),
        artifacts=FileArtifactStore(home / "artifacts"),
        open_launcher=no_launcher,
        registry=MongoRegistry(database),
        requests=MongoRequests(database),
        schedules=MongoSchedules(database),
    )


def prepare(resources: Resources) -> None:
    store = resources.store
    campaign(store, "old", {})
    lease = store.acquire_lease("old", OWNER, 60.0)
    found = Proposal(number=1, candidate="c1", system="s", surface="s", source="x", predicted_cost=1.0, model="gp")
    store_evaluation(store, lease, found, Outcome(value=0.1, wall_time=2.0))
    store.release_lease(lease)
    asked = {"campaign": "old", "campaign_created_at": NOW, "user": "ada", "origin": "::1", "created_at": NOW}
    resources.requests.add_request(ServiceRequest(id="0" * 32, **asked))
    resources.schedules.add_schedule(Schedule(id="1" * 32, cron="0 3 * * *", zone="UTC", **asked))


def documents(database: Database) -> dict[str, list[dict[str, Any]]]:
    names = sorted(name for name in database.list_collection_names() if name not in KEPT_APART)
    return {name: list(database[name].find().sort("_id", 1)) for name in names}


def clear(database: Database) -> None:
    for name in documents(database):
        database[name].delete_many({})


@pytest.fixture
def stored(mongo_database: Database, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Puts the campaign, and all that follows it, into an empty database; the second time from a copy."""
    prepare(opened(mongo_database, tmp_path))
    copy = {name: found for name, found in documents(mongo_database).items() if found}

    def restore() -> None:
        clear(mongo_database)
        for name, found in copy.items():
            mongo_database[name].insert_many(found)

    yield restore
    clear(mongo_database)


def told(database: Database) -> dict[str, list[str]]:
    """All that is stored, in an order of its own, but for times, revisions and the leases of those who renamed."""
    return {name: sorted(_lasting(one) for one in found if not _of_a_lease(one)) for name, found in documents(database).items()}


def _lasting(document: dict[str, Any]) -> str:
    lasting = {key: value for key, value in document.items() if key not in VOLATILE}
    return json.dumps(lasting, sort_keys=True, default=str)


def _of_a_lease(document: dict[str, Any]) -> bool:
    return str(document.get("kind", "")).startswith("lease")


def test_a_rename_killed_at_every_write_is_finished_by_the_same_command(
    mongo_database: Database, stored: Callable[[], None], interrupted: Callable, killed: type[BaseException], tmp_path: Path
) -> None:
    stored()
    rename_campaign(opened(mongo_database, tmp_path), ADA, "old", "new")
    expected = told(mongo_database)
    assert {one.campaign for one in MongoRequests(mongo_database).requests_of("new")} == {"new"}
    assert [one.campaign for one in MongoSchedules(mongo_database).schedules()] == ["new"]

    def die() -> None:
        raise killed

    at, hit = 1, True
    while hit:
        hit = False
        for after in (False, True):
            stored()
            database, interruption = interrupted(mongo_database, at, after, die)
            with suppress(killed):
                rename_campaign(opened(database, tmp_path), ADA, "old", "new")
            rename_campaign(opened(mongo_database, tmp_path), ADA, "old", "new")
            assert told(mongo_database) == expected, f"write {at}, {'after' if after else 'before'}"
            hit = hit or interruption.hit
        at += 1
    assert at > 6
