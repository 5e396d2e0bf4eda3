"""The spool: a folder through which a launcher and its workers exchange jobs. Every step is one atomic file operation.

    SPOOL/                      mode 0700
      driver.json               identity of the driver whose workers these are; absent: no driver, idle workers end
      queue/TIME-NAME           one empty file per waiting job, first come first served
      jobs/NAME/request.json    token, timeout and document; the folder appears whole, by rename
      jobs/NAME/result.json     token, outcome and the files' SHA-256; written under another name, fsynced, renamed
      jobs/NAME/lost.json       why there will be no result
      jobs/NAME/…               files of the result; not fsynced, a power failure that truncates one is found by its hash
      claims/NAME               created with O_EXCL by the worker that runs the job: its identity and start time
      workers/PID.json          identity of a worker that is ready
      logs/                     output of the workers
      damaged/                  unreadable files, kept for inspection
      frozen/                   copies of the files with which calculators compute, and hashes of their programs
      work, news                named pipes: a byte wakes the workers, a byte wakes the driver; not in a spool of a cluster,
                                whose nodes are other machines

A result takes precedence over a loss: if both files exist, the job is finished. A claim whose process is gone, without a
result, is a loss. An unreadable file is moved to ``damaged``, and its job is lost.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import select
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tansaku.calculators.frozen_files import sweep_copies
from tansaku.models.domain.errors import ConfigurationError, DamagedFileError, DiskFullError, TransientError
from tansaku.models.domain.records import JsonDict, ProcessStart
from tansaku.models.domain.wording import first_problem
from tansaku.tasks.ground.site.processes import find_process, process_identity
from tansaku.tasks.node.jobs.spool_files import delete, is_missing, read_identity, unreadable, write_json, writing_to

SCHEMA_VERSION = 1

_JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_ENTRY_TIME = re.compile(r"[0-9]{1,32}")
# Prefixes that no job name can have.
_NEW, _GONE = ".new-", ".gone-"
# A worker killed between making its claim and writing it leaves an empty file; the two are microseconds apart.
_EMPTY_CLAIM_SECONDS = 2.0


@dataclass(frozen=True)
class Claim:
    """The process that runs a job.

    Attributes:
        pid: 0 for a job without a process: cancelled while it waited, or its worker was killed while claiming it.
        started: Distinguishes the process from others with the same id.
        at: When it was claimed [s since the epoch].
        monotonic: The same by the machine's monotonic clock [s]; None in claims of older versions.
    """

    host: str
    pid: int
    started: ProcessStart
    at: float
    monotonic: float | None = None

    @property
    def age(self) -> float:
        """Time since the claim, as seen from this host [s]."""
        return time.time() - self.at if self.monotonic is None else time.monotonic() - self.monotonic

    @property
    def alive(self) -> bool:
        """Whether the process still exists, as seen from this host."""
        return self.host == socket.gethostname() and self.pid > 0 and find_process(self.pid, self.started) is not None


_CLAIM: TypeAdapter[Claim] = TypeAdapter(Claim)


@dataclass(frozen=True)
class Spool:
    """Paths and atomic steps of a spool folder."""

    root: Path

    def create(self, *, pipes: bool = True) -> None:
        """Creates missing folders and files.

        Args:
            pipes: Whether workers are on this machine.

        Raises:
            TransientError: The folder cannot be made or takes no named pipes (DiskFullError when there is no room).
        """
        try:
            with writing_to(self.root):
                self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
                for name in ("queue", "jobs", "claims", "workers", "logs", "damaged"):
                    (self.root / name).mkdir(mode=0o700, exist_ok=True)
                for name in ("work", "news") if pipes else ():
                    with suppress(FileExistsError):
                        os.mkfifo(self.root / name, 0o600)
        except DiskFullError:
            raise
        except OSError as error:
            raise TransientError(f"spool {self.root}: {error.strerror}") from error

    # ---------------------------------------------------------------- the driver

    def serve(self, driver: JsonDict) -> None:
        """Makes ``driver`` the owner of the workers. Raises DiskFullError."""
        path = self.root / "driver.json"
        if path.is_dir() and not path.is_symlink():
            self.set_aside(path, "driver")
        write_json(path, driver)

    def leave(self) -> None:
        """Removes the driver: idle workers end, busy workers end after their job."""
        (self.root / "driver.json").unlink(missing_ok=True)

    def driver(self) -> JsonDict | None:
        """Identity of the driver, None when it has left.

        Raises:
            DamagedFileError: The file holds something else.
        """
        return read_identity(self.root / "driver.json")

    @property
    def served(self) -> bool:
        """Whether there is a driver on this host and it is alive."""
        try:
            driver = self.driver()
        except DamagedFileError:
            return False  # a running driver rewrites the file and starts other workers
        if driver is None or driver["host"] != socket.gethostname():
            return False
        return find_process(driver["pid"], driver["started"]) is not None

    @property
    def served_elsewhere(self) -> bool:
        """Whether there is a driver that is alive, or on another host, where nobody here can tell.

        Raises:
            DamagedFileError: The driver's file holds something else.
        """
        driver = self.driver()
        return driver is not None and (driver["host"] != socket.gethostname() or self.served)

    # ---------------------------------------------------------------- jobs

    def folder(self, name: str) -> Path:
        """Folder of a job.

        Raises:
            ConfigurationError: The name is not a job name.
        """
        if _JOB_NAME.fullmatch(name) is None:
            raise ConfigurationError(f"job name {name!r}: expected letters, digits, - and _, 128 at most")
        return self.root / "jobs" / name

    def add(self, name: str, request: JsonDict, *, queue: bool = True) -> bool:
        """Adds a job; returns False when its name is known.

        Args:
            name: Unique.
            queue: Whether it waits for a worker of this spool; otherwise its name reaches a worker in another way.

        Raises:
            DiskFullError: There is no disk space for it.
        """
        with writing_to(self.root):
            return self._add(name, request, queue=queue)

    def _add(self, name: str, request: JsonDict, *, queue: bool) -> bool:
        folder = self.folder(name)
        aside = self.root / "jobs" / f"{_NEW}{secrets.token_hex(8)}"
        aside.mkdir(mode=0o700)
        try:
            (aside / "request.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION, **request}, allow_nan=False))
            # The entry comes first: an entry without a job is ignored, but a job without an entry would never run.
            if queue:
                (self.root / "queue" / f"{time.time_ns():020d}-{name}").touch()
            aside.rename(folder)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            if folder.is_dir():
                return False
            raise
        self.signal("work")
        return True

    def names(self) -> list[str]:
        """Names of all jobs in the spool."""
        return sorted(_job_names(self.root / "jobs"))

    def waiting(self) -> list[str]:
        """Entries of the queue, oldest first. Other files there, such as those that NFS leaves, are ignored."""
        return sorted(entry for entry in _names(self.root / "queue") if job_of(entry) is not None)

    def claim(self, name: str, *, pid: int | None = None) -> bool:
        """Claims a job; returns whether it was unclaimed.

        Args:
            pid: Process for which it is claimed; None: this one, 0: none.

        Raises:
            DiskFullError: There is no disk space for the claim; the job stays unclaimed.
        """
        path = self.root / "claims" / name
        identity = {**process_identity(pid or None), "at": time.time(), "monotonic": time.monotonic()}
        text = json.dumps(identity if pid is None else {**identity, "pid": pid}).encode()
        with writing_to(self.root):
            try:
                handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:
                return False
            try:
                if os.write(handle, text) < len(text):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                path.unlink()
                raise
            finally:
                os.close(handle)
        return True

    def claimed(self, name: str) -> Claim | None:
        """Returns the claim of a job, None if it is unclaimed.

        Raises:
            DamagedFileError: The claim cannot be read.
        """
        path = self.root / "claims" / name
        try:
            text = path.read_text(errors="replace")
        except OSError as error:
            if is_missing(path, error):
                return None
            raise unreadable(path, error) from error
        try:
            if not text:
                # In both directions: the clock may have been set in between.
                since = path.stat().st_mtime
                return Claim(socket.gethostname(), 0, 0.0, since) if abs(time.time() - since) > _EMPTY_CLAIM_SECONDS else None
            return _CLAIM.validate_json(text)
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise DamagedFileError(f"{path} does not name the process that does the job: {first_problem(error)}") from error

    def claims(self) -> list[str]:
        """Names of all claimed jobs. Other files there are ignored."""
        return _job_names(self.root / "claims")

    def finish(self, name: str, result: JsonDict) -> None:
        """Writes the final result. Raises FileNotFoundError if the job was discarded meanwhile.

        The folder itself is not fsynced: a rename that a power failure undoes costs one evaluation computed again, not one
        that the store had accepted, and the flush would cost as long as a relaxation.
        """
        write_json(self.folder(name) / "result.json", {"schema_version": SCHEMA_VERSION, **result}, durable=True)
        self.signal("news")

    def lose(self, name: str, reason: str, message: str, *, final: bool = True) -> None:
        """Records that a job will have no result; the first reason is kept.

        Args:
            final: False: its process is unreachable; if it returns with a result, that result counts.
        """
        folder = self.folder(name)
        if self.is_over(name):
            return
        with suppress(FileNotFoundError):
            write_json(folder / "lost.json", {"reason": reason, "message": message} | ({} if final else {"final": False}))
        self.signal("news")

    def lose_damaged(self, name: str, error: DamagedFileError) -> None:
        """Marks a job with a damaged claim or request as lost and keeps both files. Its worker, if any, is unknown."""
        self.set_aside(self.root / "claims" / name, name)
        self.set_aside(self.folder(name) / "request.json", name, copy=True)
        self.lose(name, "damaged_file", error.message)
        self.unqueue(name)

    def set_aside(self, file: Path, name: str, *, copy: bool = False) -> None:
        """Moves an unusable file of job ``name`` into ``damaged``; does nothing if it does not exist.

        Args:
            copy: Copy it instead, if it can be read.
        """
        kept = self.root / "damaged" / f"{time.time_ns():020d}-{name}-{file.parent.name}-{file.name}"
        with suppress(FileNotFoundError), writing_to(self.root):
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            if copy and file.is_file() and os.access(file, os.R_OK):
                shutil.copyfile(file, kept)
            else:
                file.rename(kept)

    def is_over(self, name: str) -> bool:
        """Returns whether the job has a result or is lost."""
        folder = self.folder(name)
        return (folder / "result.json").exists() or (folder / "lost.json").exists()

    def remove(self, name: str) -> None:
        """Removes a job; its files are deleted when :meth:`sweep` is called."""
        waits = not (self.root / "claims" / name).exists()
        with suppress(FileNotFoundError):
            self.folder(name).rename(self.root / "jobs" / f"{_GONE}{secrets.token_hex(8)}")
        if waits:
            self.unqueue(name)
        else:
            delete(self.root / "claims" / name)

    def unqueue(self, name: str) -> None:
        """Removes a job from the queue."""
        for entry in self.waiting():
            if job_of(entry) == name:
                self.drop(entry)

    def drop(self, entry: str) -> None:
        """Removes an entry from the queue."""
        delete(self.root / "queue" / entry)

    def prune(self) -> None:
        """Removes the remains of killed processes: unfinished folders, claims and entries without a job."""
        self.sweep(_GONE, _NEW)
        known = set(_names(self.root / "jobs"))
        for name in self.claims():
            if name not in known:
                delete(self.root / "claims" / name)
        for entry in self.waiting():
            if job_of(entry) not in known:
                self.drop(entry)

    def sweep(self, *prefixes: str) -> None:
        """Deletes the files of removed jobs."""
        for name in _names(self.root / "jobs"):
            if name.startswith(prefixes or _GONE):
                shutil.rmtree(self.root / "jobs" / name, ignore_errors=True)

    # ---------------------------------------------------------------- waking each other

    @cached_property
    def _pipes(self) -> dict[str, int]:
        # Read and write at once: opening never blocks and there is always a reader, on Linux.
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC
        return {name: os.open(self.root / name, flags) for name in ("work", "news") if (self.root / name).exists()}

    def signal(self, pipe: str) -> None:
        """Writes a byte into a pipe, if there are pipes; a full pipe wakes readers too."""
        handle = self._pipes.get(pipe)
        if handle is not None:
            with suppress(BlockingIOError):
                os.write(handle, b"!")

    def wait(self, pipe: str, timeout: float, *, drain: bool) -> bool:
        """Waits for a byte.

        Args:
            timeout: [s].
            drain: Whether to take all bytes, not just one (the others wake other readers).

        Returns:
            Whether there was one.
        """
        ready, _, _ = select.select([self._pipes[pipe]], [], [], max(0.0, timeout))
        if ready:
            with suppress(BlockingIOError):
                os.read(self._pipes[pipe], 65536 if drain else 1)
        return bool(ready)

    def close(self) -> None:
        """Closes the pipes."""
        for handle in self.__dict__.pop("_pipes", {}).values():
            os.close(handle)


def job_of(entry: str) -> str | None:
    """Returns the name of the job of an entry of the queue, None for a file that is no entry."""
    at, _, name = entry.partition("-")
    return name if _ENTRY_TIME.fullmatch(at) and _JOB_NAME.fullmatch(name) else None


def _job_names(folder: Path) -> list[str]:
    return [name for name in _names(folder) if _JOB_NAME.fullmatch(name) is not None]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def frozen_folder(spool: Spool) -> Path:
    """Folder of the copies that a spool's jobs compute with, and of the hashes of programs."""
    return spool.root / "frozen"


def sweep_frozen(spool: Spool) -> None:
    """Deletes the copies unless there are jobs, which may be using them; the next job makes them again."""
    if (spool.root / "jobs").is_dir() and not spool.names():
        sweep_copies(frozen_folder(spool))
