"""Attempts within a minute, by user and address."""

from __future__ import annotations

import pytest

from tansaku.deploy.web.auth.limits import AttemptLimiter, network_of


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_wrong_attempt_after_the_free_ones_waits_longer_up_to_ten_seconds():
    clock = Seconds()
    limiter = AttemptLimiter(2, clock)
    assert [limiter.admit("ada", "::1"), limiter.admit("ada", "::1")] == [0, 0]
    for wait in (1, 2, 4, 8, 10, 10):
        assert limiter.admit("ada", "::1") == pytest.approx(wait)
        clock.now += wait
        assert limiter.admit("ada", "::1") == 0
    clock.now += 61
    assert [limiter.admit("ada", "::1"), limiter.admit("ada", "::1")] == [0, 0]


def test_correct_logins_do_not_count():
    limiter = AttemptLimiter(2, Seconds())
    for _ in range(20):
        assert limiter.admit("ada", "::1") == 0
        limiter.withdraw("ada", "::1")
    assert limiter.admit("ada", "::1") == 0


def test_users_and_addresses_are_counted_apart_and_an_address_in_all():
    clock = Seconds()
    limiter = AttemptLimiter(1, clock)
    assert limiter.admit("ada", "10.0.0.1") == 0
    assert limiter.admit("ADA", "10.0.0.1") > 0
    assert limiter.admit("ada", "10.0.0.2") == 0
    assert [limiter.admit(f"user-{number}", "10.0.0.1") > 0 for number in range(4)] == [False, False, False, True]
    clock.now += 1
    assert limiter.admit("bob", "10.0.0.1") == 0, "an address with many names waits a second at most"


def test_memory_stays_bounded():
    limiter = AttemptLimiter(5, Seconds())
    for number in range(6000):
        limiter.admit("ada", f"10.0.{number // 250}.{number % 250}")
    assert len(limiter._made) <= 10_000


@pytest.mark.parametrize(
    ("address", "network"),
    [("10.0.0.1", "10.0.0.1"), ("2001:db8::1", "2001:db8::/64"), ("2001:db8::ffff:1%eth0", "2001:db8::/64"),
     ("::ffff:10.0.0.1", "10.0.0.1"), ("local", "local")],
)  # fmt: skip
def test_an_address_stands_for_its_network(address, network):
    assert network_of(address) == network
