"""A database that is killed while a campaign runs."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod


@pytest.fixture
def own_mongod(require):
    require("mongod")
    with tempfile.TemporaryDirectory(prefix="tsk-") as home:
        mongod = EmbeddedMongod(Path(home))
        yield mongod, home
        mongod.stop()


def test_killed_database_is_brought_back_and_nothing_is_lost(own_mongod, make_campaign, undisturbed):
    mongod, home = own_mongod
    facts, observed = undisturbed()
    campaign = make_campaign({"mongod_home": home}, uri=mongod.start())
    pid, request = campaign.start()
    for number in (3, 6, 9):
        campaign.wait_for(lambda number=number: any(line.get("proposal", 0) >= number for line in campaign.log(request)))
        os.kill(mongod.status().pid, signal.SIGKILL)
        campaign.wait_for(lambda: mongod.status().answering)
    assert campaign.answer(pid, request)["reason"] == "evaluations"
    assert campaign.facts() == facts
    assert campaign.observed() == observed
    assert campaign.store.rebuild_observations("small") == 0
