"""SIGKILL of each process of `tansaku serve` at some stages of a campaign that was begun on the dashboard: nothing is lost."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import yaml

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.states import CampaignState
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import DatabaseResources, open_resources
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import drive
from tansaku.tasks.node.configuration.campaign_files import load_campaign, load_site
from tansaku.tasks.read.views.status import campaign_status
from tests.integration.prefect.test_serve import dashboard_of
from tests.support.served import Served, command_line
from tests.support.workers import workers_on

EVALUATIONS = 10
# Any energy will do; it waits for a token, so that processes are killed in the middle of it, however fast the machine is.
PROGRAM = """
import json, os, sys, time
atoms = [line.split() for line in open("structure.extxyz").read().splitlines()[2:]]
def taken(folder):
    for name in os.listdir(folder):
        try:
            os.remove(os.path.join(folder, name))
        except FileNotFoundError:
            continue
        return True
    return False
while len(sys.argv) > 1 and not taken(sys.argv[1]):
    time.sleep(0.05)
energy = sum(float(word) ** 2 for line in atoms for word in line[1:4])
json.dump({"energy": energy, "forces": [[0.0] * 3 for _ in atoms]}, open("result.json", "w"))
"""
CAMPAIGN = {
    "schema_version": 1,
    "name": "small",
    "space": {
        "type": "crystals",
        "crystals": {"copper": {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}},
        "scans": [{"type": "rattle", "atoms": [4], "draws": EVALUATIONS + 6, "strain": 1, "lattice": 5}],
    },
    "calculator": {"type": "command", "command": "sleeper"},
    "objective": {"unit": "eV/atom"},
    "proposer": {"type": "random"},
    "budget": {"evaluations": EVALUATIONS},
    "execution": {"in_flight": 2, "retries": 5, "retry_backoff": 0.01, "polish": 0},
}


def site_file(folder: Path, tokens: Path | None) -> Path:
    """A site file whose program takes a token for each evaluation, where a folder of tokens is given."""
    folder.mkdir(exist_ok=True)
    (folder / "sleeper.py").write_text(textwrap.dedent(PROGRAM))
    program = {
        "argv": [sys.executable, "-S", "sleeper.py", *([] if tokens is None else [str(tokens)])],
        "files": ["sleeper.py"],
    }
    site = {"commands": {"sleeper": program}, "launcher": {"type": "local", "workers": 2}}
    timing = {"lease": 10.0, "heartbeat": 0.5, "poll": 0.1}
    (folder / "site.yaml").write_text(yaml.safe_dump({"schema_version": 1, **site, "timing": timing}))
    return folder / "site.yaml"


@pytest.fixture
def home(require) -> Iterator[Path]:
    """A short home folder."""
    require("mongod")
    require("prefect")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def created(home: Path, folder: Path, tokens: Path | None) -> Iterator[DatabaseResources]:
    """Resources on a home with the campaign."""
    site = load_site(site_file(folder, tokens))
    (folder / "small.yaml").write_text(yaml.safe_dump(CAMPAIGN))
    with open_resources(Settings(home=home), site) as resources:
        prepare_campaign(resources, Actor("ada", "test"), load_campaign(folder / "small.yaml"))
        yield resources


def facts(store):
    return [
        (item.proposal.number, item.proposal.candidate, item.state.value, item.outcome and item.outcome.value)
        for item in store.evaluations("small")
    ]


def victims(serve: Served, store: CampaignStore, spool: Path) -> dict[str, Callable[[], list[int]]]:
    """Ids of the processes of each kind that run now."""

    def driver() -> list[int]:
        lease = store.campaign("small").lease  # its process is nobody's child once its service was killed
        return [lease.owner.pid] if lease is not None and psutil.pid_exists(lease.owner.pid) else []

    def child(words: str) -> Callable[[], list[int]]:
        return lambda: [process.pid for process in serve.children() if words in command_line(process)]

    return {
        "dashboard": child("web_process"),
        "Prefect server": child("server_process"),
        "service": child("service_process"),
        "database": lambda: [pid] if (pid := EmbeddedMongod(serve.home).status().pid) else [],
        "worker": lambda: [process.pid for process in workers_on(spool)],
        "driver": driver,
    }


STAGES = {
    1: ("dashboard", "worker"),
    2: ("Prefect server", "database"),
    3: ("service",),
    4: ("worker", "driver"),
    6: ("database", "service", "Prefect server"),
}
"""What is killed when so many evaluations have ended."""


def killed_at_each_stage(serve: Served, resources: DatabaseResources, tokens: Path, wait_for) -> None:
    """Kills what :data:`STAGES` says, and waits until another one runs in its place."""
    spool = resources.settings.home.resolve() / "spool" / resources.store.campaign_id("small")
    known = victims(serve, resources.store, spool)
    for stage, parts in STAGES.items():
        wait_for(lambda stage=stage: reached(serve, resources, tokens, stage), f"{stage} evaluations")
        for part in parts:
            before = wait_for(known[part], f"the {part} runs")
            for pid in before:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            wait_for(lambda part=part, before=before: set(known[part]()) - set(before), f"another {part}")


def reached(serve: Served, resources: DatabaseResources, tokens: Path, evaluations: int) -> bool:
    """Whether so many evaluations have ended; else gives a token, one at a time."""
    if done(serve, resources) >= evaluations:
        return True
    if not any(tokens.iterdir()):
        (tokens / "token").touch()
    return False


def done(serve: Served, resources: DatabaseResources) -> int:
    """Evaluations that have ended; none while the database is away."""
    assert serve.process.poll() is None, serve.said()
    try:
        return len(resources.store.observations("small"))
    except TransientError:
        return 0


def test_each_process_killed_at_several_stages_loses_and_doubles_nothing(home, tmp_path, wait_for, prefect_database):
    prefect_database.put(home / "prefect" / "server")
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    with created(home, tmp_path / "served", tokens) as resources:
        serve = Served(home, tmp_path)
        serve.start("--reconcile", "never", "--site", str(tmp_path / "served" / "site.yaml"))
        try:
            page = dashboard_of(serve, wait_for)
            form = f"csrf_token={page.token_in(page.ask('GET', '/')[1])}&key=the-first-run"
            assert page.ask("POST", "/campaigns/small/runs", form)[0].status == 303
            killed_at_each_stage(serve, resources, tokens, wait_for)
            wait_for(lambda: reached(serve, resources, tokens, EVALUATIONS), "all evaluations")
            wait_for(lambda: campaign_status(resources.store, "small").state is CampaignState.FINISHED, "the campaign ends")
            wait_for(lambda: page.json("/api/v1/campaigns/small/runs/the-first-run")["state"] == "ended", "the run ends")
            found = facts(resources.store)
            assert [observation.number for observation in resources.store.observations("small")] == list(
                range(1, EVALUATIONS + 1)
            )
        finally:
            serve.stop()
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as other:
        with created(Path(other), tmp_path / "undisturbed", None) as undisturbed:
            drive(undisturbed, "small")
            assert found == facts(undisturbed.store)
        EmbeddedMongod(Path(other)).stop()
