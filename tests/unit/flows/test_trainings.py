"""A service trains what a user asked for in a process of its own, and stores its progress."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psutil
import pytest

from tansaku.flows.trainings import training
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.trainings import TrainingRequest, TrainingState
from tansaku.tasks.backends.resources import DatabaseResources, open_resources
from tansaku.tasks.ground.settings import Settings
from tests.support.stored_models import store_examples

PATIENCE = 120.0
NETWORK = {"type": "local_energies", "path_points": 10, "path_ratio": 1e-3, "max_iterations": 300}
NETWORK |= {"descriptors": [{"type": "radial", "cutoff": 5.0, "widths": [0.4, 0.8]}]}


@pytest.fixture
def resources(mongo_server, require) -> Iterator[DatabaseResources]:
    """The database that a service of this process's home opens."""
    for package in ("h5py", "safetensors", "sklearn"):
        require(package)
    mongo_server.start()
    with open_resources(Settings.from_environment(), SiteSpec()) as opened:
        yield opened


@pytest.fixture
def ask(resources, emt_examples, tmp_path) -> Callable[..., str]:
    """Asks for a training on a small data set."""
    record = store_examples(resources, emt_examples(), tmp_path)

    def add(name: str, **surrogate: object) -> str:
        spec = ModelSpec(schema_version=1, name=name, dataset=record.sha256, surrogate=surrogate or NETWORK)
        request = TrainingRequest(
            id=f"training-{name}",
            model=name,
            spec=spec.model_dump(mode="json"),
            user="ada",
            origin="test",
            created_at=datetime.now(UTC),
        )
        return resources.requests.add_training(request).id

    return add


def ended(resources: DatabaseResources, identifier: str) -> TrainingRequest:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = resources.requests.training(identifier)
        if not found.state.is_open:
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def test_trainings_are_carried_out_one_after_the_other(resources, ask):
    first, lacking = ask("first-asked"), ask("lacking", type="kernel_ridge", property="gap")
    with training("tansaku", None, pytest.fail):
        found, failed = ended(resources, first), ended(resources, lacking)
    assert (found.state, found.version, found.reason) == (TrainingState.ENDED, "first-asked@1", "the first version")
    assert found.steps[-1].validation < found.steps[0].validation
    assert [step.step for step in found.steps] == sorted({step.step for step in found.steps})
    (version,) = resources.registry.models("first-asked")
    assert version.held_out["energies"].rmse < 0.1
    assert (failed.state, failed.version) == (TrainingState.FAILED, None)
    assert "gap" in failed.reason


LONG = NETWORK | {"total_weights": [0.0, 1.0, 10.0], "path_points": 60, "path_ratio": 1e-6, "patience": 60, "tolerance": 1e-9}
SERVICE = "import time; from tansaku.flows.trainings import training\nwith training('tansaku', None, print): time.sleep(600)"


def begun(resources: DatabaseResources, identifier: str, service: int) -> psutil.Process:
    """The process that trains, after its first stored step."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = resources.requests.training(identifier)
        assert found.state.is_open, found
        if found.steps:
            (process,) = trainers(service)
            return process
        time.sleep(0.02)
    raise AssertionError(found)


def trainers(service: int) -> list[psutil.Process]:
    found = psutil.Process(service).children(recursive=True)
    return [child for child in found if "tansaku.flows.training_process" in child.cmdline()]


def test_a_training_whose_process_is_killed_fails_once_and_can_be_asked_for_again(resources, ask):
    killed = ask("killed", **LONG)
    with training("tansaku", None, pytest.fail):
        begun(resources, killed, os.getpid()).send_signal(signal.SIGKILL)
        found = ended(resources, killed)
        assert (found.state, found.version) == (TrainingState.FAILED, None)
        assert found.reason.startswith("its process ended")
        time.sleep(3.0)  # it is not taken again
        assert trainers(os.getpid()) == []
        assert resources.requests.training(killed) == found
        again = TrainingRequest.model_validate(
            found.model_dump(exclude={"state", "reason", "steps", "holder"}) | {"id": "asked-again"}
        )
        resources.requests.add_training(again)
        assert ended(resources, "asked-again").version == "killed@1"
    assert [version.label for version in resources.registry.models("killed")] == ["killed@1"]


def test_a_training_whose_service_is_killed_is_continued_once_by_the_next(resources, ask):
    killed = ask("left", **LONG)
    service = subprocess.Popen([sys.executable, "-c", SERVICE])
    trainer = begun(resources, killed, service.pid)
    service.kill()
    service.wait()
    psutil.wait_procs([trainer], 30.0)
    assert not trainer.is_running(), "it would train beside the next one"
    assert resources.requests.training(killed).state.is_open
    with training("tansaku", None, pytest.fail):
        found = ended(resources, killed)
    assert (found.state, found.version) == (TrainingState.ENDED, "left@1")
    assert [version.label for version in resources.registry.models("left")] == ["left@1"]
