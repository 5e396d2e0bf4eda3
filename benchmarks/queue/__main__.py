"""``python -m benchmarks.queue --out result.json``: EAM candidates through FireWorks and SLURM in bundles of 1, 10 and 100.

The same candidates go once through the launcher and once through plain ``sbatch`` of a script that computes a bundle in one
process and keeps no results. wall_ratio_to_sbatch = wall / wall of plain sbatch, from the first submission until the last
result; overhead_per_job_s = (wall - wall of plain sbatch) x nodes / jobs. SLURM is a real one of two nodes with one core
each, started here as the tests start theirs (root, slurmctld, slurmd, munge); driver and database share those cores.

launcher_memory_mb is what the driver's process grows by when that many jobs are submitted and polled.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil

from benchmarks.command import command
from tansaku.models.domain.ports import JobRequest
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.states import JobState
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.launchers.cluster import Cluster, open_cluster
from tansaku.tasks.backends.launchers.launches import open_spool
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.backends.stores.site_workers import SiteWorkers
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.machine import describe_machine

CAMPAIGN = Path(__file__).parents[1] / "overhead" / "campaign.yaml"
SLURM = "tests.support.slurm_cluster"
SIZES = {1: 20, 10: 60, 100: 200}
QUICK_SIZES = {1: 2, 10: 10}
MANY, QUICK_MANY = 10_000, 200
_LOOK = 0.1
_MB = 2.0**20


def documents(count: int) -> list[JsonDict]:
    """Jobs of different candidates."""
    loaded = load_campaign(CAMPAIGN)
    spec = loaded.spec
    ids = list(open_space(spec.space, loaded.base_path).pool().ids)
    chosen = random.Random(0).sample(ids, count)
    return [
        JobDocument(
            campaign=spec.name,
            candidate=candidate,
            space=spec.space,
            calculator=spec.calculator,
            objective=spec.objective,
            base_path=str(loaded.base_path),
        ).model_dump(mode="json")
        for candidate in chosen
    ]


class SlurmCluster(Protocol):
    """The part of the tests' SLURM that is used here."""

    configuration: Path

    def run(self, *command: str) -> str:
        """Runs a SLURM command; returns its output."""
        ...

    def node_states(self) -> dict[str, str]:
        """States by node."""
        ...


class Site:
    """A SLURM, a LaunchPad and a shared folder.

    Args:
        folder: For everything.
        slurm: Running.
        uri: MongoDB's address.
    """

    def __init__(self, folder: Path, slurm: SlurmCluster, uri: str) -> None:
        self.folder, self.slurm, self.uri = folder, slurm, uri
        self.uri_file = folder / "uri"
        self.uri_file.touch(mode=0o600)
        self.uri_file.write_text(uri)

    def cluster(self, name: str, bundle: int) -> Cluster:
        """A site file's cluster, with a folder and a LaunchPad of its own."""
        launcher = {"type": "fireworks", "folder": str(self.folder / name), "database": f"queue-{name}", "look": 1.0}
        launcher |= {"bundle": bundle, "resources": {"walltime": 3600.0}}
        document = {"launcher": launcher, "database": {"uri_file": str(self.uri_file)}}
        site = SiteSpec.model_validate(document)
        return open_cluster(Settings(home=self.folder), site, SiteWorkers(open_database(self.uri, f"queue-{name}")))

    def wait(self, condition: Callable[[], bool]) -> None:
        """Waits for a condition."""
        while not condition():
            time.sleep(_LOOK)


def requests(chosen: Sequence[JsonDict], timeout: float = 30.0) -> list[JobRequest]:
    """Jobs for the launcher."""
    return [JobRequest(f"job-{k}", f"token {k}", document, timeout) for k, document in enumerate(chosen)]


def through_launcher(site: Site, bundle: int, chosen: Sequence[JsonDict]) -> tuple[float, list[int]]:
    """Wall time [s] and numbers of candidates of SLURM's jobs."""
    name = f"bundles-{bundle}"
    launcher = site.cluster(name, bundle).launcher(name)
    launcher.start()
    begun = time.perf_counter()
    handles = [launcher.submit(job) for job in requests(chosen)]
    spool = open_spool(site.folder / name, name)
    site.wait(lambda: all(spool.is_over(handle["name"]) for handle in handles))
    wall = time.perf_counter() - begun
    states = [status.state for status in launcher.poll(handles)]
    launcher.stop()
    if set(states) != {JobState.FINISHED}:
        raise RuntimeError(f"{states.count(JobState.LOST)} jobs of {len(states)} were lost")
    orders = [json.loads(path.read_text()) for path in (site.folder / name / "launches").glob("*/launch.json")]
    return wall, sorted(len(order["members"]) for order in orders)


