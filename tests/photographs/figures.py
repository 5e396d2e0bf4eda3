"""Quick runs of benchmarks: figures side by side with those of another commit, and what a replay proposes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FIGURES = "figures.json"
MEASURED = ("growth", "dashboard", "overhead", "pool_posterior")
REPLAYED = "boundaries"


def measure(folder: Path) -> None:
    """Runs the benchmarks, and writes their figures and the replay's candidates into a folder.

    Raises:
        SystemExit: A benchmark failed.
    """
    found: dict[str, Any] = {name: _run(name) for name in MEASURED}
    replays = _run(REPLAYED)["runs"]
    found[REPLAYED] = {f"{run['method']}, seed {run['seed']}": run["candidates"] for run in replays}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIGURES).write_text(json.dumps(found, sort_keys=True) + "\n", encoding="utf-8")


def _run(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "result.json")
        command = [sys.executable, "-m", f"benchmarks.{name}", "--quick", "--out", str(out)]
        done = subprocess.run(command, cwd=ROOT, stdout=sys.stderr)
        if done.returncode:
            sys.exit(f"benchmarks.{name}: exit status {done.returncode}")
        found: dict[str, Any] = json.loads(out.read_text())
    return found


def ratios(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Path and both values of every figure."""
    for name in MEASURED:
        known, now = (dict(_numbers(name, part[name])) for part in (before, after))
        yield from ((path, value, now[path]) for path, value in known.items() if path in now)


def other_candidates(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Replays that propose other candidates."""
    return [run for run, candidates in before[REPLAYED].items() if after[REPLAYED].get(run) != candidates]


def _numbers(path: str, value: Any) -> Iterator[tuple[str, float]]:
    """Numbers of a result, but for those of its provenance."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key != "provenance":
                yield from _numbers(f"{path}/{key}", part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, float(value)
