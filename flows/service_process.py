"""The service, run as ``python -m tansaku.flows.service_process`` by `tansaku serve`: it cannot outlive its parent."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from tansaku.models.domain.errors import TansakuError
from tansaku.tasks.ground.settings import Settings, limit_threads
from tansaku.tasks.ground.site.bound_process import Parent

STOP_SECONDS = 7.0
"""Time for a clean end [s]: drivers are interrupted and their runs scheduled again. What is then left is killed."""


def main() -> None:
    """Gets the options and serves until the parent ends or asks for the end."""
    parent = Parent()
    parent.end_with(STOP_SECONDS, _kill_drivers)
    os.environ.update(parent.message["settings"])  # Prefect reads them at import; as arguments, other users would see them
    limit_threads()
    from tansaku.flows.service import ServiceOptions, serve

    options = dict(parent.message["options"])
    for name in ("folder", "site"):
        options[name] = None if options[name] is None else Path(options[name])
    try:
        serve(ServiceOptions(**options), Settings.from_environment().home, lambda text: parent.tell(say=text))
    except TansakuError as error:
        parent.tell(error=error.message, hint=error.hint, kind=type(error).__name__)


def _kill_drivers() -> None:
    """Kills drivers that did not end in time; the next service starts their runs again, and their jobs are adopted."""
    from tansaku.flows.engines import living_engines

    mine = {child.pid for child in psutil.Process().children(recursive=True)}
    for _, process in living_engines():
        if process.pid in mine:
            process.kill()


if __name__ == "__main__":
    main()
