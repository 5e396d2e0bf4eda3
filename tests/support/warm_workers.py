"""Workers and commands of a test process: forked (``warm_worker_server.py``), which saves the seconds of their imports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO

import pytest

from tests.support.warm_worker_server import COMMAND, MODULES, WITH_PREFECT

AT_START = dict(os.environ)
ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120.0  # longest wait for an answer [s]


_PROGRAM = """\
#!{python} -IS
import json, os, socket, sys
if {{name: value for name, value in os.environ.items() if name.startswith("PYTHON")}} != {variables!r}:
    os.execv({program!r}, [{program!r}, *sys.argv[1:]])
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect({address!r})
argv = [{python!r}, "-P", "-c", {command!r}, *sys.argv[1:]]
request = {{"command": argv, "environment": dict(os.environ), "folder": os.getcwd()}}
socket.send_fds(line, [json.dumps(request).encode()], [0, 1, 2])
line.recv(64)
status = json.loads(line.recv(64))["status"]
sys.exit(status if status >= 0 else 128 - status)
"""
"""Where a signal ends the command, it exits as shells do. Other variables of Python's need a process of their own."""


class WarmProcess:
    """A process that was forked; stands for its ``subprocess.Popen``."""

    def __init__(
        self,
        address: str,
        argv: list[str],
        streams: tuple[int, int, int],
        environment: dict[str, str],
        folder: Path | None = None,
    ) -> None:
        self.args, self.returncode = argv, None
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.connect(address)
        request = {"command": argv, "environment": environment, "folder": str(folder or Path.cwd())}
        socket.send_fds(self._line, [json.dumps(request).encode()], list(streams))
        self._line.settimeout(LIMIT)
        self.pid = json.loads(self._line.recv(64))["pid"]
        self._lock = threading.Lock()

    def __del__(self) -> None:
        """Hangs up on a process that outlives its driver, as a busy worker does."""
        with suppress(AttributeError):
            self._line.close()

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        with self._lock:
            if self.returncode is None:
                self._line.settimeout(timeout)
                try:
                    answer = self._line.recv(64)
                except (BlockingIOError, TimeoutError):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from None
                self.returncode = json.loads(answer)["status"] if answer else -signal.SIGKILL
                self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class PipedProcess(WarmProcess):
    """With pipes to its input and from its output, for text.

    Args:
        address: Of the socket.
        argv: The command.
        errors: Where its errors go.
        environment: All its variables.
    """

    def __init__(self, address: str, argv: list[str], errors: int, environment: dict[str, str]) -> None:
        (given, to), (fetched, output) = os.pipe(), os.pipe()
        self.stdin, self.stdout = os.fdopen(to, "w"), os.fdopen(fetched)
        try:
            super().__init__(address, argv, (given, output, errors), environment)
        finally:
            os.close(given)
            os.close(output)

    def __enter__(self) -> PipedProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        with suppress(BrokenPipeError):
            self.stdin.close()
        self.wait()


