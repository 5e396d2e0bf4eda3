"""A job is removed from the LaunchPad while its compute node still writes about it."""

import json
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from tansaku.tasks.node.jobs.document import JobDocument
from tests.support.campaign_files import table_space

_REMOVED_IN = ("workflows", "offline_runs", "launches", "fireworks")


class _Interrupted:
    """A collection; after a deletion in it something else happens first."""

    def __init__(self, collection, meanwhile):
        self._collection, self._meanwhile = collection, meanwhile

    def __getattr__(self, name):
        return getattr(self._collection, name)

    def _after(self, deletion, *arguments):
        deletion(*arguments)
        self._meanwhile()

    def delete_one(self, *arguments):
        self._after(self._collection.delete_one, *arguments)

    def delete_many(self, *arguments):
        self._after(self._collection.delete_many, *arguments)


@pytest.fixture
def running(require, mongo_database, mongo_server, tmp_path):
    """LaunchPads of a driver and of a node, and the number of a Firework that the node has begun."""
    require("fireworks")
    from fireworks.core.fworker import FWorker

    from tansaku.tasks.backends.launchers.fireworks_documents import task_document
    from tansaku.tasks.backends.launchers.launchpad import add_job, open_launchpad, prepare

    space = table_space("t.csv", {"id": "id", "value": "v"}, {"x": {"columns": ["x"]}})
    document = JobDocument(campaign="test", candidate="a", base_path="/", space=space).model_dump(mode="json")
    request = {"name": "job", "token": "t", "timeout": 60.0, "cost": 1.0, "document": document}
    file = Path(tmp_path, "request.json")
    file.write_text(json.dumps(request))
    driver, node = (open_launchpad(SecretStr(mongo_server.start()), mongo_database.name) for _ in range(2))
    prepare(driver)
    number = add_job(driver, "site", task_document("test", request, file))
    node.checkout_fw(FWorker(name="site"), str(tmp_path), fw_id=number)
    yield driver, node, number
    for launchpad in (driver, node):
        launchpad.connection.close()


def _counts(launchpad):
    return {name: getattr(launchpad, name).count_documents({}) for name in _REMOVED_IN}


@pytest.mark.parametrize("place", ["nowhere", *_REMOVED_IN])
def test_nothing_stays_of_a_job_whose_node_writes_in_the_middle_of_its_removal(running, place):
    from tansaku.tasks.backends.launchers.launchpad import remove_job, sweep_remains

    driver, node, number = running
    launch, firework = node.launches.find_one({"fw_id": number}), node.fireworks.find_one({"fw_id": number})
    assert _counts(driver) == {"workflows": 1, "offline_runs": 0, "launches": 1, "fireworks": 1}

    def ends() -> None:
        # As FireWorks ends a launch: it replaces what it read before, or inserts it where it is gone.
        node.launches.find_one_and_replace({"launch_id": launch["launch_id"]}, launch, upsert=True)
        node.fireworks.find_one_and_replace({"fw_id": number}, firework, upsert=True)
        sweep_remains(node, number)

    if place == "nowhere":
        remove_job(driver, "job")
        ends()
    else:
        setattr(driver, place, _Interrupted(getattr(driver, place), ends))
        remove_job(driver, "job")
    assert set(_counts(driver).values()) == {0}


def test_what_a_node_writes_of_a_job_that_is_kept_stays(running):
    from tansaku.tasks.backends.launchers.launchpad import sweep_remains

    driver, node, number = running
    sweep_remains(node, number)
    assert _counts(driver) == {"workflows": 1, "offline_runs": 0, "launches": 1, "fireworks": 1}
    assert driver.fireworks.find_one({})["state"] == "RUNNING"


def test_the_lock_of_a_killed_process_holds_nobody_up_for_long(running, monkeypatch):
    """FireWorks itself waits five minutes for it, again at every step of the job."""
    from tansaku.tasks.backends.launchers import launchpad

    monkeypatch.setattr(launchpad, "_LOCK_SECONDS", 0.3)
    driver, node, number = running
    # As a driver leaves it that is killed while it reserves the Firework.
    driver.workflows.update_one({"nodes": number}, {"$set": {"locked": True}})
    begun = time.monotonic()
    node._refresh_wf(number)
    assert time.monotonic() - begun < 60
    assert "locked" not in driver.workflows.find_one({"nodes": number})
