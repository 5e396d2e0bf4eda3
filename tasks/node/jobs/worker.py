"""A worker process: ``python -m tansaku.tasks.node.jobs.worker SPOOL``, or ``… SPOOL -`` on a compute node.

It claims waiting jobs one after the other, computes them and writes results to the spool (:mod:`tansaku.tasks.node.jobs.spool`
shows the layout). It ends when its driver is gone and the current job is done; if another driver has taken the spool
over, it serves that driver. A job that exceeds its timeout while no process can end it is ended by a kernel alarm.

With ``-`` it runs the jobs whose names it reads from standard input, one per line, and answers on standard output.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TextIO

from pydantic import TypeAdapter, ValidationError

from tansaku.models.domain.errors import (
    ConfigurationError,
    DamagedFileError,
    DiskFullError,
    MissingComponentError,
    NotFoundError,
    TansakuError,
    TransientError,
)
from tansaku.models.domain.records import Failure, JsonDict, Outcome
from tansaku.models.domain.specs.commands import offer_commands
from tansaku.models.domain.specs.evaluation_limits import EvaluationLimitsSpec, limited_code
from tansaku.models.domain.states import DISK_FULL, FailureKind
from tansaku.tasks.ground.settings import THREAD_VARIABLES, given_commands, given_limits, given_parallel
from tansaku.tasks.ground.site.processes import process_identity
from tansaku.tasks.node.jobs.document import TrainingDocument, Work
from tansaku.tasks.node.jobs.guard import Excess, Guards, Watched, guard_this_process, output_size
from tansaku.tasks.node.jobs.spool import Spool, job_of
from tansaku.tasks.node.jobs.spool_files import file_sha256, lacks_room, read_json, write_json

Evaluate = Callable[[Work, Path], Outcome]

_WORK: TypeAdapter[Work] = TypeAdapter(Work)

_LOOK_AT_DRIVER = 0.5
"""Longest sleep of an idle worker between checks that its driver is alive [s]."""

_LOOK_FOR_ROOM = 0.5
"""Sleep between two attempts to write on a full disk [s]."""

_UNSERVED = 3600.0
"""Longest wait for disk space while there is no driver [s]."""

_ALARM_MARGIN = 15.0
"""Time for the driver to end an overdue job before the kernel's alarm does [s]."""

_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (TransientError, "transient"),
    (ConfigurationError, "configuration"),
    (ValidationError, "configuration"),
    (MissingComponentError, "missing_component"),
    (NotFoundError, "not_found"),
    (MemoryError, "memory"),
    (OSError, "transient"),
)


def read_document(data: JsonDict) -> Work:
    """Parses the document of a request. Raises ValidationError."""
    return _WORK.validate_python(data)


