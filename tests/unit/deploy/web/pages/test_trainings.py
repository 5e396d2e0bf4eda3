"""Trainings of models: what one would use, who may ask for which, its progress, and its end."""

from __future__ import annotations

import re

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.trainings import TrainingEnd, TrainingState, TrainingStep
from tests.support.records import dataset_record

API = "/api/v1/trainings"
WANTED = {"name": "copper", "dataset": "copper", "surrogate": "kernel_ridge"}
STEP = TrainingStep(step=7, training=0.25, validation=None, unit="eV/atom")


@pytest.fixture
def site(site, add_models):
    groups = {"a": "training", "b": "training", "c": "held_out"}
    site.services.registry.add_dataset(dataset_record(name="copper", sha256="a" * 64, groups=groups, atoms=80))
    return add_models(site)


@pytest.fixture
def browser(site):
    return site.with_session(Role.OPERATOR)


def ask(browser, key: str = "training-1", **changes: object):
    return browser.change("POST", API, key=key, json=WANTED | changes)


def test_the_page_estimates_and_then_asks(site, browser):
    assert 'href="/trainings">Train…</a>' in browser.get("/models").text
    assert "/trainings" not in site.with_session(Role.VIEWER).get("/models").text
    page = browser.get("/trainings").text
    assert "<option>alloy@1</option>" in page
    fields = WANTED | {"learns": "calculator", "seed": "3", "key": "training-1"}
    shown = browser.submit("/trainings", fields | {"action": "estimate"}, "/trainings")
    assert shown.status_code == 200
    assert "learns from 2 groups, judged on 1. About 2 s, as alloy@2 took." in re.sub(r"<[^>]*>", "", shown.text)
    assert browser.get(API).json() == []
    done = browser.submit("/trainings", fields | {"action": "train"}, "/trainings")
    assert (done.status_code, done.headers["Location"]) == (303, "/models")
    stored = site.services.requests.training("training-1")
    assert (stored.spec["dataset"], stored.spec["seed"], stored.spec["surrogate"]["type"]) == ("a" * 64, 3, "kernel_ridge")
    assert "no service runs that could train it" in browser.get("/models").text


def test_progress_and_end_are_shown(site, browser):
    assert ask(browser).status_code == 202
    assert ask(browser).status_code == 200
    requests = site.services.requests
    assert requests.take_training("tansaku@host", 60.0).id == "training-1"
    requests.note_steps("training-1", [STEP])
    line = browser.get(f"{API}/training-1").json()
    assert (line["state"], line["steps"][0]["step"], line["dataset"]) == ("running", 7, "copper")
    assert '<td class="number">7</td><td class="number">0.25 eV/atom</td>' in re.sub(
        r' title="[^"]*"|</?span[^>]*>|[()\[\]]', "", browser.get("/models").text
    )
    assert requests.end_training(
        "training-1", TrainingEnd(state=TrainingState.ENDED, version="alloy@2", reason="fine"), site.clock()
    )
    page = browser.get("/models").text
    assert '<a href="/models/alloy%402">alloy@2</a>' in page
    assert "Cancel the training" not in page


def test_its_user_and_admins_cancel_a_training(site, browser):
    ask(browser)
    other = site.with_session(Role.VIEWER)
    assert "Cancel the training" not in other.get("/models").text
    site.services.accounts.replace_user(site.services.accounts.user("viewer").model_copy(update={"role": Role.OPERATOR}))
    assert other.change("DELETE", f"{API}/training-1").status_code == 403
    done = browser.submit("/trainings/training-1/cancellation", {}, "/models")
    assert done.status_code == 303
    assert site.services.requests.training("training-1").reason == "cancelled by operator"
    assert site.with_session(Role.ADMIN).change("DELETE", f"{API}/training-1").status_code == 204
    assert len(site.changes("model.cancel")) == 1
    assert browser.change("DELETE", f"{API}/training-9").status_code == 404


def test_versions_of_a_model_of_others_are_not_trained(site, browser):
    assert ask(browser, name="alloy").status_code == 403
    assert ask(site.with_session(Role.ADMIN), name="alloy", surrogate="alloy@2").status_code == 202
    assert site.services.requests.training("training-1").spec["surrogate"]["type"] == "kernel_ridge"
    assert ask(browser, key="training-1").status_code == 409


@pytest.mark.parametrize(
    ("changes", "status", "key"),
    [
        ({"dataset": "gold"}, 404, None),
        ({"surrogate": "magic"}, 422, "surrogate"),
        ({"surrogate": "alloy@9"}, 404, None),
        ({"name": "../x"}, 422, "name"),
        ({"seed": -1}, 422, "seed"),
        ({"learns": "label"}, 422, "learns"),
    ],
)
def test_what_cannot_be_trained_is_refused(browser, changes, status, key):
    answer = ask(browser, **changes)
    assert (answer.status_code, answer.json().get("key")) == (status, key)
    fields = {name: str(value) for name, value in (WANTED | changes).items()}
    page = browser.submit("/trainings", fields | {"key": "training-1", "action": "estimate"}, "/trainings")
    assert page.status_code == status
    assert (key is None) or re.search(rf'id="{key}"[^>]*aria-invalid="true"', page.text)
