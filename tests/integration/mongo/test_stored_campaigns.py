"""Campaigns that commit cde8d5ae stored go on as they began: the same candidates, for the same reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.export_import import import_observations
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.photographs.__main__ import STORED
from tests.photographs.comparing import MISSING, differences
from tests.photographs.making import CAMPAIGNS, EXPORTS, FILES
from tests.photographs.resuming import ADA, PROPOSALS, restored, resumed

EXPECTED = json.loads((STORED / PROPOSALS).read_text(encoding="utf-8"))
PACKAGES = ("mongod", "pymatgen", "rdkit", "h5py", "safetensors", "sklearn", "torch", "matscipy")


@pytest.fixture(scope="module")
def stored(require) -> Iterator[Resources]:
    """A fresh private server with the dump."""
    for package in PACKAGES:
        require(package)
    with restored(STORED) as resources:
        yield resources


def test_every_campaign_of_the_dump_is_compared(stored):
    assert set(stored.store.campaign_names()) == set(CAMPAIGNS) == set(EXPECTED)


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_its_further_proposals_are_those_of_the_commit_that_stored_it(stored, tmp_path, name):
    known = EXPECTED[name]
    assert sum(proposal["purpose"] == "search" for proposal in known["proposals"]) >= 5
    found = resumed(stored, name, tmp_path, known["outcomes"])
    # What a proposal says besides may grow.
    changed = [change for change in differences(known["proposals"], found["proposals"]) if change[1] is not MISSING]
    assert not changed
    for candidate, outcome in known["outcomes"].items():
        now = found["outcomes"][candidate]
        assert now["value"] == (None if outcome["value"] is None else pytest.approx(outcome["value"], rel=1e-6, abs=1e-9))
        assert (now["failure"] or {}).get("reason") == (outcome["failure"] or {}).get("reason")


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_its_export_is_imported_whole(stored, name):
    store = MemoryCampaignStore()
    file = STORED / EXPORTS / f"{name}.parquet"
    done = import_observations(store, file, this_driver(), base_path=FILES, artifacts=stored.artifacts)
    assert done.unchecked is None
    dumped = {evaluation.id: evaluation for evaluation in stored.store.evaluations(name)}
    for evaluation in store.evaluations(name):
        assert evaluation.proposal == dumped[evaluation.id].proposal
        if evaluation.outcome is not None:
            assert evaluation.outcome == dumped[evaluation.id].outcome


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_its_file_is_still_of_that_campaign(stored, name):
    before = stored.store.campaign(name)
    found = prepare_campaign(stored, ADA, load_campaign(FILES / f"{name}.yaml"))
    assert (found.created_at, found.spec_hash) == (before.created_at, before.spec_hash)
