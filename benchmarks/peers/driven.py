"""Runs a peer's driver in the environment of the peer, one evaluation at a time."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tansaku.models.domain.pool import FloatArray

FOLDER = Path(__file__).parent / "drivers"
DISTRIBUTIONS = {
    "ax": "ax-platform",
    "baybe": "baybe",
    "botorch": "botorch",
    "emukit": "emukit",
    "optuna": "optuna",
    "physbo": "physbo",
}
"""Package of each driver's peer."""


@dataclass(frozen=True)
class Search:
    """Input of a driver.

    Attributes:
        initial: The first points of the unit cube, shape ``(n_initial, d)``.
        count: Evaluations, these included.
        most: Largest sum of the coordinates, None for no constraint.
        seed: Of everything random.
    """

    initial: FloatArray
    count: int
    most: float | None
    seed: int


class PeerError(RuntimeError):
    """A driver ended before its evaluations were done; its last words are the message."""


def drive(
    python: Path, name: str, search: Search, value: Callable[[FloatArray], FloatArray]
) -> tuple[FloatArray, FloatArray, float]:
    """Evaluates what a peer asks for.

    Args:
        python: Interpreter of its environment.
        name: One of :data:`DISTRIBUTIONS`.
        search: The problem.
        value: The function at points of the unit cube.

    Returns:
        Points, shape ``(count, d)``, values, shape ``(count,)``, and seconds a proposal after the initial design, the start of
        the process not counted.

    Raises:
        PeerError: The driver has ended.
    """
    points, values = search.initial.tolist(), value(search.initial).tolist()
    first = {
        "dimensions": search.initial.shape[1],
        "most": search.most,
        "seed": search.seed,
        "points": points,
        "values": values,
    }
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [str(python), str(FOLDER / f"{name}_driver.py")]
    seconds: list[float] = []
    # Into a file: a pipe that nobody reads would stop a driver whose packages warn a lot.
    with tempfile.TemporaryFile("w+") as words:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True, env=environment
        )
        try:
            _send(process, first)
            while len(values) < search.count:
                begun = time.perf_counter()
                line = process.stdout.readline() if process.stdout is not None else ""
                seconds.append(time.perf_counter() - begun)
                if not line:
                    process.wait()
                    words.seek(0)
                    raise PeerError(f"{name}: {words.read()[-2000:].strip()}")
                points.append(json.loads(line))
                values.append(float(value(np.array(points[-1:]))[0]))
                if len(values) < search.count:
                    _send(process, values[-1])
        finally:
            process.kill()
            process.wait()
            for stream in filter(None, (process.stdin, process.stdout)):
                with suppress(BrokenPipeError):
                    stream.close()
    # The first one imports the packages.
    return np.array(points), np.array(values), float(np.mean(seconds[1:] or seconds))


def _send(process: subprocess.Popen[str], data: object) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # it has ended, and reading says so
            process.stdin.write(json.dumps(data) + "\n")
            process.stdin.flush()


def installed(python: Path) -> dict[str, str]:
    """Versions of the peers that an environment has, by name of the driver."""
    code = (
        "import importlib.metadata as m, json, sys\n"
        "found = {}\n"
        "for name, package in json.loads(sys.argv[1]).items():\n"
        "    try: found[name] = m.version(package)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run([str(python), "-c", code, json.dumps(DISTRIBUTIONS)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))
