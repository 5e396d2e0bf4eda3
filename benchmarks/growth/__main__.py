"""``python -m benchmarks.growth --out result.json``: how reading and driving a campaign grow with its evaluations.

Campaigns of several sizes are written directly into a database of their own. Each figure is of a fresh process: processor
time (user and system, Python's start included; the database's own time is not part of it) and largest resident memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.command import begun, command
from benchmarks.driven import own_home
from benchmarks.growth.filled import DRIVEN, filled
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SIZES = (1_000, 10_000, 100_000)
CAMPAIGNS, EACH = 100, 100
"""Campaigns that are listed, and evaluations of each of them."""

QUICK = 60
_CLI = "from tansaku.deploy.cli.main import main; main()"


@dataclass(frozen=True)
class Spent:
    """Resource usage of a process.

    Attributes:
        output: What it printed.
        cpu: Processor time [s].
        wall: [s].
        memory: Largest resident memory [MB].
    """

    output: str
    cpu: float
    wall: float
    memory: float


def spent_by(words: Sequence[str]) -> Spent:
    """Runs Python with some arguments in a fresh process.

    Raises:
        SystemExit: It failed; the message has its output.
    """
    before = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        # Waited for with its resource usage, so not by subprocess.
        process = subprocess.Popen([sys.executable, *words], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(words)}: exit status {process.returncode}")
        wall = time.perf_counter() - before
        out.seek(0)
        output = out.read().decode()
    return Spent(output, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def tansaku(*words: str) -> Spent:
    """Runs a command of tansaku."""
    return spent_by(["-c", _CLI, *words])


def measure(count: int, *, quick: bool) -> JsonDict:
    """Fills a campaign and reads and drives it."""
    with own_home() as settings:
        filled(settings, "growth", count, quick=quick)
        status, results = tansaku("status", "growth"), tansaku("results", "growth")
        driver = spent_by(["-m", "benchmarks.growth.driving", "growth"])
    driven = json.loads(driver.output)
    if driven["driven"] != DRIVEN:
        sys.exit(f"the driver made {driven['driven']} evaluations, expected {DRIVEN}: {driven['reason']}")
    return {
        "status_s": status.cpu,
        "status_mb": status.memory,
        "status_wall_s": status.wall,
        "results_s": results.cpu,
        "results_mb": results.memory,
        "results_wall_s": results.wall,
        "driver_mb": driver.memory,
        "driver_load_s": driven["load_s"],
        "ms_per_evaluation": driven["ms_per_evaluation"],
    }


def measure_list(campaigns: int, each: int, *, quick: bool) -> JsonDict:
    """Fills many campaigns and lists them."""
    with own_home() as settings:
        for number in range(campaigns):
            filled(settings, f"growth-{number:03d}", each, seed=number, quick=quick)
        listed = tansaku("list")
    return {
        "campaigns": campaigns,
        "evaluations_each": each,
        "list_s": listed.cpu,
        "list_mb": listed.memory,
        "list_wall_s": listed.wall,
    }


def main() -> None:
    """Measures and writes the result, size by size."""
    parser = command("growth", __doc__, quick=f"{QUICK} evaluations, 3 campaigns")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="evaluations of each campaign")
    given = parser.parse_args()
    sizes = [QUICK] if given.quick else given.sizes
    result = begun(given.out, {"schema_version": 1, "quick": given.quick}, by_evaluations={}, provenance=describe_machine())
    for count in sizes:
        found = measure(count, quick=given.quick)
        result["by_evaluations"][str(count)] = found
        write_json(given.out, result)
        print(f"{count:>7} evaluations: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()), flush=True)
    result["list"] = measure_list(3, 10, quick=True) if given.quick else measure_list(CAMPAIGNS, EACH, quick=False)
    write_json(given.out, result)
    print(", ".join(f"{key} {value:.4g}" for key, value in result["list"].items()))


if __name__ == "__main__":
    main()
