"""`tansaku serve` starts everything on a machine: a request of the dashboard, SIGKILL, another start, SIGTERM."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

import tansaku_client
from tansaku.models.domain.authors import Actor
from tansaku.models.domain.states import CampaignState
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources, open_resources
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_campaign, load_site
from tansaku.tasks.read.views.status import campaign_status
from tests.support.served import Served, command_line

LIMIT = 240.0
PATH = "/api/v1/campaigns/small"
SECRET = "a-secret-of-another-prefect-server"


class Page:
    """A browser that has logged in by the printed link."""

    def __init__(self, link: str) -> None:
        self.port, token = re.search(r"http://127\.0\.0\.1:(\d+)/login#token=(\S+)", link).groups()
        self.cookie = ""
        answer, text = self.ask("GET", "/login")
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        answer, _ = self.ask("POST", "/session", f"csrf_token={self.token_in(text)}&token={token}")
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    def token_in(self, text: str) -> str:
        return re.search(r'csrf_token" value="(\w+)"', text)[1]

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[http.client.HTTPResponse, str]:
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=LIMIT)
        sent = {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body, sent | ({"Cookie": self.cookie} if self.cookie else {}) | headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()

    def json(self, path: str) -> dict:
        return json.loads(self.ask("GET", path)[1])


def dashboard_of(serve: Served, wait_for) -> Page:
    wait_for(lambda: "login#token=" in serve.said() or serve.process.poll() is not None, "the dashboard is ready")
    assert serve.process.poll() is None, serve.said()
    return Page(serve.said())


@pytest.fixture
def serve(tmp_path: Path, require) -> Iterator[Served]:
    require("mongod")
    require("prefect")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as home:
        made = Served(Path(home), tmp_path, {"PREFECT_API_KEY": SECRET})
        yield made
        made.stop()


@pytest.fixture
def resources(serve: Served, campaign_document: dict, tmp_path: Path) -> Iterator[Resources]:
    """On the same database, with a campaign that was created and not run."""
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(campaign_document))
    with open_resources(Settings(home=serve.home), load_site(None)) as opened:
        prepare_campaign(opened, Actor("ada", "test"), load_campaign(tmp_path / "small.yaml"))
        yield opened


def test_all_of_it_on_one_machine(serve, resources, wait_for, tmp_path):
    serve.start("--reconcile", "never")
    page = dashboard_of(serve, wait_for)
    ask_before_the_service_runs(page)
    a_second_one_is_refused(serve, page)

    done = lambda: page.json(PATH)["done"]  # noqa: E731 - a condition
    wait_for(lambda: done() >= 2 or serve.process.poll() is not None, "evaluations arrive")
    children = serve.children()
    names = " ".join(map(command_line, children))
    assert all(part in names for part in ("web_process", "server_process", "service_process", "prefect.engine")), names
    secrets_stay_where_they_belong(children)
    first = page.json(f"{PATH}/runs/the-first-run")
    assert first["state"] == "accepted"

    serve.process.kill()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == [], [child.cmdline() for child in alive]
    assert EmbeddedMongod(serve.home).status().answering
    evaluated = {item.id: item.outcome for item in resources.store.evaluations("small") if item.outcome is not None}

    a_taken_port_is_refused(serve)
    serve.start("--reconcile", "never")
    page = dashboard_of(serve, wait_for)
    wait_for(lambda: page.json(f"{PATH}/runs/the-first-run")["state"] == "ended", "the run continues to its end")
    last = page.json(f"{PATH}/runs/the-first-run")
    assert (last["run"], last["reason"].partition(":")[0]) == (first["run"], "Completed")
    assert campaign_status(resources.store, "small").state is CampaignState.FINISHED
    after = {item.id: item.outcome for item in resources.store.evaluations("small")}
    assert len(after) == 8
    assert evaluated.items() <= after.items()
    assert len(page.json(f"{PATH}/runs")) == 1

    the_client_needs_nothing_else(page, tmp_path)

    children = serve.children()
    serve.process.send_signal(signal.SIGTERM)
    assert serve.process.wait(LIMIT) == 0, serve.said()
    # Those whose parent ended before them are zombies until init looks for them.
    assert psutil.wait_procs(children, timeout=20)[1] == []
    assert serve.said().endswith("stopping\nstopped\n")
    assert [seen.report.stopped for seen in resources.requests.services()] == [True]


def ask_before_the_service_runs(page: Page) -> None:
    """The request waits, and the page says for what."""
    _, home = page.ask("GET", "/")
    assert "no service runs" in home
    form = f"csrf_token={page.token_in(home)}&key=the-first-run"
    for _ in range(2):
        answer, _ = page.ask("POST", "/campaigns/small/runs", form)
        assert (answer.status, answer.headers["Location"]) == (303, "/campaigns/small")
    assert "run: requested; waiting for the service" in page.ask("GET", "/campaigns/small")[1]
    assert page.json("/api/v1/health")["waiting"] == 1


def a_second_one_is_refused(serve: Served, page: Page) -> None:
    second = serve.second("--port", "0")
    assert second.returncode == 2
    assert f"`tansaku serve` already runs on {serve.home}: process {serve.process.pid}" in second.stderr
    assert f"--url http://127.0.0.1:{page.port}" in second.stderr


def a_taken_port_is_refused(serve: Served) -> None:
    """Also right after a kill: it waits until the parts of the killed one have ended."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = serve.second("--port", str(port))
    assert refused.returncode == 2, refused.stderr
    assert f"--port {port}" in refused.stderr
    assert "in use" in refused.stderr


