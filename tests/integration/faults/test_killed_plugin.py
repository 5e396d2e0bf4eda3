"""SIGKILL of drivers of campaigns whose every part is a plug-in's that nobody has named to the suite."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.mongo_registry import MongoRegistry
from tests.support.every_kind import CODE, ENTRIES, SPECS, write_crystals
from tests.support.kill_points import retrained
from tests.support.plugin_packages import ROOT, add_package, add_written_calculator, python
from tests.support.warm_workers import WarmWorkers

PARTS = {group: names for group, names in ENTRIES.items() if group != "calculators"}
KILLS = (
    ("CampaignStore.insert_proposal", "before", 2),
    ("Launcher.submit", "after", 2),
    ("CampaignStore.accept_outcome", "before", 3),
    ("Registry.add_model", "after", 1),
)
IMPORTED = (
    "tansaku.tasks.node.jobs.energy",
    "tansaku.tasks.node.jobs.evaluate",
    "tansaku.tasks.loop.driver.loop",
    "tansaku.tasks.backends.launchers.local",
    "tansaku.tasks.backends.stores.artifacts",
    "tansaku.tasks.backends.stores.mongo",
    "tansaku.models.engine.gp",
    "tansaku.models.surrogates.kernel_ridge.training",
    "tansaku.spaces.structures",
    "tansaku.tasks.node.jobs.train",
    "ase.calculators.morse",
    "ase.optimize",
    "tests.support.warm_workers",
)
"""What drivers and workers of such a campaign import."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    """A folder of the path with two packages: a calculator as `tansaku new calculator` writes it, and one with every kind."""
    folder = tmp_path_factory.mktemp("planted")
    add_written_calculator(folder, "planted-spring")
    add_package(folder, "planted-parts", SPECS | {"my_code": CODE}, PARTS)
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


def plugin_kinds(campaign) -> set[str]:
    """Kinds of the plug-ins that are in the provenance of every result of a campaign."""
    found = [
        {text.partition("(")[2].partition(":")[0] for text in evaluation.outcome.provenance.plugins}
        for evaluation in campaign.store.evaluations(campaign.name)
    ]
    return set.intersection(*found)


def test_killed_driver_resumes_a_campaign_of_plugins_as_if_nothing_had_happened(planted, tmp_path, make_campaign):
    write_crystals(tmp_path / "crystals")
    code = (
        "import json, sys; from tests.support.plugged_campaigns import plugged_campaigns; "
        "print(json.dumps(plugged_campaigns({'structures': json.loads(sys.argv[1])})))"
    )
    known = {"type": "structures", "folder": str(tmp_path / "crystals"), "duplicates": "ignore"}
    found = json.loads(python(planted, code, json.dumps(known)))
    said = json.dumps(found)
    assert {group for group, names in PARTS.items() if not any(f'"{name}"' in said for name in names)} == {"workflows"}
    for one in found:
        keys, extra = one["keys"], {"launcher": one["launcher"]}
        undisturbed = make_campaign(extra, **keys)
        assert undisturbed.drive()["reason"] == "evaluations"
        assert [state for _, state, _, _ in undisturbed.facts()] == ["DONE"] * keys["budget"]["evaluations"]
        assert [end["ok"] for _, end in retrained(undisturbed)] == [True]
        for method, when, call in KILLS:
            campaign = make_campaign(extra, **keys)
            kill = {"method": method, "call": call, "when": when}
            assert campaign.drive(kill=kill) == {"signal": 9}, f"kill point {kill} was never hit"
            assert campaign.drive()["reason"] == "evaluations"
            assert campaign.facts() == undisturbed.facts()
            assert campaign.observed() == undisturbed.observed()
            assert retrained(campaign) == retrained(undisturbed)
            assert campaign.store.rebuild_observations(campaign.name) == 0
            assert plugin_kinds(campaign) == {"calculators", *PARTS} - {"surrogates"}
            [model] = MongoRegistry(open_database(campaign.uri, campaign.database)).models()
            assert [text.partition("(")[2].partition(":")[0] for text in model.plugins] == ["surrogates"]
            said = {json.dumps(one.outcome.provenance.settings["plugin"]) for one in campaign.store.evaluations(campaign.name)}
            assert said == {'"tansaku-planted-spring 1.0"'}
