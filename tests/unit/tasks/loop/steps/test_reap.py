"""Helpers of a dead driver are ended; nobody else's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tansaku.tasks.ground.site.processes import process_identity
from tansaku.tasks.loop.steps.reap import reap_orphans


@pytest.fixture
def helper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def runtime(helper, **driver):
    return {"driver": process_identity() | driver, "helpers": {"prefect_server": process_identity(helper.pid)}}


def test_helper_of_a_dead_driver_is_ended(helper):
    identity = process_identity(helper.pid)
    assert reap_orphans(runtime(helper, pid=2**22 - 1)) == [identity]
    assert helper.wait(30) is not None


@pytest.mark.parametrize("driver", [{}, {"pid": 2**22 - 1, "host": "elsewhere"}], ids=["alive", "elsewhere"])
def test_helper_of_a_living_or_foreign_driver_is_left_alone(helper, driver):
    assert reap_orphans(runtime(helper, **driver)) == []
    assert helper.poll() is None


def test_nothing_recorded_is_nothing_to_do():
    assert reap_orphans({}) == []
