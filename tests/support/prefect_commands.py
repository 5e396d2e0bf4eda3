"""Commands of Prefect's that the documents name and that fixtures start, with other words where a test needs them."""

from __future__ import annotations

import shlex
import sys

SERVER = "prefect server start --host 0.0.0.0 --port 4200"
WORKER = "prefect worker start --pool campaigns --type process"


def arguments(command: str, **replaced: object) -> list[str]:
    """The documented command as a list, with values of options replaced: ``arguments(WORKER, pool="mine")``."""
    words = shlex.split(command)
    for name, value in replaced.items():
        words[words.index(f"--{name}") + 1] = str(value)
    return [sys.executable, "-m", *words]
