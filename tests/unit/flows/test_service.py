"""What a service offers, before any server is asked."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import httpx
import pytest
from prefect.deployments.runner import DeploymentApplyError

from tansaku.flows import service
from tansaku.flows.service import ServiceOptions, _is_outage, deployments, serve
from tansaku.models.domain.errors import ConfigurationError, TransientError
from tansaku.tasks.ground.site.service_mark import ServiceMark


def offered(**options: object) -> dict:
    drivers, *others = asyncio.run(deployments(ServiceOptions("mine", Path("/campaigns"), **options)))
    return {item.flow_name: item for item in (*drivers, *others)}


def test_deployments_are_named_by_module_path_and_lead_to_their_flows():
    found = offered(site=Path("/site.yaml"))
    assert set(found) == {"campaign", "stored-campaign", "retrain", "reconcile", "scheduled-training"}
    does = ("run-campaign", "continue-stored-campaign", "train-surrogate", "reconcile-database", "request-training")
    assert [item.name for item in found.values()] == [f"mine-{task}" for task in does]
    for name, item in found.items():
        module, _, function = item.entrypoint.rpartition(".")
        assert getattr(importlib.import_module(module), function).name == name
        assert item.parameters["site"] == "/site.yaml"
        assert item.enforce_parameter_schema
    assert found["campaign"].parameters["folder"] == "/campaigns"


def test_only_our_own_schedule_is_sent_so_that_those_of_users_stay():
    found = offered(reconcile="*/3 * * * *")
    assert [item.schedule.cron for item in found["reconcile"].schedules] == ["*/3 * * * *"]
    for item in (*(found[name] for name in found if name != "reconcile"), offered(reconcile=None)["reconcile"]):
        assert "schedules" not in item.model_dump(exclude_unset=True)


def test_a_pool_executes_campaigns_and_not_the_reconciling():
    found = offered(pool="campaigns")
    assert {name: item.work_pool_name for name, item in found.items()} == {
        "campaign": "campaigns",
        "stored-campaign": "campaigns",
        "retrain": "campaigns",
        "reconcile": None,
        "scheduled-training": None,
    }


def test_trainings_may_have_a_pool_of_their_own():
    for pool in (None, "campaigns"):
        found = {name: item.work_pool_name for name, item in offered(pool=pool, training_pool="gpus").items()}
        others = {"reconcile": None, "scheduled-training": None}
        assert found == {"campaign": pool, "stored-campaign": pool, "retrain": "gpus", **others}


def test_no_server_is_told_before_anything_is_done(tmp_path):
    with pytest.raises(ConfigurationError, match="PREFECT_API_URL: not set"):
        serve(ServiceOptions("mine", tmp_path), tmp_path / "home", print)
    with pytest.raises(ConfigurationError, match="--reconcile: 'hourly, please'"):
        serve(ServiceOptions("mine", tmp_path, reconcile="hourly, please"), tmp_path / "home", print)
    assert not (tmp_path / "home").exists()


def refused(cause: Exception) -> DeploymentApplyError:
    error = DeploymentApplyError("x")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (httpx.ConnectError("x"), True),
        (RuntimeError("Service exceeded error threshold."), True),
        (ExceptionGroup("x", [httpx.ReadTimeout("x"), RuntimeError("x")]), True),
        (ExceptionGroup("x", [httpx.ReadTimeout("x"), ValueError("x")]), False),
        (refused(httpx.ConnectError("x")), True),
        (refused(ValueError("x")), False),
        (DeploymentApplyError("x"), False),
        (NotImplementedError("a RuntimeError by descent"), False),
        (ValueError("x"), False),
    ],
)
def test_outages_are_told_from_mistakes(error, passes):
    assert _is_outage(error) is passes


@pytest.mark.parametrize(("error", "times"), [(httpx.ReadTimeout("too slow"), 5), (httpx.ConnectError("nobody listens"), 1)])
def test_a_slow_server_is_asked_again_and_one_that_is_not_there_is_an_error(tmp_path, monkeypatch, error, times):
    asked = []

    def unanswered(url):
        asked.append(url)
        raise error

    monkeypatch.setattr(service, "check_access", unanswered)
    monkeypatch.setattr(service, "_PAUSE", 0.0)
    mark = ServiceMark(tmp_path, "mine")
    with mark.held(), pytest.raises(TransientError, match=f"does not answer: {error}"):
        asyncio.run(service._serve(ServiceOptions("mine", tmp_path), mark, "http://127.0.0.1:9/api", lambda _: None))
    assert len(asked) == times
