"""Drives a campaign in a thread of a script, which does something else meanwhile."""

from __future__ import annotations

import threading

from tansaku.deploy.python.places import Place
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.driver.result import EndReason


class Driving:
    """A driver that has started.

    The thread does not keep the script alive: what it leaves behind at the script's end continues as after a crash.

    Args:
        place: Where the campaign is.
        name: Its name.
    """

    def __init__(self, place: Place, name: str) -> None:
        self._place, self._name = place, name
        self._reason: EndReason | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._drive, name=f"tansaku {name}", daemon=True)
        self._thread.start()

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def wait(self, timeout: float | None) -> EndReason | None:
        """Returns why it ended; None where the time [s] is over before that. Raises what ended it."""
        self._thread.join(timeout)
        if self._error is not None:
            raise self._error
        return self._reason

    def _drive(self) -> None:
        try:
            with self._place.open() as resources, CampaignLoop(resources, self._name) as loop:
                loop.advance()
                self._reason = loop.result.reason
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
            self._error = error
