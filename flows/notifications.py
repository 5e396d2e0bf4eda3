"""Sends notifications as long as a service runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from tansaku.flows.database_thread import working
from tansaku.models.domain.moments import utc_now
from tansaku.tasks.act.notifications.allowed import SiteNotifications
from tansaku.tasks.act.notifications.notifier import Notifier
from tansaku.tasks.act.notifications.sending import Sender
from tansaku.tasks.backends.resources import DatabaseResources
from tansaku.tasks.read.views.readings import Readings

LOOK = 15.0
"""Interval at which a service looks for events [s]; a message is sent within a minute of its event."""

SEND = 3.0
"""Interval at which it sends what is due, as tests that somebody waits for [s]."""


@contextmanager
def notifying(site: Path | None, show: Callable[[str], None]) -> Iterator[None]:
    """Sends notifications while the context is open.

    Args:
        site: Site file, which names the database; None: that of the environment.
        show: Shows a line to the user.
    """
    with working("notifications", site, partial(_notify, site), lambda problem: show(f"notifications wait: {problem}")):
        yield


def _notify(file: Path | None, resources: DatabaseResources, halt: threading.Event) -> None:
    site = SiteNotifications(file or resources.settings.site_file, resources.site.notifications)
    notifier = Notifier(
        readings=Readings(resources.store),
        notifications=resources.notifications,
        accounts=resources.accounts,
        sender=Sender(site.now()),
        now=utc_now,
    )
    while not halt.is_set():
        notifier = replace(notifier, sender=Sender(site.now()))
        notifier.look()
        until = time.monotonic() + LOOK
        while time.monotonic() < until and not halt.wait(SEND):
            notifier.send_due()
