"""``python -m benchmarks.overhead.commands --out commands.json``: processor time of everyday commands.

Counted are user and system time of each command and of what it starts and waits for, not the wall time, which depends on what
else the machine does. The database is running; what it does itself is counted for ``run`` alone, whose evaluations are taken
off. ``tell`` reports one value to a campaign of eight parameters that knows some 180, ``ask`` chooses the next one, and
``tell --next`` does both in one process. With ``--before CHECKOUT`` each command is also run by the code of another checkout,
in turn, in a home folder of its own, with the same values; the proposals of both are compared.
"""

from __future__ import annotations

import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.command import command
from benchmarks.overhead.start import evaluation_seconds, run
from tansaku.tasks.ground.settings import HOME_VARIABLE, limit_threads
from tansaku.tasks.ground.site.process_tree import adopt_orphans
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine

ROOT = Path(__file__).resolve().parents[2]
NAMES = [f"x{i}" for i in range(1, 9)]
KNOWN = 180
EVALUATIONS = 24
LABORATORY = {
    "schema_version": 1,
    "name": "laboratory",
    "space": {"type": "parameters", "parameters": {name: {"type": "number", "low": 0, "high": 1} for name in NAMES}},
    "calculator": {"type": "manual"},
    "objective": {"property": "loss", "unit": "1"},
    "budget": {"evaluations": 200},
    "execution": {"in_flight": 1},
}
CALCULATED = ROOT / "examples" / "cu-emt.yaml"


def loss(cells: Mapping[str, float | str]) -> float:
    """The measured value."""
    return round(sum((i + 1) * (float(cells[name]) - 0.1 * (i + 1)) ** 2 for i, name in enumerate(NAMES)), 9)


class Checkout:
    """The commands of a checkout, in a home folder of their own.

    Args:
        code: Folder of the checkout.
        home: An empty folder with a short path.
    """

    def __init__(self, code: Path, home: Path) -> None:
        self._code, self._home, self._runs = code, home, 0
        self.seconds: dict[str, list[float]] = {}
        self.proposed: list[str] = []

    def begin(self) -> None:
        """Stores the campaign, tells it what is known, and runs each command once: it may write bytecode."""
        (self._home / "laboratory.yaml").write_text(json.dumps(LABORATORY))
        rng = random.Random(0)
        rows = [{name: round(rng.random(), 3) for name in NAMES} for _ in range(KNOWN)]
        self._report([row | {"value [1]": loss(row)} for row in rows])
        self._run("run", "laboratory.yaml", "--no-run")
        self._run("tell", "laboratory", "values.csv")
        self._run("ask", "laboratory", "--csv", "asked.csv")
        self.everyday()
        self.seconds.clear()

    def everyday(self) -> None:
        """Measures the commands that read, then a report and the proposal that follows."""
        self._measure("--help", "--help")
        self._measure("list", "list")
        self._measure("status", "status", "laboratory")
        self._measure("results", "results", "laboratory")
        self._measure("check", "check", "laboratory.yaml")
        self._evaluate()
        self._measure("tell", "tell", "laboratory", "values.csv")
        self._measure("ask", "ask", "laboratory", "--csv", "asked.csv")
        self._evaluate()
        self._measure("tell --next", "tell", "laboratory", "values.csv", "--next", "asked.csv")

    def _evaluate(self) -> None:
        """Writes a report of what was proposed last."""
        with (self._home / "asked.csv").open() as stream:
            asked = list(csv.DictReader(stream))
        self.proposed += [row["candidate"] for row in asked]
        self._report(
            [{"number": row["number"], "value [1]": loss({name: float(row[name]) for name in NAMES})} for row in asked]
        )

    def campaign(self) -> None:
        """Measures a run of a campaign with cheap evaluations, beside them."""
        loaded = load_campaign(CALCULATED)
        budget = loaded.spec.budget.model_copy(update={"evaluations": EVALUATIONS})
        execution = loaded.spec.execution.model_copy(update={"polish": 0})
        changed = {"name": f"run-{self._runs}", "budget": budget, "execution": execution}
        spec, self._runs = loaded.spec.model_copy(update=changed), self._runs + 1
        (self._home / "run.yaml").write_text(spec.model_dump_json())
        whole = self._run("run", "run.yaml", "--plain")
        os.environ[HOME_VARIABLE] = str(self._home)
        _, inside = evaluation_seconds(spec, self._home)
        self.seconds.setdefault("run --plain", []).append(whole - inside)

    def end(self) -> None:
        """Stops the database."""
        self._run("stop")

    def figures(self) -> dict[str, dict[str, float]]:
        """The least and the middle of what each command took, and of a report with the proposal that follows [s]."""
        both = [sum(pair) for pair in zip(self.seconds["tell"], self.seconds["ask"], strict=True)]
        found = {**self.seconds, "tell + ask": both}
        return {
            name: {"least": round(min(all_), 2), "median": round(statistics.median(all_), 2)} for name, all_ in found.items()
        }

    def _report(self, rows: list[dict[str, Any]]) -> None:
        with (self._home / "values.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def _measure(self, name: str, *arguments: str) -> None:
        self.seconds.setdefault(name, []).append(self._run(*arguments))

    def _run(self, *arguments: str) -> float:
        os.environ |= {HOME_VARIABLE: str(self._home), "PYTHONPATH": str(self._code)}
        begin = f"import os; os.chdir({str(self._home)!r}); from tansaku.deploy.cli.main import main; main()"
        return run([sys.executable, "-c", begin, *arguments], self._home / "log")


def measure(checkouts: Mapping[str, Checkout], repeats: int) -> None:
    """Runs the commands of all checkouts in turn."""
    try:
        for checkout in checkouts.values():
            checkout.begin()
        for number in range(repeats):
            for name, checkout in checkouts.items():
                checkout.everyday()
                checkout.campaign()
                print(f"{number + 1}/{repeats} {name}", file=sys.stderr, flush=True)
    finally:
        for checkout in checkouts.values():
            checkout.end()


def commit_of(checkout: Path) -> str | None:
    """The commit of a checkout; None where it is none of git's."""
    done = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def main() -> None:
    """Measures, prints a table and writes the result."""
    parser = command("overhead.commands", __doc__, quick="one repetition")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="compare with the code of another checkout")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    limit_threads()
    adopt_orphans()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    codes = {"now": ROOT} if given.before is None else {"before": given.before.resolve(), "now": ROOT}
    with tempfile.TemporaryDirectory(prefix="tsk-") as folder:
        checkouts = {}
        for name, code in codes.items():
            Path(folder, name).mkdir()
            checkouts[name] = Checkout(code, Path(folder, name))
        measure(checkouts, 1 if given.quick else given.repeats)
    figures = {name: checkout.figures() for name, checkout in checkouts.items()}
    proposals = [checkout.proposed for checkout in checkouts.values()]
    compared = {each: {name: of[each] for name, of in figures.items()} for each in figures["now"]}
    found = {
        "schema_version": 1,
        "repeats": 1 if given.quick else given.repeats,
        "core_seconds": compared,
        "same_proposals": all(listed == proposals[0] for listed in proposals),
        "commits": {name: commit_of(code) for name, code in codes.items()},
        "provenance": describe_machine(),
    }
    given.out.write_text(json.dumps(found, indent=2) + "\n")
    for each, sides in compared.items():
        print(f"{each:12}" + "".join(f"  {name} {of['least']:.2f} {of['median']:.2f}" for name, of in sides.items()))


if __name__ == "__main__":
    main()
