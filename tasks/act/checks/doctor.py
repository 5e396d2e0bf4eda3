"""Checks of this machine. Each check uses the real component and gives a remedy if it fails."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from tansaku.calculators.calculator_registry import examine_calculators
from tansaku.models.domain.errors import MissingComponentError, TansakuError, TransientError
from tansaku.models.domain.findings import Finding, State
from tansaku.models.domain.ours import OURS
from tansaku.models.domain.plugins import Plugin, code_of, found_plugins, problems, reason_of
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.wording import counted
from tansaku.tasks.ground.settings import Settings, child_environment

OLDEST_PYTHON = (3, 11)
ENOUGH_DISK_GB = 2.0
_PROBE_SECONDS = 60.0

_LEAVES_A_DAEMON = """
import os, time
from tansaku.tasks.node.jobs.guard import guard_this_process
guard_this_process(print)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(10)
        print("outlived its guards", flush=True)
os._exit(0)
"""
"""A worker that ends at once and leaves a daemon behind, which would hold its output open."""


def examine(settings: Settings, site: SiteSpec) -> Iterator[Finding]:
    """Runs every check, cheap ones first."""
    yield _python()
    yield from _packages()
    yield from _plugins()
    yield from examine_calculators(_probe)
    yield _mongod(settings, site)
    yield from _campaigns(settings, site)
    yield _home(settings.home)
    yield _disk(settings.home)
    yield _shared_memory()
    yield _processors()
    yield _ends_of_jobs()


def _python() -> Finding:
    found = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding(name="python", state="missing", detail=found, hint="Python 3.11 or newer is needed")
    return Finding(name="python", state="ok", detail=f"{found} ({sys.executable})")


def _plugins() -> Iterator[Finding]:
    """Installed plug-ins: the types that each adds, or why it was left out."""
    refused = {problem.plugin: problem for problem in problems()}
    for plugin in found_plugins():
        name = f"plug-in {plugin.distribution}"
        problem = refused.get(plugin)
        if problem is not None:
            yield Finding(name=name, state="warning", detail=str(problem), hint=plugin.remedy)
        elif plugin.group not in OURS:
            detail = f"entry point tansaku.{plugin.group} is not known; known are {', '.join(OURS)}"
            yield Finding(name=name, state="warning", detail=detail)
        else:
            yield _code_of_plugin(plugin, name)


def _code_of_plugin(plugin: Plugin, name: str) -> Finding:
    """Whether all that a plug-in computes with can be imported."""
    what = f"{plugin.group}: {plugin.name}"
    try:
        paths = code_of(plugin)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's module may raise anything when it is imported
        return Finding(name=name, state="warning", detail=f"{what}: {reason_of(error)}", hint=plugin.remedy)
    for path in paths:
        module, _, attribute = path.partition(":")
        program = f"import importlib; getattr(importlib.import_module({module!r}), {attribute!r})"
        found = _probe(name, program, plugin.remedy)
        if isinstance(found, Finding):
            return found.model_copy(update={"state": "warning", "detail": f"{what}: {path}: {found.detail}"})
    return Finding(name=name, state="ok", detail=f"version {plugin.version} adds {what}")


def _packages() -> Iterator[Finding]:
    """The core and every extra a user may install: whether its packages are there in the versions that are asked for."""
    requirements = [Requirement(line) for line in metadata.requires("tansaku") or ()]
    extras = [extra for extra in metadata.metadata("tansaku").get_all("Provides-Extra") or () if extra != "test"]
    for extra in ["", *sorted(extras)]:
        wanted = [
            requirement
            for requirement in requirements
            if (requirement.marker is None or requirement.marker.evaluate({"extra": extra}))
            and (not extra or (requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})))
        ]
        problems = [problem for requirement in wanted if (problem := _problem(requirement))]
        name = f"extra {extra}" if extra else "core packages"
        if not problems:
            yield Finding(name=name, state="ok", detail=f"{len(wanted)} packages")
            continue
        hint = f"pip install 'tansaku{f'[{extra}]' if extra else ''}'"
        yield Finding(name=name, state="optional" if extra else "missing", detail="; ".join(problems), hint=hint)


def _problem(requirement: Requirement) -> str | None:
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(found, prereleases=True):
        return None
    return f"{requirement.name} {found} is installed, {requirement.specifier} is wanted"


def _probe(name: str, program: str, hint: str) -> Finding | str:
    """Output of a program in a process of its own, because an incompatible library ends the process instead of raising."""
    try:
        done = subprocess.run(  # noqa: S603 - this Python, fixed words
            [sys.executable, "-c", program],
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(name=name, state="missing", detail=f"did not start within {_PROBE_SECONDS:.0f} s")
    if done.returncode == 0:
        return done.stdout.strip()
    last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return Finding(name=name, state="missing", detail=f"installed but does not start: {last}", hint=hint)


def _mongod(settings: Settings, site: SiteSpec) -> Finding:
    """Reaches the configured server, or starts an embedded one in a temporary folder and stops it again."""
    from tansaku.tasks.backends.stores.connection import embedded_server, server_version
    from tansaku.tasks.backends.stores.mongod_binary import find_mongod

    try:
        if embedded_server(settings, site) is None:
            version = server_version(settings, site)
            return _server(f"the server of the site answers: {version}", version)
        binary = find_mongod()
        with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
            trial = settings.model_copy(update={"home": Path(folder)})
            try:
                version = server_version(trial, SiteSpec())
            finally:
                if server := embedded_server(trial, SiteSpec()):
                    server.stop()
        return _server(f"{binary} {version} starts", version)
    except TansakuError as error:
        return Finding(name="mongodb", state="missing", detail=error.message, hint=error.hint)


def _server(found: str, version: str) -> Finding:
    """A server that answers, and whether its series is still supported."""
    from tansaku.tasks.backends.stores.mongod_binary import support_of

    support = support_of(version, datetime.now(UTC).date())
    state: State = "warning" if support.ended else "ok"
    return Finding(name="mongodb", state=state, detail=f"{found}; {support.text}", hint=support.hint)


def _campaigns(settings: Settings, site: SiteSpec) -> Iterator[Finding]:
    """Documents among the campaigns that no command shows; nothing where there are none, or where no server answers."""
    from tansaku.tasks.backends.stores.connection import nameless_campaigns

    with suppress(TansakuError):  # what is wrong with the server is a finding of its own
        if count := nameless_campaigns(settings, site):
            detail = f"{counted(count, 'document')} of the collection `campaigns` without a name, not written by tansaku"
            hint = "look at what else writes into this database; ids of campaigns are text"
            yield Finding(name="campaigns", state="warning", detail=detail, hint=hint)


def _home(home: Path) -> Finding:
    """Returns whether the home folder, or the nearest folder above it that exists, can be written to."""
    existing = _existing(home)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        detail = f"{existing} cannot be written to: {error.strerror}"
        return Finding(name="home folder", state="missing", detail=detail, hint="set TANSAKU_HOME to a folder of yours")
    return Finding(name="home folder", state="ok", detail=str(home))


def _disk(home: Path) -> Finding:
    free = shutil.disk_usage(_existing(home)).free / 1e9
    detail = f"{free:.1f} GB free at {home}"
    if free < ENOUGH_DISK_GB:
        return Finding(name="disk", state="warning", detail=detail, hint=f"at least {ENOUGH_DISK_GB:.0f} GB are sensible")
    return Finding(name="disk", state="ok", detail=detail)


def _shared_memory() -> Finding:
    from tansaku.calculators.engines.shared_memory import FOLDER, check_shared_memory

    try:
        free = check_shared_memory()
    except (MissingComponentError, TransientError) as error:
        return Finding(name="shared memory", state="warning", detail=error.message, hint=error.hint)
    return Finding(name="shared memory", state="ok", detail=f"{free / 1e6:,.0f} MB free at {FOLDER}")


def _processors() -> Finding:
    usable, present = len(os.sched_getaffinity(0)), psutil.cpu_count()
    memory = psutil.virtual_memory()
    detail = f"{usable} of {present} usable, {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB of memory free"
    return Finding(name="processors", state="ok", detail=f"{detail}; every worker computes with one thread")


def _ends_of_jobs() -> Finding:
    """Whether a daemon that a job leaves behind ends with it here."""
    name, hint = "ends of jobs", "a program may leave processes behind on this machine; look for them after a campaign"
    said = _probe(name, _LEAVES_A_DAEMON, hint)
    if isinstance(said, Finding):
        return said.model_copy(update={"state": "warning"})
    if said:
        return Finding(name=name, state="warning", detail=f"a daemon {said}", hint=hint)
    return Finding(name=name, state="ok", detail="guards of each worker (child subreapers) end all that a job leaves behind")


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())
