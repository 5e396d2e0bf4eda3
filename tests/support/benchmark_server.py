"""Runs benchmarks as ``python -m`` does, each in a fork of one process that has imported what takes long.

``python -m tests.support.benchmark_server`` reads a request per line, ``{"module", "arguments", "output", "errors",
"workers"}``, and answers ``{"pid"}`` and then ``{"status"}``. A benchmark's own state stays in its fork. ``workers`` is the
address of the process that forks the workers of its campaigns (``warm_worker_server.py``), or null: they are started.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.support.forks import end_as, preload
from tests.support.warm_workers import fork_from

PRELOADED = (
    "ase.build",
    "chgnet.model",
    "matplotlib.pyplot",
    "pymatgen.core",
    "scipy.optimize",
    "torch",
    "tansaku.tasks.act.replay.bench",
)


def serve() -> dict | None:
    """Answers requests until the input ends.

    Returns:
        In a fork, the request that it is to carry out; None at the end of the input.
    """
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            return request
        print(json.dumps({"pid": pid}), flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)
    return None


def carry_out(request: dict) -> None:
    """Becomes ``python -m MODULE ARGUMENTS``; the exit status is that of the interpreter."""
    os.setsid()
    with Path(os.devnull).open() as nothing, Path(request["output"]).open("w") as out, Path(request["errors"]).open("w") as err:
        for stream, number in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(stream.fileno(), number)
    if request["workers"] is not None:
        fork_from(lambda: request["workers"])
    sys.argv = [request["module"], *request["arguments"]]
    end_as(request["module"])


if __name__ == "__main__":
    preload(PRELOADED)
    found = serve()
    if found is not None:
        carry_out(found)
