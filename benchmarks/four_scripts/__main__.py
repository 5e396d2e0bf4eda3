"""``python -m benchmarks.four_scripts --out F``: one search as a script in BayBE, Ax, Optuna and tansaku.

The search is that of the guide: temperature, x and solvent, 24 measurements, four proposed at a time. Counted for each script:

* lines of code without its seed, in memory and kept on disk, as its package's documentation keeps it;
* wall and processor seconds of the whole process in memory, and the best value, by seed; on one thread, the scripts in turn,
  with the machine's load before each;
* measurements of the script kept on disk that is killed with SIGKILL in the middle of its 3rd, 11th and 20th measurement and
  started again each time: how many were begun, and at how many points; values that were lost, and interrupted measurements
  that were not taken up again.
"""

from __future__ import annotations

import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path

from benchmarks.command import begun, command
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.settings import HOME_VARIABLE, limit_threads
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SCRIPTS = Path(__file__).parent / "scripts"
METHODS = ("baybe_search", "ax_search", "optuna_search", "tansaku_search", "tansaku_function")
QUICK = ("optuna_search", "tansaku_search")
PACKAGES = ("baybe", "ax-platform", "optuna", "tansaku")
BUDGET, OPTIMUM = 24, 80.0
KILLED_AT = (3, 11, 20)
_IMPORT = "from laboratory import measure\n"
_PATIENCE = 600.0  # until a script halts or ends [s]


def written(method: str, *, kept: bool, seed: int | None = None) -> str:
    """The text of a script, kept on disk or in memory; without a seed where it is None."""
    left_out = {"# in memory" if kept else "# kept"} | ({"# seed"} if seed is None else set())
    lines = (SCRIPTS / f"{method}.py").read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if not any(line.rstrip().endswith(mark) for mark in left_out))
    return text.replace("SEED = 0", f"SEED = {seed}")


def lines_of_code(text: str) -> int:
    """Lines of a script that are neither empty nor its title, without the import of the laboratory."""
    return sum(bool(line.strip()) and not line.startswith('"""') for line in text.replace(_IMPORT, "").splitlines())


@dataclass(frozen=True)
class Bench:
    """A folder in which a script runs.

    Attributes:
        folder: Empty at first.
        halts: Numbers of the measurements that wait for the script's end.
    """

    folder: Path
    halts: tuple[int, ...] = ()

    def write(self, text: str) -> Path:
        """Writes the script with its laboratory."""
        laboratory = (SCRIPTS / "laboratory.py").read_text().replace('"FOLDER"', repr(str(self.folder)))
        laboratory = laboratory.replace("HALTS: list[int] = []", f"HALTS: list[int] = {list(self.halts)}")
        file = self.folder / "search.py"
        file.write_text(text.replace(_IMPORT, laboratory))
        return file

    def start(self) -> subprocess.Popen[str]:
        """Starts the script."""
        given = os.environ | {HOME_VARIABLE: str(self.folder / "home")}
        output = (self.folder / "output").open("w")
        with output:
            return subprocess.Popen(
                [sys.executable, "search.py"], cwd=self.folder, env=given, stdout=output, stderr=output, text=True
            )

    def ended(self, process: subprocess.Popen[str]) -> str:
        """Waits for its end; returns the last line that it printed. Exits where it failed."""
        text = (self.folder / "output").read_text() if process.wait(_PATIENCE) == 0 else ""
        if not text:
            sys.exit((self.folder / "output").read_text()[-4000:])
        return text.splitlines()[-1]

    def measured(self, name: str) -> list[str]:
        """Points of the measurements that were ``begun`` or ``ended``, in order."""
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []

    def stop(self) -> None:
        """Stops the database of tansaku, where there is one."""
        if (self.folder / "home").exists():
            given = os.environ | {HOME_VARIABLE: str(self.folder / "home")}
            program = Path(sys.executable).with_name("tansaku")
            subprocess.run([program, "stop"], env=given, check=True, capture_output=True)


