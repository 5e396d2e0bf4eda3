from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field

import pytest

from tansaku.models.domain.specs.cluster import FireworksLauncherSpec
from tansaku.tasks.backends.launchers.launches import LaunchFolder

DAY = 86400.0


@dataclass
class Turns:
    """Fills nothing and ends its caller after one turn."""

    halt: threading.Event
    count: int = 0

    @property
    def report(self):
        return self

    def as_json(self):
        return {}

    def turn(self):
        self.count += 1
        self.halt.set()


@dataclass
class Leases:
    """The one lease there is."""

    given_back: list = field(default_factory=list)

    def take(self, *_):
        return True

    def report(self, *_):
        """Nobody reads it."""

    def release(self, site, _):
        self.given_back.append(site)


@pytest.mark.parametrize(("kind", "keep", "swept"), [("worker", 30.0, True), ("worker", 50.0, False), ("driver", 30.0, False)])
def test_a_worker_sweeps_what_is_older_than_the_site_keeps(require, tmp_path, kind, keep, swept):
    require("fireworks")
    from tansaku.tasks.backends.launchers.queue.thread import Filling

    launch = LaunchFolder.of(tmp_path, "old")
    launch.create()
    at = time.time() - 40 * DAY
    os.utime(launch.path, (at, at))
    halt = threading.Event()
    turns, leases = Turns(halt), Leases()
    Filling(FireworksLauncherSpec(folder=str(tmp_path), keep_logs=keep, look=0.01), turns, leases, kind).serve(halt)
    assert (turns.count, leases.given_back) == (1, ["cluster"])
    assert launch.path.exists() is not swept
