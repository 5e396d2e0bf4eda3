"""What the site file gives a worker of this machine."""

from __future__ import annotations

from tansaku.models.domain.ports import JobRequest
from tansaku.models.domain.specs.parallel import ParallelSpec
from tansaku.models.domain.specs.site import LocalLauncherSpec
from tansaku.tasks.jobs.spool import read_json
from tansaku.tasks.launchers.local import LocalLauncher

DOCUMENT = {
    "campaign": "test",
    "candidate": "a",
    "base_path": "/nonexistent",
    "space": {
        "type": "table",
        "candidates": "t.csv",
        "columns": {"id": "id", "value": "v"},
        "features": {"x": {"columns": ["x"]}},
    },
}


def test_a_worker_has_the_ranks_and_threads_of_the_site_file(tmp_path):
    spec = LocalLauncherSpec(parallel=ParallelSpec(ranks=2, threads=3), kill_grace=0.3)
    launcher = LocalLauncher(tmp_path / "spool", spec, 1)
    launcher.start()
    try:
        handle = launcher.submit(JobRequest(name="job", token="t", document=DOCUMENT, timeout=120.0))
        result = tmp_path / "spool" / "jobs" / "job" / "result.json"
        while not result.exists():
            launcher.wait([handle], 5.0)
        assert read_json(result)["outcome"]["cores"] == 6
    finally:
        launcher.stop()
