"""What the processes share that fork programs from an interpreter with everything imported; none of it is product code."""

from __future__ import annotations

import atexit
import gc
import os
import runpy
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn


def preload(modules: Iterable[str], harmless: str = "") -> None:
    """Imports what most programs import, and keeps the garbage collector from copying the pages that forks share.

    Args:
        modules: Those that are not installed are left out.
        harmless: Name of a thread that may run.

    Raises:
        RuntimeError: An import has started threads, which do not live on in a fork.
    """
    for name in modules:
        with suppress(ImportError):
            import_module(name)
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    if any(name != harmless for name in names[1:]):
        raise RuntimeError(f"threads run after the imports: {names[1:]}; a fork could wait for them for ever")
    gc.freeze()


def end_as(module: str) -> NoReturn:
    """Runs a module as ``python -m`` does and ends with its exit status."""
    end_after(lambda: runpy.run_module(module, run_name="__main__", alter_sys=True))


def end_after(program: Callable[[], object]) -> NoReturn:
    """Runs a program and ends with its exit status.

    The interpreter is not taken apart: with torch in it, that takes two seconds of processor time.
    """
    status = exit_status(program)
    threading._shutdown()  # waits for threads, as the interpreter does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def exit_status(program: Callable[[], object]) -> int:
    """Runs a program to its end and returns what the interpreter would exit with."""
    try:
        program()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    except Exception:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        return 1
    return 0
