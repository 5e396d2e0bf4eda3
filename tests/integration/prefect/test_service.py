"""Campaigns as a service on a real Prefect server: the form, bad parameters, schedules, workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
LIMIT = 240.0


def example(name: str) -> dict:
    path = EXAMPLES / f"{name}.yaml"
    return {"name": path.stem, **yaml.safe_load(path.read_text())}


def test_form_knows_the_campaign_and_bad_parameters_are_refused_before_anything_is_spent(service, campaign_document):
    service.start("--reconcile", "*/7 * * * *")
    deployment = service.deployment("campaign")
    assert deployment["entrypoint"] == "tansaku.flows.launch.launch_flow"
    assert deployment["enforce_parameter_schema"] is True
    schema = deployment["parameter_openapi_schema"]
    parts = schema["definitions"]
    assert set(schema["properties"]) == {"campaign", "folder", "site"}
    assert parts["CampaignSpec"]["properties"]["name"]["pattern"]
    described = [key for key, part in parts["BudgetSpec"]["properties"].items() if part.get("description")]
    assert {"cost", "evaluations", "stop"} <= set(described)
    checker = jsonschema.Draft202012Validator(schema)
    for name in ("al-110-tilt", "cu-emt", "tavorite-na"):
        checker.validate({"campaign": example(name)})

    # What a schema can tell is refused by the server …
    path = f"/deployments/{deployment['id']}/create_flow_run"
    for wrong, word in (
        ({}, "campaign"),
        ({"campaign": campaign_document | {"budget": {"evaluations": 0}}}, "evaluations"),
        ({"campaign": campaign_document | {"name": "../x"}}, "name"),
        ({"campaign": campaign_document | {"calculator": {"type": "import_os"}}}, "calculator"),
        ({"campaign": campaign_document | {"surprise": 1}}, "surprise"),
    ):
        status, words = service.server.refusal("POST", path, {"parameters": wrong})
        assert status == 409
        assert word in words
    stored = f"/deployments/{service.deployment('stored-campaign')['id']}/create_flow_run"
    assert service.server.refusal("POST", stored, {"parameters": {"name": "../x"}})[0] == 409
    # … and what needs the validators or the files by the run, before it creates anything.
    both = service.launch("campaign", campaign=campaign_document | {"budget": {"cost": 1.0, "fraction": 0.5}})
    table = {"type": "table", "candidates": "nowhere.csv", "columns": {"id": "id", "value": "v", "cost": "c"}}
    table |= {"features": {"x": {"columns": ["x"]}}}
    missing = service.launch("campaign", campaign=campaign_document | {"space": table, "calculator": None})
    for run, word in ((both, "cost, fraction: both are given"), (missing, "nowhere.csv")):
        state = service.wait_for_end(run)
        assert state["type"] == "FAILED"
        assert word in state["message"]
    assert service.store.campaign_names() == []
    schedules_are_kept_and_a_name_is_served_once(service)


def schedules_are_kept_and_a_name_is_served_once(service):
    """Part of the test above: a service takes some seconds to start."""
    assert [one["schedule"]["cron"] for one in service.deployment("reconcile")["schedules"]] == ["*/7 * * * *"]
    stored = service.deployment("stored-campaign")["id"]
    own = {"schedule": {"cron": "0 4 * * 1", "timezone": "UTC"}, "active": True, "parameters": {"name": "weekly"}}
    service.server.ask("POST", f"/deployments/{stored}/schedules", [own])
    silent = f"tansaku {service.name}: silent runs have crashed"
    automation = next(one for one in automations_of(service) if one["name"] == silent)
    service.server.ask("PATCH", f"/automations/{automation['id']}", {"enabled": False})

    command = [Path(sys.executable).with_name("tansaku"), *service.arguments()]
    environment = service.of_a_program()
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert second.returncode == 2
    assert "already" in second.stderr

    assert service.stop() == 0
    service.start("--reconcile", "never")
    kept = service.deployment("stored-campaign")["schedules"]
    assert [(one["schedule"]["cron"], one["parameters"]) for one in kept] == [("0 4 * * 1", {"name": "weekly"})]
    assert service.deployment("reconcile")["schedules"] == []
    found = automations_of(service)
    assert len(found) == 2
    assert {one["name"]: one["enabled"] for one in found}[silent] is False


def automations_of(service) -> list[dict]:
    every = service.server.ask("POST", "/automations/filter", {})
    return [one for one in every if one["name"].startswith(f"tansaku {service.name}:")]


def test_workers_of_a_pool_made_from_the_template_execute_campaigns(service, pool_worker, campaign_document):
    service.with_site = False
    pool = pool_worker()
    service.start("--pool", pool)
    assert service.deployment("campaign")["work_pool_name"] == pool
    assert service.deployment("reconcile")["work_pool_name"] is None
    run = service.launch("campaign", campaign=campaign_document | {"budget": {"evaluations": 2}})
    assert service.wait_for_end(run)["type"] == "COMPLETED", (service.folder / "worker.log").read_text()[-3000:]
    # The database and the home that the template names.
    assert len(service.store.observations("small")) == 2
    assert len(list((service.folder / "local/spool").iterdir())) == 1
