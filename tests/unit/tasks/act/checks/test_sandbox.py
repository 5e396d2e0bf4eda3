"""The processes that check specs: what they may use, and what becomes of those that use more."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from tansaku.models.domain.specs.limits import DEFAULT_LIMITS
from tansaku.models.domain.specs.web import SandboxSpec
from tansaku.tasks.act.checks import sandbox
from tansaku.tasks.act.checks.request import CheckProgress, CheckRequest
from tansaku.tasks.act.checks.sandbox import BusyError, Sandbox, SandboxError, UnwantedError, Watch
from tansaku.tasks.ground.settings import Settings
from tests.support.campaign_files import table_space

LIMITED = (
    "import sys, os, json; from tansaku.tasks.act.commands.sandbox_child import limit_process; "
    "limit_process(*map(int, sys.argv[1:3]))\n"
)
SECONDS = 20.0


def request(spec: dict | None = None, **changes: object) -> CheckRequest:
    return CheckRequest(task="check", spec=spec or {}, base_path="/nowhere", limits=DEFAULT_LIMITS).model_copy(update=changes)


@pytest.fixture
def ask(monkeypatch):
    """``ask(code)``: the answer of a process with limits that runs this code."""

    def run(code: str, watch: Watch = sandbox.ALONE, **limits: object):
        monkeypatch.setattr(sandbox, "COMMAND", ("-c", LIMITED + code))
        return Sandbox(SandboxSpec(**{"seconds": SECONDS, "memory": 1000, **limits})).ask(request(), watch)

    return run


def test_a_spec_that_is_wrong_is_answered_without_folders_of_the_machine():
    answer = Sandbox(SandboxSpec()).ask(
        request(
            {
                "schema_version": 1,
                "name": "rows",
                "space": table_space("rows.csv", {"id": "id", "value": "v"}, {"place": {"columns": ["x"]}}),
            }
        )
    )
    assert answer.error.kind == "configuration"
    assert answer.error.message.startswith("space.candidates: file 'rows.csv' does not exist")


def test_folders_are_removed_from_messages_and_nothing_else(ask):
    answer = ask(
        "error = {'kind': 'refused', 'message': '5 mJ/m2 in /nowhere/rows.csv', 'hint': 'see /nowhere/a and b/c'}\n"
        "print(json.dumps({'error': error}))"
    )
    assert (answer.error.message, answer.error.hint) == ("5 mJ/m2 in rows.csv", "see a and b/c")
    answer = ask(
        "import sys; hint = f'there are some in {sys.prefix}/share/potentials'\n"
        "error = {'kind': 'refused', 'message': 'a.eam is no file in /nowhere and not shipped', 'hint': hint}\n"
        "print(json.dumps({'error': error}))"
    )
    shown = ("a.eam is no file in the library and not shipped", "there are some in share/potentials")
    assert (answer.error.message, answer.error.hint) == shown


def test_too_much_memory_is_an_error(ask):
    answer = ask(
        "from io import StringIO; from tansaku.tasks.act.commands import sandbox_child as child\n"
        "child._done = lambda *_: bytearray(2 << 30)\n"
        "print(child.answer(None, StringIO()).model_dump_json())"
    )
    assert (answer.error.kind, answer.preview) == ("memory", None)


def test_a_process_that_is_killed_is_an_error_and_its_log_is_kept(ask, caplog):
    answer = ask("sys.stderr.write('why\\x1b[0m'); sys.stderr.flush(); os.abort()")
    assert answer.error.kind == "memory"
    assert "signal 6" in answer.error.message
    assert "why\\x1b[0m" in caplog.text


@pytest.mark.parametrize("code", ["while True: pass", "import signal; signal.pause()"])
def test_too_much_time_is_an_error(ask, code):
    began = time.monotonic()
    with pytest.raises(SandboxError, match="longer than 1 s"):
        ask(code, seconds=1.0)
    assert time.monotonic() - began < SECONDS


def test_processes_that_it_started_end_with_it(ask, tmp_path):
    started = tmp_path / "started"
    with pytest.raises(SandboxError, match="longer"):
        ask(
            "import subprocess; child = subprocess.Popen(['sleep', '600'])\n"
            f"open({str(started)!r}, 'w').write(str(child.pid)); child.wait()",
            seconds=3.0,
        )
    until = time.monotonic() + SECONDS
    while is_running(started.read_text()):
        assert time.monotonic() < until
        os.sched_yield()


def is_running(pid: str) -> bool:
    """Whether a process runs; one whose parent is gone is a zombie until it is reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_too_long_an_answer_is_an_error(ask, monkeypatch):
    monkeypatch.setattr(sandbox, "LARGEST_ANSWER", 1000)
    with pytest.raises(SandboxError, match="larger"):
        ask("print('x' * 100_000)")