CLIENT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tansaku", "prefect", "pymongo", "torch"):
            raise ImportError(f"the client imports {name}")

sys.meta_path.insert(0, Refuse())
import tansaku_client as ts

with ts.connect(sys.argv[1]) as server:
    campaign = server.create({
        "schema_version": 1,
        "name": "by-hand",
        "space": {"type": "parameters", "parameters": {"x": {"type": "number", "low": 0, "high": 1}}},
        "calculator": {"type": "manual"},
        "objective": {"direction": "maximize", "property": "yield", "unit": "%"},
        "budget": {"evaluations": 8},
    })
    rows = campaign.ask(4, request_id="the-first-batch")
    assert campaign.ask(4, request_id="the-first-batch") == rows
    campaign.tell({row.number: 10 * row["x"] for row in rows})
    best = max(rows, key=lambda row: row["x"])
    print(len(rows), campaign.best.id == best.id, campaign.frame["value"].notna().sum())
"""


def the_client_needs_nothing_else(page: Page, folder: Path) -> None:
    """Of another machine: the package of the client alone, a token, and the address."""
    headers = {"Content-Type": "application/json", "X-CSRF-Token": page.token_in(page.ask("GET", "/")[1])}
    answer, text = page.ask("POST", "/api/v1/tokens", json.dumps({"label": "client", "role": "operator"}), **headers)
    assert answer.status == 201, text
    (folder / "alone").mkdir()
    (folder / "alone" / "tansaku_client").symlink_to(Path(tansaku_client.__file__).parent)
    environment = os.environ | {"PYTHONPATH": str(folder / "alone"), "TANSAKU_TOKEN": json.loads(text)["secret"]}
    command = [sys.executable, "-c", CLIENT, f"http://127.0.0.1:{page.port}"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stdout) == (0, "4 True 4\n"), done.stderr


def secrets_stay_where_they_belong(children: list[psutil.Process]) -> None:
    """Only a driver's environment has the password of the Prefect server; the dashboard's has nothing of Prefect's."""
    for child in children:
        environment, words = child.environ(), command_line(child)
        assert SECRET not in environment.values()
        if "prefect.engine" not in words:
            assert not any(name.startswith("PREFECT") for name in environment), (words, sorted(environment))
        assert "tansaku:" not in words
