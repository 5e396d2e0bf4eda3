"""Turns of attempts that follow wrong ones, and who gets them. Time passes as fast as the tests run."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count

import pytest

from tansaku.deploy.web.auth.limits import AttemptLimiter, network_of

HERE, ELSEWHERE = "10.0.0.1", "10.0.0.2"


class Loop(asyncio.SelectorEventLoop):
    """Waits for nothing: its clock goes on instead."""

    def __init__(self) -> None:
        super().__init__(_Selector(self))
        self.now = 100.0

    def time(self) -> float:
        return self.now


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self.loop = loop

    def select(self, timeout=None):
        self.loop.now += timeout or 0.0
        return super().select(0)


@pytest.fixture
def in_time() -> Callable[[Callable[[AttemptLimiter], Coroutine]], object]:
    """``in_time(story, attempts=10)``: what a story with a limiter returns."""

    def run(story, attempts=10):
        loop = Loop()
        try:
            return loop.run_until_complete(story(AttemptLimiter(attempts, loop.time)))
        finally:
            loop.close()

    return run


async def tries(limiter: AttemptLimiter, asker: str, attempt: str) -> tuple[int, float]:
    """How often somebody who does what Retry-After says asks until the turn comes, and how long that takes [s]."""
    begun = asyncio.get_running_loop().time()
    for tried in range(1, 61):
        if await limiter.turn(asker, attempt):
            limiter.withdraw(asker)
            return tried, asyncio.get_running_loop().time() - begun
        await asyncio.sleep(1)
    return 61, float("inf")


async def attacked(limiter: AttemptLimiter, rate: float, then: Awaitable, guess=lambda n: f"ada guess {n}") -> tuple:
    """What ``then`` returns during an attack, and the number of guesses that were looked at in how many seconds."""
    looked_at, asked = [], set()

    async def one(number: int) -> None:
        if await limiter.turn(HERE, guess(number)):
            looked_at.append(number)

    async def attack() -> None:
        for number in count():
            task = asyncio.create_task(one(number))
            asked.add(task)
            task.add_done_callback(asked.discard)
            await asyncio.sleep(1 / rate)

    loop = asyncio.get_running_loop()
    begun, attacker = loop.time(), asyncio.create_task(attack())
    await asyncio.sleep(30)
    found = await then
    attacker.cancel()
    await asyncio.gather(*asked)
    return found, len(looked_at), loop.time() - begun


@pytest.mark.parametrize("rate", [10, 100])
def test_who_knows_the_password_gets_in_during_an_attack_from_the_same_address(in_time, rate):
    async def story(limiter):
        async def user():
            times = []
            for _ in range(20):
                times.append(await tries(limiter, HERE, "ada right"))
                await asyncio.sleep(16.3)  # until its place is forgotten
            return times

        return await attacked(limiter, rate, user())

    times, looked_at, seconds = in_time(story)
    assert max(tried for tried, _ in times) <= 3
    assert max(took for _, took in times) < 10
    assert looked_at <= 10 + seconds, "one guess a second, after ten"


def test_a_script_that_repeats_an_old_password_holds_nobody_up(in_time):
    async def story(limiter):
        return await attacked(limiter, 10, tries(limiter, HERE, "ada right"), lambda _: "ada old")

    (tried, took), _, _ = in_time(story)
    assert tried <= 4
    assert took < 12


def test_who_comes_from_elsewhere_does_not_wait(in_time):
    async def story(limiter):
        return await attacked(limiter, 10, tries(limiter, ELSEWHERE, "ada right"))

    assert in_time(story)[0] == (1, 0.0)


def test_a_few_wrong_attempts_are_free_and_then_one_a_second(in_time):
    async def story(limiter):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(20):
            assert await limiter.turn(HERE, str(number))
        return loop.time() - begun

    assert in_time(story, attempts=5) == pytest.approx(15, abs=2)


def test_few_wait_at_a_time_and_memory_stays_bounded(in_time):
    async def story(limiter):
        most = 0

        async def watch():
            nonlocal most
            for _ in range(50):
                most = max(most, sum(map(len, limiter._waiting.values())))
                await asyncio.sleep(0.1)

        await attacked(limiter, 1000, watch())
        for number in range(10_100):
            limiter.admit(f"address {number}")
        return most, limiter

    most, limiter = in_time(story)
    assert most <= 150, "32, and those that come until these ask again"
    assert not limiter._waiting
    assert len(limiter._places) <= 10_000
    assert len(limiter._wrong) <= 10_000


@pytest.mark.parametrize(
    ("address", "network"),
    [("10.0.0.1", "10.0.0.1"), ("2001:db8::1", "2001:db8::/64"), ("2001:db8::ffff:1%eth0", "2001:db8::/64"),
     ("::ffff:10.0.0.1", "10.0.0.1"), ("local", "local")],
)  # fmt: skip
def test_an_address_stands_for_its_network(address, network):
    assert network_of(address) == network
