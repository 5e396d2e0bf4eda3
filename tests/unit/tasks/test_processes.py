from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tansaku.tasks.processes import end_process, find_process, process_identity, this_driver

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


def deaf_process() -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_process_is_found_by_id_and_start_time_only():
    me = process_identity()
    assert find_process(me["pid"], me["started"]).pid == os.getpid()
    assert find_process(me["pid"], me["started"] - 100) is None
    assert this_driver().pid == me["pid"]
    with pytest.raises(psutil.NoSuchProcess):
        process_identity(2**22 + 1)


def test_a_process_that_nobody_reaps_is_gone():
    child = subprocess.Popen(["sleep", "600"])
    started = process_identity(child.pid)["started"]
    assert end_process(child.pid, started, 30.0)
    # Not waited for: it is a zombie now.
    assert find_process(child.pid, started) is None
    assert not end_process(child.pid, started, 30.0)
    assert child.wait() == -signal.SIGTERM


@pytest.mark.parametrize("stopped", [False, True], ids=["deaf", "stopped"])
def test_a_process_that_does_not_listen_is_killed(stopped):
    child = deaf_process()
    if stopped:
        child.send_signal(signal.SIGSTOP)
    assert end_process(child.pid, process_identity(child.pid)["started"], 0.2)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()


def test_another_process_of_the_same_id_is_left_alone():
    child = subprocess.Popen(["sleep", "600"])
    assert not end_process(child.pid, process_identity(child.pid)["started"] - 100, 0.2)
    assert child.poll() is None
    child.kill()
    child.wait()
    assert not end_process(child.pid, 0.0, 0.2)
