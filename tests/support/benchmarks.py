"""Quick runs of benchmarks, from the command line to the exit status."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.warm_workers import WarmWorkers

ROOT = Path(__file__).resolve().parents[2]


class BenchmarkServer:
    """Handle of ``benchmark_server.py``."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.benchmark_server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(
        self, folder: Path, name: str, arguments: list[str], timeout: float, workers: str | None
    ) -> subprocess.CompletedProcess[str]:
        output, errors = folder / "benchmark.out", folder / "benchmark.err"
        request = {"module": f"benchmarks.{name}", "arguments": arguments, "output": str(output), "errors": str(errors)}
        request["workers"] = workers
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        pid = self._answer(timeout)["pid"]
        try:
            status = self._answer(timeout)["status"]
        except BaseException:  # an interrupted run of the tests leaves no benchmark behind either
            os.killpg(pid, signal.SIGKILL)
            self._answer(timeout)
            raise
        return subprocess.CompletedProcess(arguments, status, output.read_text(), errors.read_text())

    def _answer(self, timeout: float) -> dict:
        """The next line that the server says; it says one at a time."""
        ready, _, _ = select.select([self._process.stdout], [], [], timeout)
        if not ready:
            raise TimeoutError(f"no answer within {timeout} s")
        line = self._process.stdout.readline()
        assert line, f"the server of the benchmarks ended with status {self._process.wait()}"
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)


@pytest.fixture(scope="session")
def benchmark_server() -> Iterator[BenchmarkServer]:
    server = BenchmarkServer()
    yield server
    server.close()


@pytest.fixture
def run_benchmark(
    benchmark_server: BenchmarkServer, warm_workers: WarmWorkers, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run_benchmark("potential", "--quick", …)``: what ``python -m benchmarks.potential --quick …`` answers.

    With ``forked=True`` the local workers of its campaigns are forked.
    """

    def run(
        name: str, *arguments: str | Path, timeout: float = 600.0, forked: bool = False
    ) -> subprocess.CompletedProcess[str]:
        workers = warm_workers.address if forked else None
        return benchmark_server.run(tmp_path_factory.mktemp("benchmark"), name, list(map(str, arguments)), timeout, workers)

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
