"""Checks of a cluster's site file against the cluster, up to a real test job on a compute node."""

from __future__ import annotations

import math
import re
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tansaku.models.domain.errors import TansakuError, TransientError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.cluster import SlurmResourcesSpec
from tansaku.tasks.backends.launchers.cluster import Cluster
from tansaku.tasks.node.jobs.spool_files import read_json

SKEW = 5.0
"""Smallest difference between two clocks that is reported [s]."""

_LOOK = 0.5


def check_site(cluster: Cluster, patience: float) -> Iterator[Finding]:
    """Runs every check, cheap ones first; the test job only if the earlier checks allow it.

    Args:
        patience: How long to wait for the test job [s].
    """
    found = [_folder(cluster), _database(cluster), _scheduler(cluster)]
    yield from found
    if found[2].state == "ok":
        partitions = list(_partitions(cluster))
        yield from partitions
        found += partitions
    if any(finding.state == "missing" for finding in found):
        yield Finding(name="test job", state="missing", detail="not submitted: fix the problems above first")
        return
    yield from _test_job(cluster, patience)


def _folder(cluster: Cluster) -> Finding:
    folder = Path(cluster.spec.folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            mode = folder.stat().st_mode & 0o777
    except OSError as error:
        return Finding(name="shared folder", state="missing", detail=f"{folder}: {error.strerror}", hint="launcher.folder")
    if mode & 0o077:
        hint = f"chmod 700 {folder}: anyone who can write there can run code as you"
        return Finding(name="shared folder", state="warning", detail=f"{folder} has mode {mode:04o}", hint=hint)
    return Finding(name="shared folder", state="ok", detail=str(folder))


def _database(cluster: Cluster) -> Finding:
    from tansaku.tasks.backends.launchers.launchpad import prepare

    try:
        prepare(cluster.launchpad)
    except TansakuError as error:
        return Finding(name="database", state="missing", detail=error.message, hint=error.hint)
    return Finding(name="database", state="ok", detail=f"LaunchPad {cluster.spec.database} can be written from here")


def _scheduler(cluster: Cluster) -> Finding:
    try:
        jobs = cluster.slurm.jobs()
    except TansakuError as error:
        return Finding(name="scheduler", state="missing", detail=error.message, hint=error.hint)
    return Finding(name="scheduler", state="ok", detail=f"SLURM answers; {len(jobs)} of your jobs")


def _partitions(cluster: Cluster) -> Iterator[Finding]:
    spec = cluster.spec
    kinds = [spec.resources, *(spec.resources_for(name.calculator or "", math.inf) for name in spec.classes)]
    for resources in dict.fromkeys(kinds):
        if resources.partition is not None:
            yield _partition(cluster, resources)


def _partition(cluster: Cluster, resources: SlurmResourcesSpec) -> Finding:
    name = f"partition {resources.partition}"
    try:
        said = cluster.slurm.describe(["partition", resources.partition or ""])
    except TansakuError as error:
        return Finding(name=name, state="missing", detail=error.message, hint="launcher.resources.partition")
    longest = longest_seconds(said)
    if resources.walltime is not None and longest is not None and resources.walltime > longest:
        detail = f"walltime {resources.walltime:g} s is above its limit of {longest:g} s; such a job would wait forever"
        return Finding(name=name, state="missing", detail=detail, hint="launcher.resources.walltime")
    return Finding(name=name, state="ok", detail=f"limit {longest:g} s" if longest is not None else "no time limit")


def longest_seconds(said: str) -> float | None:
    """MaxTime of a partition [s]; None for no limit."""
    found = re.search(r"\bMaxTime=(?:(\d+)-)?(\d+):(\d+):(\d+)", said)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24.0 + hours) * 60.0 + minutes) * 60.0 + seconds


def _test_job(cluster: Cluster, patience: float) -> Iterator[Finding]:
    from tansaku.tasks.backends.launchers.slurm import job_script

    spec = cluster.spec
    folder = Path(spec.folder) / "checks" / secrets.token_hex(6)
    folder.mkdir(mode=0o700, parents=True)
    name = f"tansaku-check-{folder.name}"
    command = [spec.python or sys.executable, "-P", "-m", "tansaku.tasks.backends.launchers.probe", str(folder)]
    if cluster.uri_file is not None:
        command += [cluster.uri_file, spec.database]
    (folder / "job.sh").write_text(job_script(name, command, folder, spec.resources, 120.0))
    try:
        number = cluster.slurm.submit(folder / "job.sh")
    except TansakuError as error:
        yield Finding(name="test job", state="missing", detail=error.message)
        return
    answer, seen_at = _await(cluster, folder, name, patience)
    if answer is None:
        cluster.slurm.cancel(name)
        log = folder / "err.txt"
        said = log.read_text(errors="replace")[-300:].strip() if log.exists() else "no output"
        yield Finding(
            name="test job",
            state="missing",
            detail=f"job {number} did not answer within {patience:g} s: {said}",
            hint=str(folder),
        )
        return
    yield Finding(name="test job", state="ok", detail=f"job {number} ran on {answer['host']}")
    yield from _compare(answer, seen_at)
    shutil.rmtree(folder, ignore_errors=True)


def _await(cluster: Cluster, folder: Path, name: str, patience: float) -> tuple[JsonDict | None, float]:
    until, idle = time.monotonic() + patience, threading.Event()
    while time.monotonic() < until:
        answer = read_json(folder / "answer.json")
        if answer is not None:
            return answer, time.time()
        idle.wait(_LOOK)
        try:
            job = cluster.slurm.jobs().get(name)
        except TransientError:
            continue
        if job is not None and job.ended and read_json(folder / "answer.json") is None:
            idle.wait(_LOOK)
            break
    return read_json(folder / "answer.json"), time.time()


def _compare(answer: JsonDict, seen_at: float) -> Iterator[Finding]:
    from tansaku.tasks.backends.launchers.probe import versions

    if "database" in answer:
        said = answer["database"]
        hint = "launcher.mode: use mode offline for nodes that cannot reach it" if said else None
        detail = said or "can be written from the compute node"
        yield Finding(name="database access from a node", state="missing" if said else "ok", detail=detail, hint=hint)
    here, there = versions(), answer["versions"]
    differing = [f"{name} {here.get(name)} here, {there.get(name)} there" for name in here if here[name] != there.get(name)]
    state = "missing" if here["tansaku"] != there.get("tansaku") else "warning"
    if differing:
        yield Finding(name="versions", state=state, detail="; ".join(differing), hint="launcher.python")
    else:
        yield Finding(name="versions", state="ok", detail=", ".join(f"{name} {number}" for name, number in here.items()))
    skew = abs(seen_at - answer["at"])
    hint = "tansaku never compares clocks, but times in logs will be inconsistent" if skew > SKEW else None
    yield Finding(name="clocks", state="warning" if skew > SKEW else "ok", detail=f"differ by {skew:.1f} s at most", hint=hint)
