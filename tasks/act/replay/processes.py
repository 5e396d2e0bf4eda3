"""Runs of a benchmark in processes of their own, several at once."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tansaku.models.domain.errors import TansakuError
from tansaku.tasks.act.replay.records import BenchRun, ReplayTask
from tansaku.tasks.ground.settings import thread_environment

OnProgress = Callable[[ReplayTask, int, float], None]
"""Callback for the progress of a run: its task, number of evaluations, share of its budget spent (1 when it has ended)."""


def run_in_processes(tasks: Sequence[ReplayTask], jobs: int, on_progress: OnProgress | None = None) -> Iterator[BenchRun]:
    """Runs tasks, each in a fresh process with one BLAS thread, and yields their results as they end.

    Leaving the iteration early ends the running processes.

    Args:
        jobs: How many at once.
        on_progress: Called now and then with the progress of a run, from several threads.

    Raises:
        TansakuError: A run failed; carries the end of what it wrote to standard error.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tansaku-bench-") as folder,
        ThreadPoolExecutor(max_workers=jobs) as threads,
    ):
        processes = _Processes(Path(folder), on_progress)
        futures = [threads.submit(processes.run, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
            processes.end()


class _Processes:
    """The running processes."""

    def __init__(self, folder: Path, on_progress: OnProgress | None) -> None:
        self._folder = folder
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._alive: set[subprocess.Popen[str]] = set()
        self._ended = False

    def run(self, task: ReplayTask) -> BenchRun:
        """Runs one task to its end."""
        stem = f"{task.method}-{task.seed}"
        out, errors = self._folder / f"{stem}.json", self._folder / f"{stem}.err"
        command = [sys.executable, "-P", "-m", "tansaku.tasks.act.replay.run", str(out)]
        environment = thread_environment(1)
        with (
            errors.open("w") as stderr,
            subprocess.Popen(  # noqa: S603 - fixed words and our own path
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            ) as process,
        ):
            self._register(process)
            try:
                self._follow(process, task)
            finally:
                with self._lock:
                    self._alive.discard(process)
        if process.returncode != 0 or not out.exists():
            last = errors.read_text().strip().splitlines()[-1:] or ["no message"]
            raise TansakuError(f"run {task.method}, seed {task.seed}, ended with status {process.returncode}: {last[0]}")
        run = BenchRun.model_validate_json(out.read_text())
        if self._on_progress is not None:
            self._on_progress(task, len(run.cost), 1.0)
        return run

    def _register(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            self._alive.add(process)
            if self._ended:
                process.kill()

    def _follow(self, process: subprocess.Popen[str], task: ReplayTask) -> None:
        """Hands the task over and reads progress until the process ends; standard input stays open as a sign of life."""
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both were requested as pipes")
        try:
            process.stdin.write(f"{task.model_dump_json()}\n")
            process.stdin.flush()
        except BrokenPipeError:
            return  # it died at its start; its exit status says so
        for line in process.stdout:
            count, _, share = line.strip().partition(" ")
            if self._on_progress is not None and count.isdigit():
                self._on_progress(task, int(count), float(share))
        process.wait()

    def end(self) -> None:
        """Ends what is still running."""
        with self._lock:
            self._ended = True
            for process in self._alive:
                process.kill()