def timed(method: str, seed: int) -> JsonDict:
    """Runs a script in memory from its start to its end."""
    with tempfile.TemporaryDirectory(prefix="tsk-") as folder:
        bench = Bench(Path(folder))
        bench.write(written(method, kept=False, seed=seed))
        load = os.getloadavg()[0]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        best = float(bench.ended(bench.start()))
        wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        measured = len(bench.measured("ended"))
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "method": method,
        "seed": seed,
        "measurements": measured,
        "gap": OPTIMUM - best,
        "wall_seconds": round(wall, 2),
        "core_seconds": round(spent, 2),
        "load": round(load, 2),
    }


def killed(method: str, halts: tuple[int, ...] = KILLED_AT) -> JsonDict:
    """Kills a script that is kept on disk in the middle of measurements, and starts it again each time."""
    with tempfile.TemporaryDirectory(prefix="tsk-") as folder:
        bench = Bench(Path(folder), halts)
        bench.write(written(method, kept=True))
        try:
            for place in halts:
                _kill(bench, bench.start(), Path(folder, f"halted-{place}"))
            bench.ended(bench.start())
        finally:
            bench.stop()
        return {"method": method, "kills": len(halts), **counted(bench.measured("begun"), bench.measured("ended"))}


def _kill(bench: Bench, process: subprocess.Popen[str], halted: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while not halted.exists():
        if process.poll() is not None or time.monotonic() > until:
            sys.exit((bench.folder / "output").read_text()[-4000:])
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    halted.unlink()


def counted(first: list[str], last: list[str]) -> JsonDict:
    """Counts what became of measurements: those begun and those that ended, by their points."""
    ended = Counter(last)
    return {
        "begun": len(first),
        "points": len(set(first)),
        "values_lost": len(last) - BUDGET,
        "not_taken_up": sum(not ended[point] for point in set(first)),
    }


def summary(runs: list[JsonDict]) -> JsonDict:
    """Medians of the seeds, by method."""
    found: JsonDict = {}
    for method in dict.fromkeys(row["method"] for row in runs):
        rows = [row for row in runs if row["method"] == method]
        found[method] = {
            name: round(statistics.median(row[name] for row in rows), 4) for name in ("gap", "wall_seconds", "core_seconds")
        } | {"worst_gap": round(max(row["gap"] for row in rows), 4)}
    return found


def main() -> None:
    """Measures what is not done yet, and writes the result after each script."""
    parser = command("four_scripts", __doc__, quick="one seed, one kill, and the two quickest scripts")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="all by default")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    given = parser.parse_args()
    methods = given.methods or (QUICK if given.quick else METHODS)
    limit_threads()
    halts = KILLED_AT[1:2] if given.quick else KILLED_AT
    result = begun(given.out, {"schema_version": 1, "killed_at": list(halts)}, runs=[], kills=[])
    result["lines"] = {
        name: {
            "memory": lines_of_code(written(name, kept=False)),
            "disk": lines_of_code(written(name, kept=True)),
        }
        for name in METHODS
    }
    done = {(row["seed"], row["method"]) for row in result["runs"]}
    for seed, method in product(range(1 if given.quick else given.seeds), methods):  # in turn: another load meets all
        if (seed, method) not in done:
            result["runs"].append(timed(method, seed))
            _write(given.out, result)
    for method in methods:
        if method not in {row["method"] for row in result["kills"]}:
            result["kills"].append(killed(method, halts))
            _write(given.out, result)
    _write(given.out, result)
    kills = {row["method"]: row for row in result["kills"]}
    for method in methods:
        print(method, result["lines"][method], result["summary"][method], kills[method])


def _write(out: Path, result: JsonDict) -> None:
    result |= {"summary": summary(result["runs"]), "provenance": describe_machine()}
    result["packages"] = {name: version(name) for name in PACKAGES}
    write_json(out, result)


if __name__ == "__main__":
    main()
