"""Campaigns from the dashboard that adopt results: as on the command line, but only of campaigns that the author may see."""

from __future__ import annotations

import pytest
import yaml

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.projects import Project
from tansaku.tasks.loop.reuse import offering
from tests.support.copper_desk import Desk
from tests.unit.deploy.web.conftest import Site

API = "/api/v1/campaigns"


@pytest.fixture
def site(make_site, desk) -> Site:
    """The application on a store with a campaign that was driven."""
    return make_site(desk.store)


def spec(desk: Desk, name: str, **changes: object) -> str:
    desk.write(name, -1, 4, reuse=True, **changes)
    return (desk.folder / f"{name}.yaml").read_text()


def create(site: Site, text: str):
    return site.with_session(Role.OPERATOR).change("POST", API, json={"spec": text})


def test_the_same_results_are_adopted_as_by_the_command_line(site, desk):
    text = spec(desk, "new")
    answers = [create(site, text) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200], answers[0].text
    by_command = desk.create("same", -1, 4, reuse=True, space=yaml.safe_load(text)["space"])
    assert desk.store.campaign("new").spec["reuse_sha256"] == by_command.spec["reuse_sha256"] is not None
    assert desk.frozen("new") == desk.frozen("same") == {"results": 5, "campaigns": {"old": 5}, "left_out": {}}
    assert desk.drive("new") == "exhausted"
    assert desk.origins("new") == [("old", 2), ("old", 3), ("old", 4), ("old", 5), None, None]
    assert len(desk.launcher.computed) == 2
    copied = site.with_session(Role.OPERATOR).change("POST", f"{API}/new/copies", json={"name": "third"})
    assert copied.status_code == 201, copied.text
    assert desk.frozen("third")["campaigns"] == {"old": 5, "new": 2}


def test_nothing_is_adopted_or_said_of_campaigns_that_the_author_may_not_see(site, desk):
    accounts = site.services.accounts
    accounts.add_project(Project(name="private", created_by="bob", created_at=site.clock()))
    accounts.place_campaign(desk.store.campaign_id("old"), "private")
    damaged = desk.store.campaign("old").model_copy(update={"id": "damaged", "name": "damaged", "spec": {"name": "damaged"}})
    desk.store.create_campaign(damaged)
    assert create(site, spec(desk, "new")).status_code == 201
    found = desk.frozen("new")
    assert (found["results"], found["campaigns"], list(found["left_out"])) == (0, {}, ["damaged"])


def test_too_many_results_and_another_hash_are_problems_with_their_key(site, desk, monkeypatch):
    other = create(site, spec(desk, "new", reuse_sha256="0" * 64))
    assert (other.status_code, other.json()["key"]) == (422, "reuse_sha256")
    monkeypatch.setattr(offering, "MOST_RESULTS", 4)
    text = spec(desk, "new")
    refused = create(site, text)
    line = yaml.compose(text).value[[key.value for key, _ in yaml.compose(text).value].index("reuse")][0].start_mark.line + 1
    assert (refused.status_code, refused.json()["key"], refused.json()["line"]) == (422, "reuse", line)
    assert "new" not in desk.store.campaign_names()