def through_sbatch(site: Site, bundle: int, chosen: Sequence[JsonDict]) -> float:
    """Wall time of the same candidates in as many plain jobs [s]."""
    folder = site.folder / f"plain-{bundle}"
    folder.mkdir()
    for number, start in enumerate(range(0, len(chosen), bundle)):
        (folder / f"{number}.json").write_text(json.dumps(chosen[start : start + bundle]))
        compute = f"{sys.executable} -m benchmarks.queue.plain {folder}/{number}.json && touch {folder}/{number}.done"
        script = f"#!/bin/sh\nexport OMP_NUM_THREADS=1\ncd {Path.cwd()} && {compute}\n"
        (folder / f"{number}.sh").write_text(script)
    scripts = sorted(folder.glob("*.sh"))
    begun = time.perf_counter()
    for script_file in scripts:
        site.slurm.run("sbatch", f"--output={folder}/log.txt", "--open-mode=append", "--time=60", str(script_file))
    site.wait(lambda: len(list(folder.glob("*.done"))) == len(scripts))
    return time.perf_counter() - begun


def compared(site: Site, bundle: int, count: int) -> JsonDict:
    """One size of bundle, once each way."""
    chosen = documents(count)
    nodes = len(site.slurm.node_states())
    plain = through_sbatch(site, bundle, chosen)
    wall, sizes = through_launcher(site, bundle, chosen)
    jobs = len(sizes)
    return {
        "bundle": bundle,
        "candidates": count,
        "jobs": jobs,
        "candidates_by_job": sizes,
        "wall_s": wall,
        "sbatch_wall_s": plain,
        "wall_ratio_to_sbatch": wall / plain,
        "overhead_per_job_s": (wall - plain) * nodes / jobs,
        "jobs_per_minute": 60.0 * jobs / wall,
        "candidates_per_minute": 60.0 * count / wall,
    }


def memory(site: Site, count: int) -> JsonDict:
    """Memory of the driver with many submitted jobs."""
    launcher = site.cluster("many", 1).launcher("many", fills=False)
    launcher.start()
    document = documents(1)[0]
    launcher.poll([launcher.submit(JobRequest("first", "t", document, 30.0))])
    process = psutil.Process()
    before, begun = process.memory_info().rss, time.perf_counter()
    handles = [launcher.submit(job) for job in requests([document] * count)]
    submitted = time.perf_counter()
    launcher.poll(handles)
    polled = time.perf_counter()
    after = process.memory_info().rss
    launcher.stop()
    return {
        "evaluations": count,
        "launcher_memory_mb": (after - before) / _MB,
        "process_memory_mb": after / _MB,
        "submit_ms": 1000.0 * (submitted - begun) / count,
        "poll_all_s": polled - submitted,
    }


@contextmanager
def opened_site() -> Iterator[Site]:
    """Starts SLURM and MongoDB in a folder of their own and ends them."""
    module = importlib.import_module(SLURM)
    reason = module.missing()
    if reason is not None:
        raise SystemExit(f"no SLURM here: {reason}")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        (home / "slurm").mkdir()
        slurm, mongod = module.SlurmCluster(home / "slurm"), EmbeddedMongod(home / "mongo")
        try:
            slurm.start()
            os.environ["SLURM_CONF"] = str(slurm.configuration)
            yield Site(home, slurm, mongod.start())
        finally:
            mongod.stop()
            slurm.stop()


def main() -> None:
    """Measures and writes the result."""
    parser = command("queue", __doc__, quick="bundles of 1 and 10, few candidates")
    given = parser.parse_args()
    machine = describe_machine()
    with opened_site() as site:
        sizes = QUICK_SIZES if given.quick else SIZES
        by_bundle = [compared(site, bundle, count) for bundle, count in sizes.items()]
        many = memory(site, QUICK_MANY if given.quick else MANY)
    result = {"schema_version": 1, "by_bundle": by_bundle, "memory": many, "provenance": machine}
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    for item in by_bundle:
        print(
            f"bundle {item['bundle']:4d}  wall_ratio_to_sbatch {item['wall_ratio_to_sbatch']:.2f}  "
            f"overhead_per_job_s {item['overhead_per_job_s']:.2f}  jobs_per_minute {item['jobs_per_minute']:.1f}  "
            f"candidates_per_minute {item['candidates_per_minute']:.1f}"
        )
    print(f"launcher_memory_mb {many['launcher_memory_mb']:.1f} for {many['evaluations']} evaluations")


if __name__ == "__main__":
    main()
