"""Many campaigns on one database at once, each with a driver of its own: all end, and nothing of any is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from benchmarks.growth.driving import InstantLauncher
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import CampaignState, EvaluationState
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.node.configuration.campaign_files import load_site
from tansaku.tasks.read.views.status import campaign_status, every_status
from tests.support.campaign_files import table_space
from tests.support.records import campaign_record

EVALUATIONS = 12


def spec_of(name: str, seed: int) -> CampaignSpec:
    return CampaignSpec.model_validate(
        {
            "schema_version": 1,
            "name": name,
            "seed": seed,
            "space": table_space(
                "candidates.csv", {"id": "id", "system": "system", "value": "value"}, {"place": {"columns": ["x"]}}
            ),
            "proposer": {"type": "random"},
            "budget": {"evaluations": EVALUATIONS},
            "execution": {"in_flight": 3, "polish": 0},
        }
    )


def run_at_once(count: int, tmp_path, database: str) -> None:
    rng = np.random.default_rng(0)
    ids, columns = [f"c{i:03d}" for i in range(50)], {"value": rng.standard_normal(50), "x": rng.random(50)}
    table = pd.DataFrame({"id": ids, "system": "s", **columns})
    table.to_csv(tmp_path / "candidates.csv", index=False)
    site_file = tmp_path / "site.yaml"
    site_file.write_text(f"schema_version: 1\ndatabase: {{name: {database}}}\n")
    settings, site = Settings.from_environment(), load_site(site_file)
    begin = threading.Barrier(count)

    def drive(number: int) -> str:
        spec = spec_of(f"many-{number:03d}", number)
        with open_resources(settings, site) as resources:
            resources.store.create_campaign(campaign_record(spec, base_path=str(tmp_path), created_at=datetime.now(UTC)))
            own = replace(resources, open_launcher=lambda _: InstantLauncher(tmp_path))
            begin.wait(600)
            with CampaignLoop(own, spec.name) as loop:
                loop.advance()
                return loop.result.reason

    with ThreadPoolExecutor(count) as pool:
        assert set(pool.map(drive, range(count))) == {"evaluations"}
    with open_resources(settings, site) as resources:
        store = resources.store
        assert len(store.campaign_names()) == count
        for status in every_status(store):
            assert status.state is CampaignState.FINISHED
            found = store.evaluations(status.name)
            assert [evaluation.proposal.number for evaluation in found] == list(range(1, EVALUATIONS + 1))
            assert all(evaluation.state is EvaluationState.DONE for evaluation in found)
            values = [evaluation.outcome.value for evaluation in found]
            assert [observation.value for observation in store.observations(status.name)] == values
            assert campaign_status(store, status.name) == status


def test_three_campaigns_at_once(tmp_path, mongo_database):
    run_at_once(3, tmp_path, mongo_database.name)


@pytest.mark.slow
def test_a_hundred_campaigns_at_once(tmp_path, mongo_database):
    run_at_once(100, tmp_path, mongo_database.name)
