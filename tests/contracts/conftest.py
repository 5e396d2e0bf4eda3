"""Every implementation of a port, and what the contract suites write into it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Lease, LeaseOwner
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tests.support.records import campaign_record


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> Iterator[CampaignStore]:
    """An empty store of each kind."""
    if request.param == "memory":
        yield MemoryCampaignStore()
        return
    from tansaku.tasks.backends.stores.mongo import MongoCampaignStore

    yield MongoCampaignStore(request.getfixturevalue("emptied_database"))


@pytest.fixture
def record() -> CampaignRecord:
    spec = {"objective": {"unit": "eV"}, "budget": {"cost": 0.1 + 0.2}}
    return campaign_record(name="search", spec=spec, base_path="/somewhere", created_at=datetime.now(UTC))


@pytest.fixture
def first_driver() -> LeaseOwner:
    return LeaseOwner(host="one", pid=11, process_started=1.25, user="ada")


@pytest.fixture
def lease(store: CampaignStore, record: CampaignRecord, first_driver: LeaseOwner) -> Lease:
    """Of the first driver."""
    store.create_campaign(record)
    return store.acquire_lease("search", first_driver, 60.0)


@pytest.fixture
def second_driver() -> LeaseOwner:
    return LeaseOwner(host="two", pid=22, process_started=2.5, user="bob")
