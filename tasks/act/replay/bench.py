"""Methods compared over seeds on a table: one process per run, finished runs kept through an interruption."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from pydantic import ValidationError

import tansaku
from tansaku.models.domain.errors import ConfigurationError, TansakuError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.replay.methods import build_method, method_pool
from tansaku.tasks.act.replay.records import BenchOptions, BenchResult, BenchRun, ReplayTask
from tansaku.tasks.act.replay.run import open_table
from tansaku.tasks.ground.settings import thread_environment
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, spec_hash
from tansaku.tasks.node.jobs.machine import describe_machine


def run_bench(campaign: LoadedCampaign, options: BenchOptions, out: Path, on_progress: OnProgress | None = None) -> BenchResult:
    """Replays every method with every seed and writes the result.

    Finished runs are appended to ``OUT.partial`` at once; ``resume`` takes them from there, or from a finished ``OUT``.

    Args:
        campaign: A campaign on a table.
        on_progress: Called with the progress of runs, from several threads.

    Raises:
        ConfigurationError: A method is not known, the space is no table, or a result to be resumed is of other options.
        TansakuError: A run failed; finished ones are kept for ``resume``.
    """
    spec = _with_budget(campaign.spec, options)
    tasks = [
        ReplayTask(spec=spec, base_path=str(campaign.base_path), method=method, seed=seed, **options.task_options(spec))
        for seed in options.seeds
        for method in options.methods
    ]
    space = open_table(tasks[0])
    pool = space.pool()
    for method in options.methods:
        build_method(method, spec, method_pool(method, spec, space, campaign.base_path), campaign.base_path)
    exhaustive_cost = float((pool.cost**options.cost_power).sum())
    key = _key(spec, options)
    out.parent.mkdir(parents=True, exist_ok=True)
    ledger = _Ledger(out, key)
    known = ledger.load() if options.resume else {}
    ledger.begin(list(known.values()))
    started = describe_machine()
    todo = [task for task in tasks if (task.method, task.seed) not in known]
    for run in _run_in_processes(todo, options.jobs, on_progress):
        ledger.append(run)
        known[run.method, run.seed] = run
    provenance = {
        **started,
        "key": key,
        "campaign": spec.name,
        "spec_hash": spec_hash(spec),
        "budget": spec.budget.model_dump(mode="json"),
        "objective": spec.objective.model_dump(mode="json"),
        "candidates": len(pool),
        "systems": len(pool.systems),
        "surfaces": len(pool.surfaces),
        **options.model_dump(mode="json", exclude={"resume", "budget", "budget_fraction"}),
        **options.task_options(spec),
        "asynchrony": spec.execution.asynchrony,
    }
    result = BenchResult(
        provenance=provenance,
        exhaustive_cost=exhaustive_cost,
        runs=[known[task.method, task.seed] for task in tasks],
    )
    ledger.finish(result)
    return result


def _with_budget(spec: CampaignSpec, options: BenchOptions) -> CampaignSpec:
    if options.budget is not None and options.budget_fraction is not None:
        raise ConfigurationError("--budget: give a cost or a share, not both")
    if options.budget is None and options.budget_fraction is None:
        return spec
    budget = spec.budget.model_copy(update={"cost": options.budget, "fraction": options.budget_fraction})
    return spec.model_copy(update={"budget": budget})


def _key(spec: CampaignSpec, options: BenchOptions) -> str:
    """Hash of all that changes a run's numbers, so that runs of different comparisons are never mixed."""
    return content_hash(
        {
            "spec": spec_hash(spec),
            "budget": spec.budget.model_dump(mode="json"),
            "options": options.task_options(spec),
            "version": tansaku.__version__,
        }
    )


class _Ledger:
    """Finished runs on disk: a header line and one line per run, until the result replaces them."""

    def __init__(self, out: Path, key: str) -> None:
        self._out = out
        self._partial = out.with_name(f"{out.name}.partial")
        self._key = key

    def load(self) -> dict[tuple[str, int], BenchRun]:
        """Runs finished earlier, by method and seed."""
        runs = []
        if self._partial.exists():
            header, *lines = self._partial.read_text().splitlines() or [""]
            self._check(header.strip(), self._partial)
            # A kill may have cut the last line short; that run is made again.
            runs = [run for line in lines if (run := _parsed(line)) is not None]
        elif self._out.exists():
            try:
                finished = BenchResult.model_validate_json(self._out.read_text())
            except ValidationError as error:
                raise ConfigurationError(f"--resume: {str(self._out)!r} is not a benchmark result") from error
            self._check(str(finished.provenance.get("key")), self._out)
            runs = finished.runs
        return {(run.method, run.seed): run for run in runs}

    def _check(self, key: str, path: Path) -> None:
        if key != self._key:
            raise ConfigurationError(
                f"--resume: {str(path)!r} was made with a different table, budget, version or options",
                hint="give another --out, or omit --resume to start over",
            )

    def begin(self, runs: Sequence[BenchRun]) -> None:
        """Starts the file of finished runs."""
        text = "".join(f"{line}\n" for line in (self._key, *(run.model_dump_json() for run in runs)))
        _write(self._partial, text)

    def append(self, run: BenchRun) -> None:
        """Keeps a finished run."""
        with self._partial.open("a") as stream:
            stream.write(f"{run.model_dump_json()}\n")

    def finish(self, result: BenchResult) -> None:
        """Writes the result and removes the file of finished runs."""
        _write(self._out, result.model_dump_json(indent=None))
        self._partial.unlink()


def _parsed(line: str) -> BenchRun | None:
    try:
        return BenchRun.model_validate_json(line)
    except ValidationError:
        return None


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text)
    temporary.replace(path)


OnProgress = Callable[[ReplayTask, int, float], None]
"""Callback for the progress of a run: its task, number of evaluations, share of its budget spent (1 when it has ended)."""


def _run_in_processes(tasks: Sequence[ReplayTask], jobs: int, on_progress: OnProgress | None = None) -> Iterator[BenchRun]:
    """Runs tasks, each in a fresh process with one BLAS thread, and yields their results as they end.

    Leaving the iteration early ends the running processes.
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
