"""Reap: end helper processes that a killed driver left behind, by process id and start time."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.site.processes import end_process, find_process

HELPERS = "helpers"
"""Key of a campaign's ``runtime`` under which a driver records processes that must not outlive it, by name."""

_GRACE = 3.0  # between TERM and KILL [s]


def reap_orphans(runtime: Mapping[str, object]) -> list[JsonDict]:
    """Ends the recorded helpers of a driver that is gone; workers end by themselves when their job has ended.

    Args:
        runtime: Record of the last driver; ``driver`` and ``helpers`` are read.

    Returns:
        Identity of each process that was still there.
    """
    driver, helpers = runtime.get("driver"), runtime.get(HELPERS)
    if not isinstance(driver, dict) or not isinstance(helpers, dict) or driver["host"] != socket.gethostname():
        return []
    if find_process(driver["pid"], driver["started"]) is not None:
        return []
    return [helper for helper in helpers.values() if end_process(helper["pid"], helper["started"], _GRACE)]