class WarmWorkers:
    """Starts the process that forks workers when the first worker is asked for.

    Args:
        folder: For its socket; short, as the address of a unix socket is.
        preloaded: Modules that it imports; none: those of most workers.
        environment: All its variables; None: those of this process.
    """

    def __init__(self, folder: Path, preloaded: Sequence[str] = (), environment: dict[str, str] | None = None) -> None:
        self._address = str(folder / "workers.sock")
        self._preloaded, self._environment = preloaded, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Of its socket, on which it answers."""
        with self._lock:
            if self._process is None:
                module = "tests.support.warm_worker_server"
                command = [sys.executable, "-m", module, self._address, "-" * 4096, *self._preloaded]
                environment = {**(self._environment or os.environ), "PADDING": "-" * 8192}  # room for those of forks
                self._process = subprocess.Popen(
                    command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
                assert self._process.stdout.readline() == b"ready\n"
        return self._address

    def start(
        self, argv: list[str], out: IO[bytes], err: IO[bytes], environment: dict[str, str], folder: Path | None = None
    ) -> WarmProcess:
        """Starts a command without input.

        Args:
            argv: The command.
            out: File of its standard output.
            err: File of its errors.
            environment: All its variables; Python's own are those of this process.
            folder: In which it runs; None: that of this process.
        """
        assert not _python_changed(environment)
        with Path(os.devnull).open() as nothing:
            return WarmProcess(self.address, argv, (nothing.fileno(), out.fileno(), err.fileno()), environment, folder)

    def command(self, arguments: Sequence[str | Path], *where: object) -> WarmProcess:
        """Starts ``tansaku ARGUMENTS``; the other arguments are those of :meth:`start`."""
        return self.start([sys.executable, "-P", "-c", COMMAND, *map(str, arguments)], *where)

    def program(self, folder: Path, name: str = "tansaku", command: str = COMMAND) -> None:
        """Writes a program into a folder of a PATH, for commands of a shell that run to their end."""
        file, program = folder / name, str(Path(sys.executable).with_name(name))
        variables = {name: value for name, value in AT_START.items() if name.startswith("PYTHON")}
        values = {"python": sys.executable, "command": command, "address": self.address}
        file.write_text(_PROGRAM.format(program=program, variables=variables, **values))
        file.chmod(0o755)

    def close(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(LIMIT)


class WarmSubprocess:
    """The module ``subprocess`` for a module of the product: known processes with one thread are forked, others are started.

    Args:
        address: Gives the address of the process that forks.
    """

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address

    def __getattr__(self, name: str) -> object:
        return getattr(subprocess, name)

    def Popen(self, argv: list[str], **options: object) -> object:  # noqa: N802 - the name that it stands for
        if not _is_known(argv, options):
            return subprocess.Popen(argv, **options)
        if options.get("stdin") == subprocess.PIPE:
            return PipedProcess(self._address(), argv, options["stderr"].fileno(), options["env"])
        with Path(os.devnull).open() as nothing:
            output = options["stdout"].fileno()
            return WarmProcess(self._address(), argv, (nothing.fileno(), output, output), options["env"])

    def run(self, argv: list[str], **options: object) -> object:
        if not _is_known(argv, options):
            return subprocess.run(argv, **options)
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, Path(os.devnull).open("w") as nothing:
            given.write(options["input"].encode())
            given.seek(0)
            streams = (given.fileno(), output.fileno(), nothing.fileno())
            process = WarmProcess(self._address(), argv, streams, options["env"])
            try:
                process.wait(options["timeout"])
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            output.seek(0)
            return subprocess.CompletedProcess(argv, process.returncode, output.read().decode())


def _is_known(argv: list[str], options: dict) -> bool:
    """Whether a fork is what the command would start: the interpreter reads some variables, NumPy another, when they begin."""
    environment = options.get("env") or {}
    threads = environment.get("OMP_NUM_THREADS", "1")
    known = [*argv[:3]] == [sys.executable, "-P", "-m"] and argv[3] in MODULES
    return known and not _python_changed(environment) and threads == "1"


def _python_changed(environment: dict[str, str]) -> bool:
    return any(environment[name] != AT_START.get(name) for name in environment if name.startswith("PYTHON"))


PATCHED = (
    "tansaku.tasks.backends.launchers.local",
    "tansaku.tasks.node.configuration.crystal",
    "tansaku.tasks.act.replay.bench",
)
"""Modules of the product that start such processes."""

FORKED = "tansaku.tasks.node.jobs.forked"
"""Where the product forks by itself, which takes an import in each test."""


def fork_from(address: Callable[[], str]) -> None:
    """What the product starts in this process is forked from the process that listens on a socket."""
    for name in PATCHED:
        import_module(name).subprocess = WarmSubprocess(address)
    import_module(FORKED).FORKER.usable = False


def opened(preloaded: Sequence[str] = ()) -> Iterator[WarmWorkers]:
    """A process that forks, until the fixture's end."""
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        workers = WarmWorkers(Path(folder), preloaded)
        yield workers
        workers.close()


@pytest.fixture(scope="session")
def warm_workers() -> Iterator[WarmWorkers]:
    """The process that forks the workers of this test process."""
    yield from opened()


@pytest.fixture(scope="session")
def warm_services() -> Iterator[WarmWorkers]:
    """The process that forks services of Prefect's runs, the drivers of these, and their workers."""
    yield from opened(WITH_PREFECT)


@pytest.fixture(scope="module")
def forked_command(warm_workers: WarmWorkers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The command `tansaku` of a module's shells is forked; Python and its other programs are those of the tests."""
    folder = tmp_path_factory.mktemp("programs")
    warm_workers.program(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]]))
        yield


@pytest.fixture(autouse=True)
def _processes_are_forked(request: pytest.FixtureRequest, warm_workers: WarmWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forks the processes of campaigns in this process, unless a test is marked ``started_workers``.

    A module that is first imported by the test itself starts them: no test waits for an import that it does not need.
    """
    if request.node.get_closest_marker("started_workers") is None:
        for name in filter(sys.modules.__contains__, PATCHED):
            monkeypatch.setattr(sys.modules[name], "subprocess", WarmSubprocess(lambda: warm_workers.address))
        if FORKED in sys.modules:
            monkeypatch.setattr(sys.modules[FORKED].FORKER, "usable", False)
