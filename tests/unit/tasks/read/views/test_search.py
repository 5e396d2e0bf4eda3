"""A campaign that takes too long is left out of a search, and the others are searched."""

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