class Worker:
    """Takes jobs from a spool.

    Args:
        spool: Must exist.
        evaluate: Computes a job.
        cores: Cores reserved for this worker's calculators; recorded in their results.
        limits: Limits of an evaluation by a program of the site or a plug-in.
    """

    def __init__(self, spool: Spool, evaluate: Evaluate, *, cores: int = 1, limits: EvaluationLimitsSpec | None = None) -> None:
        self._spool = spool
        self._evaluate = evaluate
        self._cores = cores
        self._limits = limits or EvaluationLimitsSpec()
        self._guards: Guards | None = None

    def guard(self) -> None:
        """Puts guards around this process. They are copies of it: it is cheap before large imports, wrong after a thread."""
        self._guards = guard_this_process(self._report)

    @property
    def _pid(self) -> int | None:
        """Id by which others know this worker; None: its own."""
        return self._guards.outer if self._guards is not None else None

    def run(self) -> None:
        """Works until there is no driver."""
        me = process_identity(self._pid)
        record = self._spool.root / "workers" / f"{me['pid']}.json"
        self._write(lambda: write_json(record, me))
        while self._spool.served:
            try:
                name = self._next()
            except DiskFullError:
                name = None  # the driver reports it; the claim has been removed
            if name is None:
                self._spool.wait("work", _LOOK_AT_DRIVER, drain=False)
            else:
                self._work(name)
        # Not after an error: the record distinguishes a worker that failed on a job from one that could not start.
        record.unlink(missing_ok=True)

    def obey(self, names: Iterable[str], answers: TextIO) -> None:
        """Runs jobs as their names arrive; answers ``begun`` and ``done``, or ``taken`` for a job that was already claimed."""
        for line in names:
            name = line.strip()
            if not self._spool.claim(name, pid=self._pid):
                answers.write("taken\n")
            else:
                answers.write("begun\n")
                answers.flush()
                self._work(name)
                answers.write("done\n")
            answers.flush()

    def _next(self) -> str | None:
        """Claims the oldest unclaimed job."""
        for entry in self._spool.waiting():
            name = job_of(entry)
            if name is None or not self._spool.folder(name).is_dir():
                continue
            mine = self._spool.claim(name, pid=self._pid)
            self._spool.drop(entry)
            if mine:
                return name
        return None

    def _work(self, name: str) -> None:
        folder = self._spool.folder(name)
        request = self._request(name)
        if request is None:
            return
        try:
            signal.setitimer(signal.ITIMER_REAL, float(request["timeout"]) + _ALARM_MARGIN)
            outcome = self._compute(request, folder)
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            # The job records the reason, and this process is replaced by a new one.
            self._leave(name, request["token"], Outcome(failure=_failure(error)))
            raise
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        self._leave(name, request["token"], outcome)

    def _request(self, name: str) -> JsonDict | None:
        """Reads a job's request; None if it was discarded, or is damaged and therefore lost."""
        file = self._spool.folder(name) / "request.json"
        try:
            request = read_json(file)
            kinds = (("timeout", int | float), ("token", str), ("document", dict))
            if request is not None and not all(isinstance(request.get(key), kind) for key, kind in kinds):
                raise DamagedFileError(f"{file} is damaged: expected timeout, token and document")
        except DamagedFileError as error:
            damaged = error
            self._write(lambda: self._spool.lose_damaged(name, damaged))
            return None
        return request

    def _write(self, write: Callable[[], None]) -> None:
        """Writes into the spool; on a full disk waits for space, so that a result is not lost.

        Raises:
            DiskFullError: There was neither disk space nor a driver for an hour.
        """
        served = time.monotonic()
        while True:
            try:
                write()
            except DiskFullError:
                now = time.monotonic()
                served = now if self._spool.served else served
                if now - served > _UNSERVED:
                    raise
                threading.Event().wait(_LOOK_FOR_ROOM)
            else:
                return

    def _compute(self, request: JsonDict, folder: Path) -> Outcome:
        try:
            document = read_document(request["document"])
            with self._guards.during(self._watched(request, document, folder)) if self._guards is not None else nullcontext():
                return self._evaluate(document, folder)
        except (TansakuError, OSError, ValidationError) as error:
            with suppress(OSError):  # the log may be on the full disk
                traceback.print_exc()
            return Outcome(failure=_failure(error))

    def _watched(self, request: JsonDict, document: Work, folder: Path) -> Watched | None:
        """An evaluation that has limits; None for others."""
        if isinstance(document, TrainingDocument):
            return None
        code = limited_code(document.calculator, document.label, document.space)
        if code is None:
            return None
        return Watched(
            job=folder.name,
            token=request["token"],
            folders=(str(folder),),
            limits=self._limits,
            output=output_size(),
            in_worker=code == "plugin",
        )

    def _report(self, watched: Watched, excess: Excess) -> None:
        """Records that an evaluation was ended by a limit; called in the guard."""
        if excess.again:
            message = f"{excess.message}, perhaps with that of earlier evaluations in its worker"
            self._spool.lose(watched.job, "worker_memory", message)
        elif not self._spool.is_over(watched.job):
            failure = Failure(kind=FailureKind.PLUMBING, reason=excess.reason, message=excess.message)
            self._leave(watched.job, watched.token, Outcome(failure=failure))

    def _leave(self, name: str, token: str, outcome: Outcome) -> None:
        folder = self._spool.folder(name)
        present = self._request(name)
        if present is None or present["token"] != token:
            # The job was discarded meanwhile, and perhaps queued again under its name: this result is not needed.
            return
        try:
            files = {file: file_sha256(folder / file) for file in outcome.artifacts.values()}
            outcome_data = outcome.model_copy(update={"cores": self._cores}).model_dump(mode="json")
            result = {"token": token, "outcome": outcome_data, "files": files}
            self._write(lambda: self._spool.finish(name, result))
        except FileNotFoundError:
            if folder.is_dir():
                raise


def _evaluated(document: Work, folder: Path) -> Outcome:
    from tansaku.tasks.node.jobs.evaluate import work

    return work(document, folder)


def _failure(error: BaseException) -> Failure:
    known = next((reason for kind, reason in _REASONS if isinstance(error, kind)), "error")
    reason = DISK_FULL if lacks_room(error) else known
    return Failure(kind=FailureKind.PLUMBING, reason=reason, message=f"{type(error).__name__}: {error}"[:2000])


def _cores(threads: str) -> int:
    """Returns the number of a calculator's cores (its threads); an invalid value counts as one."""
    return max(1, int(threads)) if threads.isdecimal() else 1


def main(arguments: list[str]) -> int:
    """Entry of the worker process.

    Args:
        arguments: The spool folder, and ``-`` to read the names of jobs from standard input.

    Returns:
        Exit code.
    """
    if len(arguments) not in (1, 2) or arguments[1:] not in ([], ["-"]) or not (Path(arguments[0]) / "queue").is_dir():
        sys.stderr.write("usage: python -m tansaku.tasks.node.jobs.worker SPOOL [-] (an existing spool folder)\n")
        return 2
    # Libraries read these when they are loaded by the next import: workers use the cores by processes, not threads.
    # On a compute node the job's supervisor has set them to the job's cores.
    parallel = given_parallel()
    for variable in THREAD_VARIABLES if not arguments[1:] else ():
        os.environ[variable] = str(parallel.threads)
    offer_commands(given_commands())
    cores = parallel.ranks * _cores(os.environ.get(THREAD_VARIABLES[0], ""))
    spool = Spool(Path(arguments[0]))
    worker = Worker(spool, _evaluated, cores=cores, limits=given_limits())
    worker.guard()
    import tansaku.tasks.node.jobs.evaluate  # noqa: F401 - a worker that is ready has its libraries, its guards do not
    from tansaku.calculators.frozen_files import keep_copies_in
    from tansaku.tasks.node.jobs.spool import frozen_folder

    keep_copies_in(frozen_folder(spool))
    if arguments[1:]:
        # Output of calculators must not be mixed with the answers.
        with os.fdopen(os.dup(1), "w") as answers:
            os.dup2(2, 1)
            worker.obey(sys.stdin, answers)
    else:
        worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
