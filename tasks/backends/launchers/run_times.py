"""Run times of candidates, read from ended launches; they determine the size of the next bundle."""

from __future__ import annotations

import statistics
from collections import deque
from pathlib import Path

from tansaku.models.domain.errors import TansakuError
from tansaku.tasks.backends.launchers.launches import LaunchFolder, all_launches

_KEPT = 200  # candidates of a campaign and calculator that the next estimate goes by
_LOOKED_BACK = 50  # launches of before this process began

_Sample = tuple[float, float]


class RunTimes:
    """Run times by campaign and calculator.

    Args:
        folder: The site's shared folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], deque[_Sample]] = {}
        self._open: dict[str, LaunchFolder] | None = None

    def watch(self, launch: LaunchFolder) -> None:
        """Registers a launch, whose run times are read when it has ended."""
        if self._open is not None:
            self._open[launch.name] = launch

    def learn(self) -> None:
        """Reads the run times of launches that ended since the last call. Raises TransientError."""
        if self._open is None:
            self._open = {launch.name: launch for launch in self._latest()}
        for launch in list(self._open.values()):
            exited = launch.read("exit")
            if exited is None:
                continue
            del self._open[launch.name]
            try:
                order = launch.order()
            except TansakuError:
                continue  # of another version: nothing to be learned from it
            kept = self._known.setdefault((order.campaign, order.calculator), deque(maxlen=_KEPT))
            kept.extend((float(cost), float(seconds)) for cost, seconds in exited.get("computed", []))

    def seconds(self, campaign: str, calculator: str, cost: float) -> float | None:
        """Expected run time of a candidate [s]: in the median of those known, by predicted cost where all have one.

        Returns:
            None before anything was measured.
        """
        samples = self._known.get((campaign, calculator))
        if not samples:
            return None
        if cost > 0.0 and all(known > 0.0 for known, _ in samples):
            return cost * statistics.median(seconds / known for known, seconds in samples)
        return statistics.median(seconds for _, seconds in samples)

    def _latest(self) -> list[LaunchFolder]:
        return sorted(all_launches(self._folder), key=lambda launch: launch.path.stat().st_mtime)[-_LOOKED_BACK:]
