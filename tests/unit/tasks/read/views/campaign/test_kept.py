"""Things that many threads ask for at the same time are made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from tansaku.tasks.read.views.campaign import Once


def test_twenty_threads_get_what_one_of_them_made():
    once, made, together = Once(), [], Barrier(20)

    def make() -> object:
        made.append(1)
        return object()

    def ask(_: int) -> object:
        together.wait(10.0)
        return once.get("figures", make)

    with ThreadPoolExecutor(20) as threads:
        found = set(threads.map(ask, range(20)))
    assert (len(made), len(found)) == (1, 1)


def test_another_key_does_not_wait():
    once, begun, go_on = Once(), Event(), Event()

    def slow() -> str:
        begun.set()
        assert go_on.wait(10.0)
        return once.get("inner", lambda: "of the slow one")

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(once.get, "slow", slow)
        assert begun.wait(10.0)
        assert once.get("fast", lambda: "at once") == "at once"
        go_on.set()
        assert waiting.result(10.0) == "of the slow one"


def test_after_an_error_the_next_one_tries_again():
    once = Once()
    with pytest.raises(ZeroDivisionError):
        once.get("key", lambda: 1 / 0)
    assert once.get("key", lambda: None) is None
    assert once.get("key", lambda: "not made") is None
