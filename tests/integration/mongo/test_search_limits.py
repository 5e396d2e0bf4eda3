"""The server ends a search by itself, and reads a campaign once where no index has what is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tansaku.models.domain.views import PageQuery
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase
from tests.support.alloys import NAME, store_alloys


@pytest.fixture
def profiled(emptied_database: MongoDatabase) -> Iterator[MongoDatabase]:
    """A database that notes every command, with a campaign."""
    store_alloys(MongoCampaignStore(emptied_database))
    emptied_database.command("profile", 2)
    yield emptied_database
    emptied_database.command("profile", 0)
    emptied_database["system.profile"].drop()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (PageQuery(quantity="energy_per_atom"), "proposal.number"),
        (PageQuery(quantity="energy_per_atom", sort="value"), "proposal.number"),
        (PageQuery(quantity="energy_per_atom", system="AuCu"), "proposal.system"),
        (PageQuery(below=0.0, sort="value"), "outcome.value"),
    ],
)
def test_a_page_has_a_limit_of_time_and_an_index(profiled: MongoDatabase, query: PageQuery, index: str) -> None:
    assert MongoCampaignStore(profiled).page(NAME, query).evaluations
    (noted,) = profiled["system.profile"].find({"op": "query", "command.find": "evaluations"})
    assert noted["command"]["maxTimeMS"] == 5000
    assert f"campaign: 1, {index}: 1" in noted["planSummary"]
