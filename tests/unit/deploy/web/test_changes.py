"""Streams of a campaign's changes."""

from __future__ import annotations

import asyncio
import json

import pytest

from tansaku.deploy.web.changes import MOST_STREAMS, Changes, Pace
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import TransientError
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


def test_one_stream_tells_of_several_campaigns(site_with):
    """Each event names its campaign; one that is unknown or deleted is gone, and the others go on."""
    site = site_with("a1")
    store = site.services.store
    record = store.campaign(NAME)
    for other in ("second", "third"):
        store.create_campaign(
            record.model_copy(update={"id": other, "name": other, "spec": record.spec | {"name": other}, "commands": ()})
        )
    changes = Changes(site.services.readings, Pace(poll=0.01, check=5.0))

    async def follow() -> None:
        stream = changes.follow_several([NAME, "none", "second", "third", NAME], always)
        first = [parsed(await anext(stream)) for _ in range(4)]
        assert [(kind, name) for kind, name, _ in first] == [
            ("gone", "none"),
            ("version", NAME),
            ("version", "second"),
            ("version", "third"),
        ]
        assert changes.pollers == 3
        store.acquire_lease("second", LeaseOwner(host="node7", pid=4321, process_started=0.0, user="bob"), 60.0)
        kind, name, version = parsed(await asyncio.wait_for(anext(stream), 5.0))
        assert (kind, name) == ("version", "second")
        assert version != first[2][2]
        store.begin_deletion("third")
        store.delete_campaign("third")
        found = []
        while found[-1:] != [("gone", "third")]:
            found.append(parsed(await asyncio.wait_for(anext(stream), 5.0))[:2])
        assert set(found) <= {("version", "third"), ("gone", "third")}
        assert changes.pollers == 2
        await stream.aclose()
        assert changes.pollers == 0

    asyncio.run(follow())


def parsed(event: str) -> tuple[str, str, str | None]:
    """Kind, campaign and version of an event."""
    kind, data = event.strip().split("\n")
    content = json.loads(data.removeprefix("data: "))
    return kind.removeprefix("event: "), content["campaign"], content["version"]


def test_a_stream_of_several_ends_when_its_follower_may_not_read_any_more(site_with):
    changes = Changes(site_with("a1").services.readings, Pace(poll=5.0, check=0.01))
    answers = iter([True, False])

    async def allowed() -> bool:
        return next(answers)

    async def follow() -> list[str]:
        return [event async for event in changes.follow_several([NAME], allowed)]

    first, comment = asyncio.run(follow())
    assert parsed(first)[:2] == ("version", NAME)
    assert comment == ": open\n\n"
    assert changes.pollers == 0


def test_a_database_that_does_not_answer_ends_the_stream_and_the_browser_asks_again(site_with, monkeypatch):
    changes = Changes(site_with("a1").services.readings)

    def down(name: str) -> str:
        raise TransientError("the database does not answer")

    monkeypatch.setattr(changes._readings, "version", down)

    async def follow() -> list[str]:
        return [event async for event in changes.follow_several([NAME], always)]

    assert asyncio.run(follow()) == []


def test_a_stream_needs_a_user_and_at_most_a_hundred_campaigns(site):
    assert site.browser().get("/api/v1/changes?campaign=a").status_code == 401
    browser = site.logged_in(Role.VIEWER)
    assert browser.get("/api/v1/changes").status_code == 422
    assert browser.get("/api/v1/changes", params={"campaign": ["a"] * 101}).status_code == 422


def test_a_user_has_so_many_streams_until_one_of_them_is_closed(site_with):
    site = site_with("a1")
    cookies = {role: site.with_session(role).cookies["tansaku-session"] for role in (Role.VIEWER, Role.OPERATOR)}

    async def begin(role: Role) -> tuple[int, asyncio.Event, asyncio.Task]:
        """Begins to follow; returns the status, an event that closes the connection, and what answers."""
        started, closed = asyncio.get_running_loop().create_future(), asyncio.Event()
        body = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict:
            if body:
                return body.pop()
            await closed.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            if message["type"] == "http.response.start":
                started.set_result((message["status"], dict(message["headers"])))

        headers = [(b"host", b"localhost"), (b"cookie", f"tansaku-session={cookies[role]}".encode())]
        scope = {"type": "http", "method": "GET", "path": f"/api/v1/campaigns/{NAME}/changes", "query_string": b"",
                 "headers": headers, "client": ("here", 1), "scheme": "http", "server": ("localhost", 80)}  # fmt: skip
        task = asyncio.create_task(site.app(scope, receive, send))
        status, answered = await asyncio.wait_for(started, 10.0)
        assert (b"retry-after" in answered) == (status == 429)
        return status, closed, task

    async def follow() -> None:
        streams = [await begin(Role.VIEWER) for _ in range(MOST_STREAMS)]
        assert {status for status, *_ in streams} == {200}
        assert (await begin(Role.VIEWER))[0] == 429
        streams.append(await begin(Role.OPERATOR))
        assert streams[-1][0] == 200
        _, closed, task = streams[0]
        closed.set()
        await asyncio.wait_for(task, 10.0)
        streams.append(await begin(Role.VIEWER))
        assert streams[-1][0] == 200
        for _, closed, task in streams:
            closed.set()
            await asyncio.wait_for(task, 10.0)
        assert not site.app.state.changes._streams

    asyncio.run(follow())
