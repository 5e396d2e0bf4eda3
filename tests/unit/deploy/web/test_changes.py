"""Streams of a campaign's changes."""

from __future__ import annotations

import asyncio

import pytest

from tansaku.deploy.web.changes import Changes, Pace
from tansaku.models.domain.records import LeaseOwner

NAME = "small-table"


async def always() -> bool:
    return True


def test_all_followers_share_one_poller_and_hear_of_every_change(site_with):
    site = site_with("a1")
    store = site.services.store
    changes = Changes(site.services.readings, Pace(poll=0.01, check=5.0))

    async def follow() -> None:
        streams = [changes.follow(NAME, None, always) for _ in range(20)]
        first = [await anext(stream) for stream in streams]
        assert len(set(first)) == 1
        assert changes.pollers == 1
        store.acquire_lease(NAME, LeaseOwner(host="node7", pid=4321, process_started=0.0, user="bob"), 60.0)
        second = await asyncio.wait_for(asyncio.gather(*(anext(stream) for stream in streams)), 5.0)
        assert len(set(second)) == 1
        assert second[0] != first[0]
        seen = second[0].partition("data: ")[2].strip()
        late = changes.follow(NAME, seen, always)
        waiting = asyncio.ensure_future(anext(late))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        for stream in streams:
            await stream.aclose()
        assert changes.pollers == 0

    asyncio.run(follow())


@pytest.mark.parametrize("allowed", [True, False])
def test_a_stream_ends_when_its_follower_may_not_read_any_more(site_with, allowed):
    changes = Changes(site_with("a1").services.readings, Pace(poll=5.0, check=0.01))

    async def answer() -> bool:
        return allowed

    async def follow() -> list[str]:
        stream = changes.follow(NAME, None, answer)
        found = [await anext(stream)]
        found += [await anext(stream, "end")]
        await stream.aclose()
        return found

    first, second = asyncio.run(follow())
    assert first.startswith("event: version\n")
    assert second == (": open\n\n" if allowed else "end")
