"""Parts are started in order, started again when they end, and ended in order; with small processes in their places."""

from __future__ import annotations

import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from tansaku.deploy.cli import serve_parts
from tansaku.deploy.cli.serve_parts import DASHBOARD, DATABASE, SERVER, SERVICE, Everything, ServeOptions, serve_everything
from tansaku.models.domain.errors import ConfigurationError, StoreError, TransientError
from tansaku.tasks.ground.settings import Settings, child_environment
from tansaku.tasks.ground.site.bound_process import BoundProcess

CHILD = """
import threading
from tansaku.tasks.ground.site.bound_process import Parent
parent = Parent()
parent.end_with(0.2)
for answer in parent.message["answers"]:
    parent.tell(**answer)
if not parent.message["ends"]:
    threading.Event().wait()
"""
ANSWERS = {
    SERVER: {"port": 4321},
    SERVICE: {"say": "serving"},
    DASHBOARD: {"port": 8421, "url": "http://x", "page": "http://x/#y"},
}


class Places:
    """Small processes in the places of the parts, and what was shown."""

    def __init__(self, tmp_path: Path) -> None:
        (tmp_path / "placed_child.py").write_text(CHILD)
        self.folder, self.home = tmp_path, tmp_path / "home"
        self.shown: list[str] = []
        self.started: list[tuple[str, int]] = []
        self.answers = {name: [answer] for name, answer in ANSWERS.items()}
        self.ends: set[str] = set()

    def start(self, name: str) -> BoundProcess:
        message = {"answers": self.answers[name], "ends": name in self.ends}
        environment = child_environment() | {"PYTHONPATH": str(self.folder)}
        process = BoundProcess("placed_child", message, self.folder / f"{name}.log", environment)
        self.started.append((name, process.identity["pid"]))
        return process

    def serve(self, **changes: object) -> None:
        options = {"service": {}, "own_server": True, "web": True, "port": 0, "site": None} | changes
        serve_everything(Settings(home=self.home), ServeOptions(**options), self.show)

    def show(self, text: str) -> None:
        self.shown.append(text)
        if "serving" in text:
            self.interrupt()

    def interrupt(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def places(tmp_path, monkeypatch) -> Places:
    made = Places(tmp_path)
    for name, method in ((SERVER, "_start_server"), (SERVICE, "_start_service"), (DASHBOARD, "_start_dashboard")):
        monkeypatch.setattr(Everything, method, lambda self, name=name: made.start(name))
    monkeypatch.setattr(Everything, "_open_database", lambda self: made.show(f"{DATABASE}: ready"))
    monkeypatch.setattr(serve_parts, "_PAUSE", 0.0)
    return made


def names(places: Places) -> list[str]:
    return [name for name, _ in places.started]


def nothing_is_left(places: Places) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for _, pid in places.started)


def test_the_service_is_started_when_the_server_is_ready_and_all_end_by_a_signal(places):
    opened = []
    before = signal.getsignal(signal.SIGINT)
    places.serve(open_page=opened.append)
    assert names(places) == [DASHBOARD, SERVER, SERVICE]
    assert opened == ["http://x/#y"]
    lines = [line.partition(" (")[0] for line in places.shown]
    assert lines[0] == "database: ready"
    assert sorted(lines[1:5]) == sorted(
        ["Prefect server: starting; the first time it takes half a minute", "dashboard: http://x/#y", "Prefect server: ready",
         "service: serving"]
    )  # fmt: skip
    assert lines[-2:] == ["stopping", "stopped"]
    assert nothing_is_left(places)
    assert signal.getsignal(signal.SIGINT) is before


def test_without_the_dashboard_and_with_another_server_the_service_is_alone(places):
    places.serve(own_server=False, web=False)
    assert names(places) == [SERVICE]


def test_a_part_that_ends_is_started_again(places):
    def show(text: str) -> None:
        places.shown.append(text)
        if text.startswith(f"{DASHBOARD}: http"):
            if names(places).count(DASHBOARD) == 1:
                os.kill(dict(places.started)[DASHBOARD], signal.SIGKILL)
            else:
                places.interrupt()

    places.show = show
    opened = []
    places.serve(open_page=opened.append)
    assert names(places).count(DASHBOARD) == 2
    assert "dashboard: the dashboard ended: no output; starting it again" in places.shown
    assert len(opened) == 1
    assert nothing_is_left(places)


class AnswersAFewTimes(BaseHTTPRequestHandler):
    """A dashboard that is alive for some attempts, and hangs from then on."""

    def do_GET(self) -> None:
        asked: list[str] = self.server.asked
        asked.append(self.path)
        if len(asked) > 6:
            self.server.hangs.wait()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_dashboard_that_does_not_answer_is_started_again(places, monkeypatch):
    monkeypatch.setattr(serve_parts, "_SILENCE", 0.8)
    with ThreadingHTTPServer(("127.0.0.1", 0), AnswersAFewTimes) as dashboard:
        dashboard.asked, dashboard.hangs = [], threading.Event()
        threading.Thread(target=dashboard.serve_forever).start()
        asked_before: list[int] = []

        def show(text: str) -> None:
            places.shown.append(text)
            if text.startswith(f"{DASHBOARD}: http"):
                asked_before.append(len(dashboard.asked))
                if len(asked_before) == 2:
                    places.interrupt()

        places.show = show
        places.answers[DASHBOARD] = [{"port": dashboard.server_port, "url": "http://x", "page": "http://x"}]
        places.serve()
        dashboard.hangs.set()
        dashboard.shutdown()
    assert "dashboard: it did not answer for 0.8 s; starting it again" in places.shown
    assert set(dashboard.asked) == {"/health/live"}
    assert asked_before[1] >= 10  # six that were answered, four that were not
    assert nothing_is_left(places)


@pytest.mark.parametrize("name", [SERVER, DASHBOARD])
def test_a_part_that_never_is_ready_ends_everything(places, name):
    places.answers[name], places.ends = [], {name}
    with pytest.raises(TransientError, match=f"the {name} ended: no output"):
        places.serve()
    assert nothing_is_left(places)


def test_a_part_that_ends_again_and_again_ends_everything(places):
    places.ends = {SERVER}
    places.answers[SERVICE] = []
    with pytest.raises(TransientError, match="the Prefect server ended"):
        places.serve()
    assert names(places).count(SERVER) == 4
    assert nothing_is_left(places)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("ConfigurationError", ConfigurationError),
        ("LeaseHeldError", StoreError),
        ("TransientError", TransientError),
        ("?", TransientError),
    ],
)
def test_the_error_of_a_part_is_reported_as_it_is(places, kind, error):
    places.answers[DASHBOARD] = [{"error": "--port 80: in use", "hint": "another", "kind": kind}]
    places.answers[SERVICE] = []  # or it would end everything, perhaps before the error
    with pytest.raises(error, match="--port 80: in use") as raised:
        places.serve()
    assert raised.value.hint == "another"
    assert nothing_is_left(places)


def test_a_signal_while_parts_start_ends_them(places):
    places.answers[DASHBOARD] = places.answers[SERVER] = []
    timer = threading.Timer(0.5, places.interrupt)
    timer.start()
    begun = time.monotonic()
    places.serve()
    assert time.monotonic() - begun < 8
    assert places.shown[-2:] == ["stopping", "stopped"]
    assert SERVICE not in names(places)
    assert nothing_is_left(places)
