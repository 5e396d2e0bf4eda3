"""MongoDB away for a while: jobs go on, results wait in the shared folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.backends.stores.mongod_binary import find_mongod
from tests.support.slurm_cluster import LOGIN


@pytest.fixture
def own_mongod(require):
    require("mongod")
    with tempfile.TemporaryDirectory(prefix="tsk-") as home:
        mongod = EmbeddedMongod(Path(home))
        mongod.start()
        yield mongod
        mongod.stop()


def test_database_down_when_a_job_begins(own_mongod, make_campaign, slurm):
    campaign = make_campaign(uri=own_mongod.start())
    slurm.run("scontrol", "update", "NodeName=n1,n2", "State=DRAIN", "Reason=test")
    driver = campaign.start()
    campaign.wait_for(lambda: list(slurm.jobs().values()).count("PENDING") == 2)
    campaign.wait_for(lambda: len(list((campaign.backend.shared / "launches").glob("*/submitted.json"))) == 2)
    jobs = campaign.spool.root / "jobs"  # the folder is named after the campaign's id, which the database knows
    own_mongod.stop()
    slurm.run("scontrol", "update", "NodeName=n1,n2", "State=RESUME")
    campaign.wait_for(lambda: len(list(jobs.glob("*/result.json"))) == 2)
    own_mongod.start()
    assert campaign.ended(driver) == 0
    assert [one.state for one in campaign.evaluations()] == [EvaluationState.DONE] * 2
    assert campaign.attempts() == [[], []]
    assert campaign.runs() == 2


@pytest.fixture
def mongod_on_the_network(require, slurm):
    """Address of a server that nodes reach over their network, as on a real cluster."""
    require("mongod")
    with socket.socket() as probe, tempfile.TemporaryDirectory(prefix="tsk-") as folder:
        probe.bind((slurm.address, 0))
        port = probe.getsockname()[1]
        probe.close()
        options = ["--dbpath", folder, "--bind_ip", slurm.address, "--port", str(port), "--nounixsocket"]
        with Path(folder, "log").open("wb") as log:
            mongod = subprocess.Popen([str(find_mongod()), *options], stdout=log, stderr=log)
        yield f"mongodb://{slurm.address}:{port}/"
        mongod.kill()
        mongod.wait()


def test_a_node_cut_off_from_the_database_loses_no_result(mongod_on_the_network, make_campaign, slurm):
    campaign = make_campaign(uri=mongod_on_the_network)
    driver = campaign.start()
    job, pid = campaign.hold_one()
    node = campaign.spool.claimed(job).host
    slurm.cut_off(node)
    os.kill(pid, signal.SIGCONT)
    # The result is adopted while its node reaches neither database nor controller.
    campaign.wait_for(lambda: len(campaign.observed()) == 2)
    slurm.connect(node)
    assert campaign.ended(driver) == 0
    assert [one.state for one in campaign.evaluations()] == [EvaluationState.DONE] * 2
    assert campaign.attempts() == [[], []]
    assert campaign.runs() == 2


@pytest.fixture
def start_on_login(slurm):
    """``start_on_login(campaign)``: a driver on a host of its own, as on a cluster's login node; its output is in the log."""
    drivers: list[subprocess.Popen] = []

    def start(campaign):
        program = [str(Path(sys.executable).with_name("tansaku")), "run", "--plain", str(campaign.file)]
        environment = os.environ | {"TANSAKU_HOME": str(campaign.folder / "login"), "TANSAKU_SITE": str(campaign.site_file)}
        with campaign.log.open("ab") as output:
            drivers.append(subprocess.Popen(slurm.on(LOGIN, *program), env=environment, stdout=output, stderr=output))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.kill()
        driver.wait()


@pytest.mark.slow
def test_a_driver_cut_off_from_database_and_queue_continues_when_it_is_back(
    mongod_on_the_network, make_campaign, slurm, start_on_login
):
    campaign = make_campaign(uri=mongod_on_the_network)
    driver = start_on_login(campaign)
    _, pid = campaign.hold_one()
    slurm.cut_off(LOGIN)
    os.kill(pid, signal.SIGCONT)
    campaign.wait_for(lambda: len(list(campaign.spool.root.glob("jobs/*/result.json"))) == 2)
    campaign.wait_for(lambda: "did not answer" in campaign.log.read_text())
    assert driver.poll() is None
    slurm.connect(LOGIN)
    assert campaign.ended(driver) == 0, campaign.log.read_text()[-3000:]
    assert [one.state for one in campaign.evaluations()] == [EvaluationState.DONE] * 2
    assert campaign.attempts() == [[], []]
    assert campaign.runs() == 2


@pytest.mark.slow
def test_a_driver_that_was_replaced_while_it_was_cut_off_writes_nothing(
    mongod_on_the_network, make_campaign, slurm, start_on_login
):
    campaign = make_campaign(uri=mongod_on_the_network, budget={"evaluations": 4})
    first = start_on_login(campaign)
    _, pid = campaign.hold_one()
    slurm.cut_off(LOGIN)
    os.kill(pid, signal.SIGCONT)
    campaign.drive()
    before = campaign.evaluations()
    slurm.connect(LOGIN)
    assert campaign.ended(first) != 0
    assert "was taken over" in campaign.log.read_text()
    assert campaign.evaluations() == before
    assert [one.state for one in before] == [EvaluationState.DONE] * 4
    assert campaign.runs() == 4
