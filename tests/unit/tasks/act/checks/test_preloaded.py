"""Processes forked for checks: each is a new one with its limits, and the one that forks is replaced when it has ended."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tansaku.deploy.campaign_templates import campaign_templates
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS
from tansaku.models.domain.specs.web import SandboxSpec
from tansaku.tasks.act.checks.preloaded import Preloaded
from tansaku.tasks.act.checks.request import CheckRequest
from tansaku.tasks.act.checks.sandbox import Sandbox
from tansaku.tasks.ground.formats.yaml_text import parse_yaml


@pytest.fixture(scope="module")
def preloaded():
    made = Preloaded()
    made.prepare()
    yield made
    made.close()


def request(name: str = "cu-emt", **changes: object) -> CheckRequest:
    data = parse_yaml(campaign_templates()[name].read_text(), name).data
    return CheckRequest(task="check", spec=data, base_path="/nowhere", limits=DEFAULT_LIMITS).model_copy(update=changes)


def test_a_check_has_the_same_answer_as_in_a_new_program(preloaded):
    box = Sandbox(SandboxSpec(), preloaded)
    answers = [box.ask(request()) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0].preview.crystal.startswith("3.59 Å, +0.00 % off the calculator's own 3.5898 Å")
    assert answers[0].preview.candidates == 1122
    wrong = box.ask(request(spec={"schema_version": 1, "name": "x", "space": {"type": "structures", "paths": ["none.cif"]}}))
    assert wrong.error.kind == "configuration"


def test_each_process_is_new_and_has_its_limits(preloaded, tmp_path):
    pids = []
    with (tmp_path / "in").open("wb+") as given, (tmp_path / "out").open("wb") as out:
        for memory in (1 << 20, 1 << 32):  # too little to read the request in
            given.seek(0)
            started = preloaded.start((str(memory), "5"), tmp_path, (given.fileno(), out.fileno(), out.fileno()))
            pids.append(started.pid)
            assert started.wait(20) != 0
            with pytest.raises(ProcessLookupError):
                os.kill(started.pid, 0)
    assert len({*pids, preloaded._process.pid}) == 3


def test_a_process_is_ended_with_its_session_and_a_lost_forker_is_replaced(preloaded, tmp_path):
    waits, _ = os.pipe()
    with (tmp_path / "out").open("wb") as out:
        started = preloaded.start((str(1 << 32), "5"), tmp_path, (waits, out.fileno(), out.fileno()))
    os.killpg(started.pid, signal.SIGKILL)
    assert started.wait(20) == -signal.SIGKILL
    process = preloaded._process
    process.kill()
    process.wait()
    assert Sandbox(SandboxSpec(), preloaded).ask(request()).preview.candidates == 1122
    assert preloaded._process is not process


def test_the_forker_ends_with_its_server():
    made = Preloaded()
    made.prepare()
    process = made._process
    made._control.close()
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert process.poll() == 0
