"""SIGKILL of drivers whose space and calculator are plug-ins' that nobody has named to the suite."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.plugin_packages import ROOT, add_package, add_written_calculator, python
from tests.support.warm_workers import WarmWorkers

SPACE = """
from typing import ClassVar, Literal
from tansaku.models.domain.specs.crystals import CrystalsSpaceSpec

class SpaceSpec(CrystalsSpaceSpec):
    opener: ClassVar[str] = "tansaku.spaces.crystals:CrystalsSpace"
    type: Literal["planted_crystals"] = "planted_crystals"
"""
KILLS = (("CampaignStore.insert_proposal", "before"), ("Launcher.submit", "after"), ("CampaignStore.accept_outcome", "before"))
SECOND = 2  # the call of each that is struck
IMPORTED = (
    "tansaku.tasks.jobs.energy",
    "tansaku.tasks.jobs.evaluate",
    "tansaku.tasks.driver.loop",
    "tansaku.tasks.launchers.local",
    "tansaku.tasks.stores.artifacts",
    "tansaku.tasks.stores.mongo",
    "tansaku.spaces.crystals",
    "ase.calculators.morse",
    "ase.optimize",
    "tests.support.warm_workers",
)
"""What drivers and workers of such a campaign import."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    """A folder of the path with two packages: a calculator as `tansaku new calculator` writes it, and a space."""
    folder = tmp_path_factory.mktemp("planted")
    add_written_calculator(folder, "planted-spring")
    crystals = {"planted_crystals": "planted_crystals:SpaceSpec"}
    add_package(folder, "planted-crystals", {"planted_crystals": SPACE}, {"spaces": crystals})
    return folder


@pytest.fixture(scope="module")
def path_of_python(planted) -> dict[str, str]:
    """With which a process sees the packages."""
    return {"PYTHONPATH": f"{planted}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def driver_server(open_driver_server, path_of_python) -> object:
    """Drivers that see the packages."""
    return open_driver_server(IMPORTED, path_of_python)


@pytest.fixture(scope="module")
def warm_workers(path_of_python) -> Iterator[WarmWorkers]:
    """Workers that see the packages."""
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        workers = WarmWorkers(Path(folder), IMPORTED, os.environ | path_of_python)
        yield workers
        workers.close()


def test_killed_driver_resumes_a_campaign_of_plugins_as_if_nothing_had_happened(planted, make_campaign):
    code = "import json; from tests.support.plugged_campaigns import plugged_campaigns; print(json.dumps(plugged_campaigns()))"
    found = json.loads(python(planted, code))
    assert [(keys["space"]["type"], keys["calculator"]["type"]) for keys in found] == [("planted_crystals", "planted_spring")]
    for keys in found:
        undisturbed = make_campaign(**keys)
        assert undisturbed.drive()["reason"] == "evaluations"
        assert [state for _, state, _, _ in undisturbed.facts()] == ["DONE"] * 4
        for method, when in KILLS:
            campaign = make_campaign(**keys)
            kill = {"method": method, "call": SECOND, "when": when}
            assert campaign.drive(kill=kill) == {"signal": 9}, f"kill point {kill} was never hit"
            assert campaign.drive()["reason"] == "evaluations"
            assert campaign.facts() == undisturbed.facts()
            assert campaign.observed() == undisturbed.observed()
            assert campaign.store.rebuild_observations(campaign.name) == 0
            plugins = {
                evaluation.outcome.provenance.settings["plugin"] for evaluation in campaign.store.evaluations(campaign.name)
            }
            assert plugins == {"tansaku-planted-spring 1.0"}
