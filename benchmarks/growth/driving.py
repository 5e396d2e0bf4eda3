"""``python -m benchmarks.growth.driving NAME``: drives a filled campaign to its end; jobs return at once. Prints JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.ended_jobs import EndedJobs
from benchmarks.growth.filling import outcome_of
from tansaku.models.domain.ports import JobResult
from tansaku.models.domain.records import CampaignRecord, JsonDict
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import drive
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary
from tansaku.tasks.node.configuration.campaign_files import load_site


class InstantLauncher(EndedJobs):
    """A ``Launcher`` whose results are invented.

    Args:
        folder: An empty one.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder, self._count = folder, 0

    def fetch(self, handle: JsonDict) -> JobResult:
        """An invented result without files."""
        self._count += 1
        outcome = outcome_of(self._count).model_copy(update={"artifacts": {}})
        return JobResult(self.requests[handle["name"]].token, outcome, self._folder)


class Stopwatch(Observer):
    """Notes the processor time at which the campaign was loaded."""

    loaded = 0.0

    def on_start(self, record: CampaignRecord, evaluations: Sequence[EvaluationSummary]) -> None:  # noqa: ARG002 - of the interface
        """The campaign was loaded."""
        self.loaded = time.process_time()


def main(name: str) -> None:
    """Drives the campaign and prints what it took."""
    settings = Settings.from_environment()
    watch = Stopwatch()
    with open_resources(settings, load_site(None)) as resources, tempfile.TemporaryDirectory() as folder:
        before = resources.store.campaign(name).last_number
        result = drive(replace(resources, open_launcher=lambda _: InstantLauncher(Path(folder))), name, watch)
    driven = result.last_number - before
    spent = 1000 * (time.process_time() - watch.loaded) / max(driven, 1)
    print(json.dumps({"reason": result.reason, "driven": driven, "load_s": watch.loaded, "ms_per_evaluation": spent}))


if __name__ == "__main__":
    main(sys.argv[1])
