"""Streams of changes: one task polls the version of a campaign for all its followers in this process."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from tansaku.models.domain.errors import TansakuError, TransientError
from tansaku.tasks.read.views.readings import Readings

MOST_STREAMS = 20
"""Streams of a user at a time; the tabs of a browser share theirs."""


@dataclass(frozen=True)
class Pace:
    """Intervals of polling [s].

    Attributes:
        poll: Between two requests for the version of a campaign.
        apart: The same, for each campaign that is followed, where that is longer: many campaigns are asked for less often.
        check: Between two checks that the follower may still read.
    """

    poll: float = 0.5
    apart: float = 0.02
    check: float = 30.0


@dataclass
class _Topic:
    """A followed campaign."""

    version: str
    followers: int = 0
    gone: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    listeners: set[asyncio.Event] = field(default_factory=set)

    def publish(self, version: str | None) -> None:
        """Wakes the followers; None: the campaign was deleted or has become unreadable."""
        self.gone = version is None
        self.version = version or self.version
        woken, self.changed = self.changed, asyncio.Event()
        for event in (woken, *self.listeners):
            event.set()


class TooManyError(Exception):
    """A user follows as many streams as one may."""


class Changes:
    """Versions of campaigns for their followers; used by one event loop.

    Args:
        readings: Asked for versions.
        pace: How often.
    """

    def __init__(self, readings: Readings, pace: Pace | None = None) -> None:
        self._readings = readings
        self.pace = pace or Pace()
        self._topics: dict[str, _Topic] = {}
        self._streams: Counter[str] = Counter()
        self._ended = False
        self._followers_of_several: set[asyncio.Event] = set()

    @property
    def pollers(self) -> int:
        """Number of tasks that poll versions."""
        return len(self._topics)

    def end(self) -> None:
        """Ends all streams, because the server stops: pages connect again when it is back."""
        self._ended = True
        for topic in self._topics.values():
            topic.publish(topic.version)
        for woken in self._followers_of_several:
            woken.set()

    @contextmanager
    def stream_of(self, user: str) -> Iterator[None]:
        """Counts a stream of a user while the context is open. Raises TooManyError for one more than :data:`MOST_STREAMS`."""
        if self._streams[user] >= MOST_STREAMS:
            raise TooManyError
        self._streams[user] += 1
        try:
            yield
        finally:
            self._streams[user] -= 1
            self._streams += Counter()  # forgets users without streams

    async def follow(self, name: str, last: str | None, allowed: Callable[[], Awaitable[bool]]) -> AsyncIterator[str]:
        """Versions of a campaign as server-sent events, the present one first; comments while nothing changes.

        It ends when the campaign is deleted or cannot be read, or when the follower may not read it any more.

        Args:
            last: Version that the follower has seen; it is not sent again.
            allowed: Whether the follower may still read.
        """
        topic = await self._join(name)
        loop = asyncio.get_running_loop()
        checked, sent = loop.time(), last
        try:
            while not (topic.gone or self._ended):
                if topic.version != sent:
                    sent = topic.version
                    yield _event(sent)
                changed = topic.changed
                if topic.version != sent or self._ended:
                    continue
                left = checked + self.pace.check - loop.time()
                try:
                    await asyncio.wait_for(changed.wait(), max(left, 0.0))
                except TimeoutError:
                    checked = loop.time()
                    if not await allowed():
                        return
                    yield ": open\n\n"
        finally:
            self._leave(name, topic)

    async def follow_several(
        self, names: Iterable[str], allowed: Callable[[], Awaitable[bool]], hidden: Collection[str] = ()
    ) -> AsyncIterator[str]:
        """Versions of several campaigns in one stream: a browser opens few connections to a server.

        Events ``version`` and ``gone`` name their campaign; a campaign that is gone is not followed any more. The stream ends
        when the follower may not read any more, or when the database does not answer at its start.

        Args:
            allowed: Whether the follower may still read.
            hidden: Those of them that the follower may not see: they are gone, as those that are not stored.
        """
        woken, loop = asyncio.Event(), asyncio.get_running_loop()
        topics: dict[str, _Topic] = {}
        sent: dict[str, str] = {}
        checked = loop.time()
        self._followers_of_several.add(woken)
        try:
            for name in dict.fromkeys(names):
                if name in hidden:
                    yield _named_event("gone", name)
                    continue
                try:
                    topics[name] = await self._join(name)
                except TransientError:
                    return
                except TansakuError:
                    yield _named_event("gone", name)
                else:
                    topics[name].listeners.add(woken)
            while not self._ended:
                woken.clear()
                for name, topic in list(topics.items()):
                    if topic.gone:
                        self._stop_listening(name, topics.pop(name), woken)
                        yield _named_event("gone", name)
                    elif sent.get(name) != topic.version:
                        sent[name] = topic.version
                        yield _named_event("version", name, topic.version)
                if self._ended:
                    return
                try:
                    await asyncio.wait_for(woken.wait(), max(checked + self.pace.check - loop.time(), 0.0))
                except TimeoutError:
                    checked = loop.time()
                    if not await allowed():
                        return
                    yield ": open\n\n"
        finally:
            self._followers_of_several.discard(woken)
            for name, topic in topics.items():
                self._stop_listening(name, topic, woken)

    def _stop_listening(self, name: str, topic: _Topic, woken: asyncio.Event) -> None:
        topic.listeners.discard(woken)
        self._leave(name, topic)

    async def _join(self, name: str) -> _Topic:
        version = await run_in_threadpool(self._readings.version, name)
        topic = self._topics.get(name)
        if topic is None or topic.gone:
            topic = self._topics[name] = _Topic(version)
            topic.task = asyncio.create_task(self._poll(name, topic))
        topic.followers += 1
        return topic

    def _leave(self, name: str, topic: _Topic) -> None:
        topic.followers -= 1
        if topic.followers > 0:
            return
        if topic.task is not None:
            topic.task.cancel()
        if self._topics.get(name) is topic:
            del self._topics[name]

    async def _poll(self, name: str, topic: _Topic) -> None:
        try:
            while True:
                await asyncio.sleep(max(self.pace.poll, self.pace.apart * len(self._topics)))
                try:
                    version = await run_in_threadpool(self._readings.version, name)
                except TransientError:
                    continue  # the database does not answer; followers wait
                except TansakuError:
                    return
                if version != topic.version:
                    topic.publish(version)
        finally:
            topic.publish(None)


def _named_event(kind: str, name: str, version: str | None = None) -> str:
    return f"event: {kind}\ndata: {json.dumps({'campaign': name, 'version': version})}\n\n"


def _event(version: str) -> str:
    return f"event: version\nid: {version}\ndata: {version}\n\n"
