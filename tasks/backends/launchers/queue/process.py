"""The process behind ``tansaku queue start``: ``python -m tansaku.tasks.backends.launchers.queue.process SITE_FILE``.

It keeps the site's queue filled (``filler.py``) until it receives a signal to end; ``control.py`` starts and stops it. Its
state is in the LaunchPad, the shared folder and SLURM, so it may be killed and restarted at any time.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from tansaku.models.domain.errors import TansakuError
from tansaku.tasks.backends.launchers.cluster import open_cluster
from tansaku.tasks.backends.stores.connection import connect
from tansaku.tasks.backends.stores.site_workers import SiteWorkers
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_site


def main(arguments: list[str]) -> int:
    """Entry of the process, whose one argument is the site file; returns its exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tansaku.tasks.backends.launchers.queue.process SITE_FILE\n")
        return 2
    halt = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        halt.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        settings = Settings.from_environment()
        site = load_site(Path(arguments[0]))
        cluster = open_cluster(settings, site, SiteWorkers(connect(settings, site)))
        cluster.filling("worker").serve(halt)
    except TansakuError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
