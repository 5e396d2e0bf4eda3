"""Descendants of a process and their memory."""

import os
import subprocess
import sys

import psutil
import pytest

from tansaku.tasks.ground.site.process_tree import descendants, end_descendants, memory_of

FAMILY = """
import os, time
held = b"x" * 60_000_000
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        break
os.write(1, b"!")
time.sleep(300)
"""


@pytest.fixture
def parent():
    """A process with three children that share its memory."""
    with subprocess.Popen([sys.executable, "-S", "-c", FAMILY], stdout=subprocess.PIPE) as process:
        assert process.stdout.read(4) == b"!!!!"
        children = psutil.Process(process.pid).children()
        yield process
        for one in [*children, process]:
            one.kill()


def test_pages_that_processes_share_count_once_where_it_matters(parent):
    family = [one for one in descendants(os.getpid()) if parent.pid in (one.pid, one.parent)]
    assert len(family) == 4
    assert memory_of(family, 1e12) > 240e6
    assert 60e6 < memory_of(family, 1e6) < 120e6


def test_a_spared_process_keeps_what_it_has_started(parent):
    with subprocess.Popen(["sleep", "300"]) as other:
        found = {one.pid for one in descendants(os.getpid(), spared=parent.pid)}
        assert other.pid in found
        assert not {parent.pid, *(one.pid for one in psutil.Process(parent.pid).children())} & found
        other.kill()
    assert len(descendants(parent.pid)) == 3
    assert end_descendants(parent.pid)
    assert descendants(parent.pid) == []
    assert parent.poll() is None