@pytest.mark.parametrize("code", ["print('no json')", "print('{\"preview\": 5}')", "sys.exit(3)", "pass"])
def test_an_answer_of_another_form_is_an_error(ask, code, caplog):
    with pytest.raises(SandboxError, match="ended with an error"):
        ask(code)
    assert "a check ended with" in caplog.text


def test_files_are_limited_too(ask):
    answer = ask(
        "from tansaku.tasks.act.commands import sandbox_child as child; child._LARGEST_FILE\n"
        "import resource\n"
        "names = ('FSIZE', 'CORE', 'NOFILE', 'AS', 'CPU')\n"
        "limits = [resource.getrlimit(getattr(resource, 'RLIMIT_' + name))[0] for name in names]\n"
        "print(json.dumps({'error': {'kind': 'refused', 'message': json.dumps(limits)}}))"
    )
    assert json.loads(answer.error.message) == [256 << 20, 0, 256, 1000 << 20, SECONDS]


def test_a_process_gets_no_secrets(ask, monkeypatch):
    secret = "hunter2-hunter2"
    for name in ("TANSAKU_MONGO_URI", "PREFECT_API_KEY", "HTTPS_PROXY", "AWS_SECRET_ACCESS_KEY", "SOME_TOKEN", "SLURM_JWT"):
        monkeypatch.setenv(name, secret)
    answer = ask(
        "seen = json.dumps(dict(os.environ)) + open('/proc/self/cmdline').read().replace(chr(0), ' ') + sys.stdin.read()\n"
        "print(json.dumps({'error': {'kind': 'refused', 'message': str('hunt' + 'er2' in seen)}}))"
    )
    assert answer.error.message == "False"
    assert Settings.from_environment().mongo_uri.get_secret_value() == secret


def test_progress_is_reported(ask):
    seen: list[CheckProgress] = []
    ask(
        "import time\n"
        "for done in (1, 2):\n"
        "    print(json.dumps({'done': done, 'total': 2}), flush=True)\n"
        "    time.sleep(0.4)\n"
        "print('{}')",
        Watch(on_progress=seen.append),
    )
    assert {progress.done for progress in seen} == {1, 2}


def test_a_check_that_nobody_waits_for_is_ended(ask):
    began = time.monotonic()
    with pytest.raises(UnwantedError):
        ask("import signal; signal.pause()", Watch(wanted=lambda: time.monotonic() - began < 0.5))
    assert time.monotonic() - began < SECONDS / 2


def test_only_so_many_run_at_once(monkeypatch):
    monkeypatch.setattr(sandbox, "_MOST_WAITING", 0)
    monkeypatch.setattr(sandbox, "COMMAND", ("-c", "import signal; signal.pause()"))
    busy, stop = Sandbox(SandboxSpec(at_once=1, seconds=SECONDS)), threading.Event()

    def wait() -> None:
        with pytest.raises(UnwantedError):
            busy.ask(request(), Watch(wanted=lambda: not stop.is_set()))

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        while busy._checks._value:
            os.sched_yield()
        with pytest.raises(BusyError):
            busy.ask(request())
    finally:
        stop.set()
        thread.join()


def table_spec(name: str) -> dict:
    return {
        "schema_version": 1,
        "name": "rows",
        "space": table_space(name, {"id": "id", "value": "v"}, {"place": {"columns": ["x"]}}),
        "proposer": {"type": "grid"},
    }


def test_a_file_that_unfolds_to_too_much_is_an_error(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = 8
    table = pa.table({"id": [f"{number}" + "a" * 10_000_000 for number in range(rows)], "v": [1.0] * rows, "x": [0.0] * rows})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd", use_dictionary=False)
    assert (tmp_path / "bomb.parquet").stat().st_size < 1_000_000
    spec = table_spec("bomb.parquet")
    answer = Sandbox(SandboxSpec()).ask(request(spec, base_path=str(tmp_path), resident=300))
    assert (answer.error.kind, answer.preview) == ("memory", None)
    assert "expected at most 300 MB" in answer.error.message
