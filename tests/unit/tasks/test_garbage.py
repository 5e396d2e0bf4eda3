"""Memory when many records are read."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psutil
import pytest

from tansaku.tasks.garbage import collection_paused, give_back_memory


def test_the_collection_goes_on_after_a_pause_and_after_an_error():
    with collection_paused():
        assert not gc.isenabled()
        with collection_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), collection_paused():
        raise KeyError
    assert gc.isenabled()


def test_who_has_switched_it_off_keeps_it_off():
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_it_goes_on_when_the_pauses_of_threads_overlap():
    together = Barrier(8)

    def pause(_: int) -> None:
        together.wait(10.0)
        with collection_paused():
            together.wait(10.0)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(pause, range(8)))
    assert gc.isenabled()


def test_freed_memory_goes_back_to_the_system():
    process = psutil.Process()
    # Every second piece is freed, and the last one kept: the C library cannot shrink its heap by itself.
    pieces = [bytearray(60_000) for _ in range(1000)]
    kept = pieces[::2]
    del pieces
    before = process.memory_info().rss
    give_back_memory()
    assert process.memory_info().rss < before - 20e6
    assert len(kept) == 500
