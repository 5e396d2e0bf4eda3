"""Version 1 of the API only grows: clients of the description of commit cde8d5ae go on."""

from __future__ import annotations

import copy
import json

import pytest

from tansaku.models.domain.accounts import Role
from tests.photographs.__main__ import STORED
from tests.photographs.api import API, Later

STORED_API = json.loads((STORED / API).read_text(encoding="utf-8"))


def test_nothing_that_a_client_knows_is_gone_and_nothing_more_is_asked_of_it(site):
    now = site.with_session(Role.VIEWER).get("/api/v1/openapi.json").json()
    assert not list(Later(STORED_API, now).broken())


def at(document: dict, *keys: str) -> dict:
    for key in keys:
        document = document[key]
    return document


CAMPAIGNS = ("paths", "/api/v1/campaigns")
SCHEMAS = ("components", "schemas")
BREAKS = {
    "a path": (("paths",), "/api/v1/queue", None),
    "a method": (CAMPAIGNS, "post", None),
    "a field": ((*SCHEMAS, "CampaignStatus", "properties"), "cost", None),
    "a type": ((*SCHEMAS, "CampaignStatus", "properties"), "cost", {"type": "string"}),
    "a null": ((*SCHEMAS, "CampaignStatus", "properties"), "cost", {"anyOf": [{"type": "number"}, {"type": "null"}]}),
    "a field that is always there": ((*SCHEMAS, "CampaignStatus"), "required", []),
    "a field that may be sent": ((*SCHEMAS, "NewCommand", "properties"), "changes", None),
    "a field to be sent": ((*SCHEMAS, "NewCommand"), "required", ["kind", "changes"]),
    "a word that may be sent": ((*SCHEMAS, "NewCommand", "properties", "kind"), "enum", ["pause"]),
    "an answer": ((*CAMPAIGNS, "get", "responses"), "200", None),
    "a parameter": ((*CAMPAIGNS, "get"), "parameters", []),
}


@pytest.mark.parametrize("change", BREAKS)
def test_a_break_is_found(change):
    later = copy.deepcopy(STORED_API)
    place, key, value = BREAKS[change]
    part = at(later, *place)
    assert key in part
    if value is None:
        del part[key]
    else:
        part[key] = value
    assert list(Later(STORED_API, later).broken())


def test_an_addition_breaks_nothing():
    later = copy.deepcopy(STORED_API)
    status, command = (at(later, *SCHEMAS, name) for name in ("CampaignStatus", "NewCommand"))
    status["properties"]["more"] = {"type": "string"}
    status["required"].append("more")
    command["properties"]["more"] = {"type": "string", "default": ""}
    command["properties"]["kind"]["enum"].append("archive")
    later["paths"]["/api/v1/more"] = later["paths"]["/api/v1/queue"]
    at(later, *CAMPAIGNS, "get")["parameters"].append({"name": "more", "in": "query", "schema": {"type": "string"}})
    assert not list(Later(STORED_API, later).broken())
