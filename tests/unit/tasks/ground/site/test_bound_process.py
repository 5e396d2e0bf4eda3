"""A child ends with its parent, however that ends, and answers in lines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tansaku.tasks.ground.settings import child_environment
from tansaku.tasks.ground.site.bound_process import BoundProcess

CHILD = """
import os, signal, sys, threading
from tansaku.tasks.ground.site.bound_process import Parent
parent = Parent()
print("noise", flush=True)
print("more", file=sys.stderr)
parent.tell(got=parent.message, pid=os.getpid())
if parent.message["deaf"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
parent.end_with(parent.message["grace"], lambda: print("at last", flush=True))
if not parent.message["ends"]:
    threading.Event().wait()
"""


@pytest.fixture
def start(tmp_path: Path):
    """``start(**message)``: a child whose log is ``child.log``."""
    (tmp_path / "bound_child.py").write_text(CHILD)
    begun: list[BoundProcess] = []

    def make(**message: object) -> BoundProcess:
        message = {"grace": 0.2, "deaf": False, "ends": False} | message
        environment = child_environment() | {"PYTHONPATH": str(tmp_path)}
        begun.append(BoundProcess("bound_child", message, tmp_path / "child.log", environment))
        return begun[-1]

    yield make
    for process in begun:
        process.stop(0.0)


def test_a_child_answers_in_lines_and_its_noise_goes_to_the_log(start, tmp_path):
    child = start(secret="for the child alone")
    answer = child.answer(20)
    assert answer["got"]["secret"] == "for the child alone"
    assert answer["pid"] == child.identity["pid"]
    assert "for the child alone" not in " ".join(psutil.Process(answer["pid"]).cmdline())
    assert (tmp_path / "child.log").stat().st_mode & 0o777 == 0o600
    with pytest.raises(TimeoutError):
        child.answer(0.0)
    assert child.stop(10)
    assert child.answer(10) is None
    assert child.answer(10) is None
    assert set(child.log_tail().splitlines()) == {"noise", "more"}


def test_a_child_that_ends_by_itself_is_noticed(start):
    child = start(ends=True)
    assert child.answer(20)["got"]["ends"]
    assert child.answer(20) is None


def test_a_child_that_ignores_the_end_is_ended_after_its_grace(start):
    child = start(deaf=True)
    child.answer(20)
    assert child.stop(10)
    assert "at last" in child.log_tail()


def test_a_child_that_takes_too_long_is_killed(start):
    child = start(deaf=True, grace=60.0)
    child.answer(20)
    assert not child.stop(0.3)


def test_a_module_that_is_not_there_ends_with_its_reason_in_the_log(tmp_path):
    child = BoundProcess("tansaku.no_such_module", {}, tmp_path / "log", child_environment())
    assert child.answer(20) is None
    assert "no_such_module" in child.log_tail()


def test_sigkill_of_the_parent_ends_the_child(tmp_path):
    (tmp_path / "bound_child.py").write_text(CHILD)
    parent = (
        "import sys, threading\nfrom pathlib import Path\nfrom tansaku.tasks.ground.site.bound_process import BoundProcess\n"
        "message = {'grace': 0.2, 'deaf': True, 'ends': False}\n"
        f"child = BoundProcess('bound_child', message, Path({str(tmp_path)!r}, 'child.log'), None)\n"
        "print(child.answer(20)['pid'], flush=True)\nthreading.Event().wait()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, env=environment) as process:
        child = psutil.Process(int(process.stdout.readline()))
        assert child.is_running()
        process.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([child], timeout=10)[1] == []
