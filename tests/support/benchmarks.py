"""Quick runs of benchmarks, from the command line to the exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.warm_worker_server import WORKERS
from tests.support.warm_workers import WarmWorkers, opened

ROOT = Path(__file__).resolve().parents[2]


PRELOADED = (
    "ase.build",
    "chgnet.model",
    "matplotlib.pyplot",
    "pymatgen.core",
    "scipy.optimize",
    "torch",
    "tansaku.tasks.act.replay.bench",
)


@pytest.fixture(scope="session")
def warm_benchmarks() -> Iterator[WarmWorkers]:
    """The process that forks benchmarks; a benchmark's own state stays in its fork."""
    yield from opened(PRELOADED)


@pytest.fixture
def run_benchmark(
    warm_benchmarks: WarmWorkers, warm_workers: WarmWorkers, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run_benchmark("potential", "--quick", …)``: what ``python -m benchmarks.potential --quick …`` answers.

    With ``forked=True`` the local workers of its campaigns are forked.
    """

    def run(
        name: str, *arguments: str | Path, timeout: float = 600.0, forked: bool = False
    ) -> subprocess.CompletedProcess[str]:
        folder, argv = tmp_path_factory.mktemp("benchmark"), [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]
        output, errors = folder / "benchmark.out", folder / "benchmark.err"
        environment = os.environ | ({WORKERS: warm_workers.address} if forked else {})
        with output.open("wb") as out, errors.open("wb") as err:
            process = warm_benchmarks.start(argv, out, err, environment, ROOT)
        try:
            status = process.wait(timeout)
        except BaseException:  # an interrupted run of the tests leaves no benchmark behind either
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(argv, status, output.read_text(), errors.read_text())

    return run


@pytest.fixture
def benchmark_result(run_benchmark: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> Callable[..., dict]:
    """``benchmark_result("potential", "--quick", …)``: what a benchmark that has to succeed writes to its file.

    With ``figure=5_000`` it also draws a figure of more than so many bytes.
    """

    def run(name: str, *arguments: str | Path, figure: int = 0, **how: object) -> dict:
        out, drawn = tmp_path / "result.json", tmp_path / "figure.png"
        asked = ["--figure", drawn] if figure else []
        done = run_benchmark(name, *arguments, *asked, "--out", out, **how)
        assert done.returncode == 0, done.stderr
        assert not figure or drawn.stat().st_size > figure
        result = json.loads(out.read_text())
        assert {"cpu", "commit", "load", "versions"} <= set(result["provenance"])
        return result

    return run
