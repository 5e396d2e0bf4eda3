"""Starts drivers quickly: imports everything once, then forks one process per request line; none of it is product code.

A driver works on the real MongoDB store, the real local launcher and real workers. Around the two ports stands a recorder
that counts their calls and, when asked, sends the process SIGKILL (or SIGSTOP) before or after the n-th call of one method.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
from pathlib import Path

from pymongo.monitoring import CommandListener, register

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.identifiers import evaluation_id, job_name
from tansaku.models.domain.model_registry import Registry
from tansaku.models.domain.ports import CampaignStore, JobStatus, Launcher
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.states import JobState
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.launchers import local
from tansaku.tasks.backends.launchers.backends import backend_of
from tansaku.tasks.backends.launchers.local import LocalLauncher
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.artifacts import GridFSArtifactStore
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.mongo_registry import MongoRegistry
from tansaku.tasks.backends.stores.site_workers import SiteWorkers
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop, interruptible
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.node.configuration import crystal
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.forked import FORKER
from tests.support.ports import port_methods


class Writes(CommandListener):
    """Notes during which method of a port this process writes, to the database or to a file."""

    COMMANDS = frozenset({"insert", "update", "delete", "findAndModify", "create", "createIndexes", "drop", "bulkWrite"})
    FILES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"})

    def __init__(self) -> None:
        self.methods: set[str] = set()
        self.calling = threading.local()
        register(self)
        sys.addaudithook(self.audit)

    def started(self, event) -> None:
        if event.command_name in self.COMMANDS:
            self.note()

    def succeeded(self, event) -> None: ...

    def failed(self, event) -> None: ...

    def audit(self, event: str, arguments: tuple) -> None:
        if event in self.FILES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            self.note()

    def note(self) -> None:
        if method := getattr(self.calling, "method", None):
            self.methods.add(method)


class Recorder:
    """Stands around a port: counts calls, kills where it is told to."""

    def __init__(self, target, port: type, kill: dict | None, writes: Writes | None = None) -> None:
        self._target, self._port, self._kill, self.counts = target, port.__name__, kill or {}, {}
        self._calling = writes.calling if writes else threading.local()
        self._lock = threading.Lock()
        for name in port_methods(port):
            setattr(self, name, self._wrapped(name))

    def _wrapped(self, name):
        def call(*arguments, **options):
            with self._lock:
                self.counts[name] = count = self.counts.get(name, 0) + 1
            key = f"{self._port}.{name}"
            chosen = self._kill.get("method") == key and self._kill.get("call") == count
            if chosen and self._kill["when"] == "before":
                os.kill(os.getpid(), self._kill.get("signal", signal.SIGKILL))
            self._calling.method = key
            try:
                answer = getattr(self._target, name)(*arguments, **options)
            finally:
                self._calling.method = None
            if chosen and self._kill["when"] == "after":
                os.kill(os.getpid(), self._kill.get("signal", signal.SIGKILL))
            return answer

        return call


class Losing:
    """A local launcher that calls certain jobs lost, whatever became of them, and every job running at first.

    Trainings are called running for the first ``slow`` looks; with ``"trainings"`` among the lost jobs, all of them are lost.
    """

    def __init__(self, inner: LocalLauncher, lost: list[str], slow: int = 0) -> None:
        self._inner, self._lost, self._polled, self._slow = inner, set(lost), set(), slow

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def poll(self, handles):
        return [self._say(handle["name"], status) for handle, status in zip(handles, self._inner.poll(handles), strict=True)]

    def _say(self, name, status):
        if name not in self._polled:
            self._polled.add(name)
            return JobStatus(JobState.RUNNING)
        training = name.startswith("train-")
        if training and self._slow > 0:
            self._slow -= 1
            return JobStatus(JobState.RUNNING)
        lost = name in self._lost or (training and "trainings" in self._lost)
        return JobStatus(JobState.LOST, "node_fail", "told to lose it") if lost else status


def lost_jobs(campaign: str, attempts: list) -> list[str]:
    """Names of the jobs of attempts, each a candidate, a source and a number, of the campaign with an id."""
    return [
        attempt if attempt == "trainings" else job_name(campaign, evaluation_id(campaign, *attempt[:2], 0), attempt[2])
        for attempt in attempts
    ]


class Halting(Observer):
    """Halts the driver after a proposal; passes on what the test wants to see."""

    def __init__(self, halt_at: int | None, log: Path) -> None:
        self.halt, self._halt_at, self._log = threading.Event(), halt_at, log

    def _say(self, **what) -> None:
        with self._log.open("a") as stream:
            stream.write(json.dumps(what) + "\n")

    def on_start(self, record, evaluations) -> None:
        self._say(start=len(evaluations))

    def on_proposal(self, evaluation) -> None:
        self._say(proposal=evaluation.proposal.number)
        if self._halt_at is not None and evaluation.proposal.number >= self._halt_at:
            self.halt.set()

    def on_wait(self, reason, seconds) -> None:
        self._say(wait=reason)


def drive(request: dict) -> dict:
    """One driver, from preparing the campaign to closing the store."""
    from tests.support.warm_workers import WarmSubprocess  # here: a driver in a flow is another script and does without

    local.subprocess = crystal.subprocess = WarmSubprocess(lambda: request["workers"])
    FORKER.usable = False
    home, counters, writes = Path(request["home"]), [], Writes()

    def recorded(target, port):
        counters.append(Recorder(target, port, request.get("kill"), writes))
        return counters[-1]

    database = open_database(request["uri"], request["database"])
    store = recorded(MongoCampaignStore(database), CampaignStore)
    workers = {"type": "local", "workers": 1, "kill_grace": 0.5}  # its start is most of what a test costs
    site = SiteSpec.model_validate({"launcher": request.get("launcher", workers), "timing": request["timing"]})
    settings = Settings(home=home)
    backend = backend_of(settings, site, SiteWorkers(database))
    mongod = EmbeddedMongod(Path(request["mongod_home"])) if "mongod_home" in request else None
    resources = Resources(
        settings=settings,
        site=site,
        store=store,
        artifacts=GridFSArtifactStore(database),
        registry=recorded(MongoRegistry(database), Registry),
        open_launcher=lambda spec: recorded(
            Losing(backend.launcher(spec), lost_jobs(spec.name, request.get("lost", [])), request.get("slow", 0)), Launcher
        ),
        **({"revive": mongod.start} if mongod else {}),
    )
    name = prepare_campaign(resources, Actor("ada", "test"), load_campaign(Path(request["campaign"]))).name
    watcher = Halting(request.get("halt_at"), Path(request["out"] + ".log"))
    with interruptible(watcher.halt), CampaignLoop(resources, name, watcher, halt=watcher.halt) as loop:
        loop.advance()
        reason = loop.result.reason
    store.close()
    counts = {f"{one._port}.{method}": count for one in counters for method, count in one.counts.items()}
    return {"reason": reason, "counts": counts, "written": sorted(writes.methods)}


def child(request: dict) -> int:
    """The forked process; its answer goes to a file, written whole."""
    out = Path(request["out"])
    with Path(request["out"] + ".err").open("w") as errors:
        os.dup2(errors.fileno(), 2)
    try:
        answer = drive(request)
    except TansakuError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    aside = out.with_suffix(".part")
    aside.write_text(json.dumps(answer))
    aside.rename(out)
    return 0


def main() -> None:
    """Reads requests, answers ``{"pid"}`` and later ``{"ended", "status"}``, one JSON object per line."""
    import tests.support.warm_workers  # noqa: F401 - for the drivers
    from tests.support.forks import preload
    from tests.support.warm_worker_server import JEMALLOC, PRELOADED

    preload(sys.argv[1:] or PRELOADED, harmless=JEMALLOC)  # seconds that every driver would spend anew
    children: set[int] = set()
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], 0.01)
        if ready:
            line = sys.stdin.readline()
            if not line:
                for pid in children:
                    os.kill(pid, signal.SIGKILL)
                return
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    code = child(json.loads(line))
                finally:
                    os._exit(code)
            children.add(pid)
            print(json.dumps({"pid": pid}), flush=True)
        for pid in list(children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                children.discard(pid)
                print(json.dumps({"ended": pid, "status": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
