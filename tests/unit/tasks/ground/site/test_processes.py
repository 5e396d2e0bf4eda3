"""Identities of processes and their end."""

import json
import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from tansaku.tasks.ground.site.processes import end_process, find_process, process_identity, this_driver

OBEDIENT = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"


@pytest.fixture
def start():
    started = []

    def run(program):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_identity_finds_the_process_and_no_other_of_its_id(start):
    process = start(OBEDIENT)
    identity = process_identity(process.pid)
    assert find_process(identity["pid"], identity["started"]).pid == process.pid
    boot, _, ticks = identity["started"].partition("/")
    assert find_process(identity["pid"], f"{boot}/{int(ticks) - 1}") is None
    assert find_process(identity["pid"], f"00000000-0000-0000-0000-000000000000/{ticks}") is None


def test_dead_and_zombie_are_gone(start):
    process = start(OBEDIENT)
    identity = process_identity(process.pid)
    process.send_signal(signal.SIGKILL)
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert find_process(identity["pid"], identity["started"]) is None
    process.wait()
    assert find_process(identity["pid"], identity["started"]) is None
    assert not end_process(identity["pid"], identity["started"], 1.0)


def test_the_id_of_a_thread_is_no_process():
    """A recorded id may belong to a thread of another process by now."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not end_process(thread.native_id, "x/1", 0.1)
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(("program", "number"), [(OBEDIENT, signal.SIGTERM), (STUBBORN, signal.SIGKILL)])
def test_ended_by_term_then_kill(start, program, number):
    process = start(program)
    identity = process_identity(process.pid)
    assert end_process(identity["pid"], identity["started"], 0.3)
    assert process.wait() == -number


def test_somebody_elses_process_of_the_same_id_is_left_alone(start):
    process = start(OBEDIENT)
    assert not end_process(process.pid, process_identity(process.pid)["started"] + "0", 0.3)
    assert process.poll() is None


def test_driver_is_this_process():
    me = this_driver()
    assert find_process(me.pid, me.process_started) is not None
    assert me.pid == process_identity()["pid"]


def test_a_start_time_in_seconds_of_an_older_version_is_understood(start):
    process = start(OBEDIENT)
    created = psutil.Process(process.pid).create_time()
    assert find_process(process.pid, created).pid == process.pid
    assert find_process(process.pid, created - 100) is None


LOOK = """
import json, sys
from tansaku.tasks.ground.site.processes import find_process, process_identity
pid, started = json.loads(sys.argv[1])
print(json.dumps([find_process(pid, started) is not None, process_identity(pid)["started"]]))
"""


@pytest.mark.parametrize("step", [-10, 10])
def test_setting_the_system_clock_changes_no_identity(require, start, set_clock, step):
    """The kernel derives the boot time in /proc/stat from the clock, and psutil derives start times from that."""
    require("root")
    process = start(OBEDIENT)
    identity = process_identity(process.pid)
    seconds = psutil.Process(process.pid).create_time()
    code = "import psutil, sys; print(psutil.Process(int(sys.argv[1])).create_time())"
    moved = float(set_clock(step, [sys.executable, "-c", code, str(process.pid)]))
    assert moved - seconds == pytest.approx(step, abs=1.0), "the test does not set the clock"
    told = set_clock(step, [sys.executable, "-c", LOOK, json.dumps([identity["pid"], identity["started"]])])
    assert json.loads(told) == [True, identity["started"]]
