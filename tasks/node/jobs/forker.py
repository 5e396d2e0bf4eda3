"""Forks programs of compute nodes from one process that has their imports: ``python -m tansaku.tasks.node.jobs.forker``.

:mod:`tansaku.tasks.node.jobs.forked` starts it, with one end of a line as its standard input, and asks. It ends when the other
end is closed; its forks continue. Its argument is room for the command lines of forks.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.program import program

_LARGEST_REQUEST = 1 << 20
_ALWAYS = ("tansaku.tasks.node.jobs.evaluate", "tansaku.tasks.node.jobs.worker", "tansaku.tasks.node.jobs.own_crystal")
_ARGUMENTS = 45
"""Field of ``/proc/PID/stat`` after the program's name: where its command line begins."""

_HARMFUL = ("torch", "mpi4py")
"""Modules after whose import no process is forked."""


def main() -> NoReturn:
    """Entry of the process, and of each fork."""
    line = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    _import(_ALWAYS)
    asked = _serve(line)
    if asked is None:
        _leave(0)
    line.close()
    sys.argv = [asked["module"], *asked["arguments"]]
    _show(program(*sys.argv))
    code: int = import_module(asked["module"]).main(asked["arguments"])
    _leave(code)


def _serve(line: socket.socket) -> JsonDict | None:
    """Answers requests; returns None when the other end is closed, and the request in the fork that carries it out."""
    forked: set[int] = set()
    while True:
        message, streams, _, _ = socket.recv_fds(line, _LARGEST_REQUEST, 3)
        # Only now: until it asks for another, the driver can ask the kernel about the last one, even if that has ended.
        forked -= {pid for pid in forked if os.waitpid(pid, os.WNOHANG)[0]}
        if not message:
            return None
        asked: JsonDict = json.loads(message)
        if "preload" in asked:
            _import(asked["preload"])
            continue
        if not _alone():
            line.send(b"threads")
            return None
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            _become(asked, streams)
            return asked
        forked.add(pid)
        handle = os.pidfd_open(pid)
        socket.send_fds(line, [str(pid).encode()], [handle])
        for descriptor in (*streams, handle):
            os.close(descriptor)


def _become(asked: JsonDict, streams: Sequence[int]) -> None:
    """Gives this fork what a program would be started with."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()  # plug-ins may use the generator that all forks share


def _show(command: Sequence[str]) -> None:
    """Puts a command line where the kernel reads that of this process, if it has room for it: `ps` then tells workers apart."""
    # The program's name, in parentheses, may hold spaces and parentheses.
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    begin, room = int(fields[_ARGUMENTS]), int(fields[_ARGUMENTS + 1]) - int(fields[_ARGUMENTS])
    words = b"".join(os.fsencode(word) + b"\0" for word in command)
    if begin and len(words) <= room:
        ctypes.memmove(begin, words.ljust(room, b"\0"), room)


def _leave(code: int) -> NoReturn:
    """Ends this process as the interpreter does, but does not take it apart: that takes longer than a short evaluation."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a full disk; closed
            stream.flush()
    os._exit(code)


def _import(modules: Sequence[str]) -> None:
    for name in modules:
        with suppress(Exception):  # the fork imports it again, and reports what is wrong
            import_module(name)


def _alone() -> bool:
    """Whether a fork of this process is whole: threads would be missing in it, and locks that they hold would stay locked."""
    threads = len(list(Path("/proc/self/task").iterdir()))
    return threads == 1 and not any(name in sys.modules for name in _HARMFUL)


if __name__ == "__main__":
    main()
