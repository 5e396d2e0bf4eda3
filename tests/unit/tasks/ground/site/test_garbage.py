"""Memory when many records are read."""

from __future__ import annotations

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psutil
import pytest

from tansaku.tasks.ground.site.garbage import collection_paused, give_back_memory


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


HEAPS = """
import ctypes, sys, threading
from pathlib import Path
from tansaku.tasks.ground.site.garbage import share_heap
if sys.argv[1] == "shared":
    share_heap()
together = threading.Barrier(8)
def work():
    pieces = [bytearray(60_000) for _ in range(10)]
    together.wait(60.0)
for thread in [threading.Thread(target=work) for _ in range(8)]:
    thread.start()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
report = library.fopen(sys.argv[2].encode(), b"w")
library.malloc_info(0, ctypes.c_void_p(report))
library.fclose(ctypes.c_void_p(report))
print(Path(sys.argv[2]).read_text().count("<heap nr="))
"""


def test_threads_share_one_heap(tmp_path):
    def heaps(word: str) -> int:
        command = [sys.executable, "-c", HEAPS, word, str(tmp_path / word)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)

    assert (heaps("shared"), heaps("apart") > 1) == (1, True)
