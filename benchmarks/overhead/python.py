"""``python -m benchmarks.overhead.python --out FILE``: start of a script, from ``import tansaku`` to the first proposals.

Each repeat is a process of its own. Counted is its user and system time, without that of an interpreter that imports nothing;
wall times would count what else the machine does.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.command import command
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

_CAMPAIGN = """
import tansaku as ts
space = ts.Parameters(temperature=(300, 900), x=(0, 1), solvent=["water", "ethanol"])
campaign = ts.Campaign(space=space, objective=ts.maximize("yield", unit="%"), budget=24, store=None)
campaign.ask(4)
"""
SCRIPTS = {
    "import": "import tansaku",
    "first ask": _CAMPAIGN,
    "second campaign": _CAMPAIGN + _CAMPAIGN,
}
"""Measured starts, by name; the second campaign less the first is what each further one takes."""
_CLOCK = "\nimport resource; used = resource.getrusage(resource.RUSAGE_SELF); print(used.ru_utime + used.ru_stime)"


def core_seconds(script: str) -> float:
    """User and system time of a process that runs a script [s]."""
    done = subprocess.run([sys.executable, "-c", script + _CLOCK], check=True, capture_output=True, text=True)
    return float(done.stdout)


def measured(repeats: int) -> JsonDict:
    """Least and median core-seconds of each script beyond those of the bare interpreter."""
    bare = min(core_seconds("") for _ in range(repeats))
    found: JsonDict = {}
    for name, script in SCRIPTS.items():
        times = [core_seconds(script) - bare for _ in range(repeats)]
        found[name] = {"least": round(min(times), 3), "median": round(statistics.median(times), 3)}
    return {"interpreter": round(bare, 3), "core_seconds": found}


def main() -> None:
    """Measures and writes the result."""
    parser = command("overhead.python", __doc__, quick="one repeat")
    given = parser.parse_args()
    repeats = 1 if given.quick else 5
    write_json(given.out, {"schema_version": 1, "repeats": repeats, "machine": describe_machine(), **measured(repeats)})


if __name__ == "__main__":
    main()
