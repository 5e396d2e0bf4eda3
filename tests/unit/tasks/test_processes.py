"""Identities of processes and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tansaku.tasks.processes import end_process, find_process, process_identity, this_driver

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
    assert find_process(identity["pid"], identity["started"] - 100) is None


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


@pytest.mark.parametrize(("program", "number"), [(OBEDIENT, signal.SIGTERM), (STUBBORN, signal.SIGKILL)])
def test_ended_by_term_then_kill(start, program, number):
    process = start(program)
    identity = process_identity(process.pid)
    assert end_process(identity["pid"], identity["started"], 0.3)
    assert process.wait() == -number


def test_somebody_elses_process_of_the_same_id_is_left_alone(start):
    process = start(OBEDIENT)
    assert not end_process(process.pid, process_identity(process.pid)["started"] + 1000, 0.3)
    assert process.poll() is None


def test_driver_is_this_process():
    me = this_driver()
    assert find_process(me.pid, me.process_started) is not None
    assert me.pid == process_identity()["pid"]


def test_what_a_process_has_started_ends_with_it_where_that_is_asked_for(tmp_path):
    """A worker that waits for a DFT code: the code would go on without it."""
    code = "import subprocess, sys; child = subprocess.Popen(['sleep', '300']); print(child.pid, flush=True); child.wait()"
    for with_children in (False, True):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
            child = psutil.Process(int(parent.stdout.readline()))
            me = process_identity(parent.pid)
            assert end_process(me["pid"], me["started"], 5.0, with_children=with_children)
        if with_children:
            child.wait(10.0)
        else:
            assert child.is_running()
            child.kill()
