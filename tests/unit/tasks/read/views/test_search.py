"""A campaign that takes too long is left out of a search, and the others are searched."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tansaku.models.domain.errors import SlowQueryError
from tansaku.models.domain.views import Page, PageQuery
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.read.views.search import Search, search, searchable
from tests.support.alloys import NAME, store_alloys


class SlowStore(MemoryCampaignStore):
    """Does not answer in time about one campaign."""

    slow = "a-slow-one"

    def page(self, campaign: str, query: PageQuery) -> Page:
        if campaign == self.slow:
            raise SlowQueryError("the database needed more than 5 s")
        return super().page(campaign, query)


@pytest.mark.parametrize("wanted", [Search(), Search(property="energy_per_atom", value=Decimal(1), unit="eV/atom")])
def test_a_slow_campaign_is_left_out_with_the_reason(wanted):
    store = SlowStore()
    store_alloys(store)
    record = store.campaign(NAME)
    store.create_campaign(record.model_copy(update={"id": "slow", "name": SlowStore.slow}))
    found = search(store, searchable(store), wanted)
    assert len(found.items) == 5
    assert [(item.campaign, item.reason) for item in found.left_out] == [(SlowStore.slow, "the database needed more than 5 s")]
    assert found.next is None


@pytest.mark.parametrize("order", ["lowest", "highest"])
@pytest.mark.parametrize("quantity", ["", "energy_per_atom"])
def test_values_are_in_order_over_all_campaigns_and_on_all_pages(order, quantity):
    store = MemoryCampaignStore()
    for name in ("alloys-1", "alloys-2", "alloys-3"):
        store_alloys(store, name=name)
    wanted, found, after = Search(order=order, property=quantity), [], None
    while True:
        page = search(store, searchable(store), wanted, after=after, limit=2)
        found += page.items
        after = page.next
        if after is None:
            break
    values = [hit.value for hit in found]
    assert values == sorted(values, reverse=order == "highest")
    assert len({(hit.campaign, hit.round) for hit in found}) == len(found)
    assert {hit.campaign for hit in found} == {"alloys-1", "alloys-2", "alloys-3"}
    assert len(found) in (9, 12, 15, 18)  # as many of each of the three
