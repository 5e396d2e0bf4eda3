"""Progress of a campaign that a script runs: a live figure in a notebook, otherwise the lines of `tansaku run`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from tansaku.deploy.cli.live import PlainObserver, watching
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Evaluation
from tansaku.tasks.act.measurements.campaign_view import CampaignView
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.read.figures import convergence

_EVERY = 2.0
"""Shortest time between two drawings [s]."""


class NotebookObserver(PlainObserver):
    """Draws the best value so far, again with each value, in place of the figure before; messages as elsewhere.

    Args:
        view: Reads the campaign.
        show: Shows an image, the first time or again.
    """

    def __init__(self, view: Callable[[], CampaignView], show: Callable[[bytes], None]) -> None:
        super().__init__()
        self._view, self._show, self._next = view, show, 0.0

    def on_outcome(self, evaluation: Evaluation) -> None:
        """Draws, unless it did so just before."""
        super().on_outcome(evaluation)
        if monotonic() >= self._next:
            self._draw()

    def on_stop(self, reason: str) -> None:
        """Draws what was found."""
        super().on_stop(reason)
        self._draw()

    def _draw(self) -> None:
        with suppress(ConfigurationError), tempfile.TemporaryDirectory(prefix="tansaku-") as folder:  # nothing has a value yet
            self._show(convergence.draw_png(self._view().convergence(), Path(folder) / "best.png").read_bytes())
        self._next = monotonic() + _EVERY


@contextmanager
def shown(view: Callable[[], CampaignView]) -> Iterator[Observer]:
    """The observer of a script's campaign.

    Args:
        view: Reads the campaign.
    """
    show = _notebook()
    if show is not None:
        yield NotebookObserver(view, show)
        return
    with watching() as observer:
        yield observer


def _notebook() -> Callable[[bytes], None] | None:
    """Shows an image below the cell of the notebook that runs, in place of the one before; None: no notebook runs."""
    python: Any = sys.modules.get("IPython")
    shell = None if python is None else python.get_ipython()
    if not hasattr(shell, "kernel"):
        return None
    display, handle = python.display, None

    def show(image: bytes) -> None:
        nonlocal handle
        drawn = display.Image(data=image, format="png")
        if handle is None:
            handle = display.display(drawn, display_id=True)
        else:
            handle.update(drawn)

    return show
