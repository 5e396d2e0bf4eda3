"""A replay proposes exactly what a campaign of the same file and seed does."""

import pytest

from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import run_one


@pytest.mark.parametrize("preset", ["published", "default"])
def test_replay_and_campaign_propose_the_same(open_bench, preset):
    bench = open_bench(proposer={"type": "gp", "preset": preset}, seed=5, table={"failures": (3, 17)})
    assert bench.drive().reason == "evaluations"
    task = ReplayTask(
        spec=bench.launcher.spec, base_path=str(bench.folder), method="spec", seed=0, in_flight=3, count_initial=True
    )
    assert run_one(task).candidates == bench.sequence()
