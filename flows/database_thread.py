"""Work on the database beside the runs of a service, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tansaku.models.domain.errors import TansakuError
from tansaku.tasks.backends.resources import DatabaseResources, open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_site

PAUSE = 10.0
"""Time before the database is opened again after an error [s]."""


@contextmanager
def working(
    name: str,
    site: Path | None,
    work: Callable[[DatabaseResources, threading.Event], None],
    say: Callable[[str], None],
) -> Iterator[None]:
    """Works while the context is open. Runs of campaigns do not depend on it: its errors are said, and it begins again.

    Args:
        name: Of the thread.
        site: Site file, which names the database; None: that of the environment.
        work: Works until the event is set.
        say: Called with the message of an error.
    """
    halt = threading.Event()

    def run() -> None:
        while not halt.is_set():
            try:
                settings = Settings.from_environment()
                with open_resources(settings, load_site(site or settings.site_file)) as resources:
                    work(resources, halt)
            except TansakuError as error:
                say(error.message)
                halt.wait(PAUSE)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        halt.set()
        thread.join(PAUSE / 2)
