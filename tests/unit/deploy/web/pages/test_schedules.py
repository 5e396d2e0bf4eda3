"""Schedules: by the API, on their page, and what becomes of them."""

from __future__ import annotations

import pytest

from tansaku.flows.retrain import train_scheduled
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.schedules import ScheduleMirror, ScheduleRow
from tansaku.models.domain.trainings import TrainingEnd, TrainingState
from tests.support.records import dataset_record, model_record

NAME, API = "small-table", "/api/v1/schedules"
TIMES = {"cron": "30 2 * * 1-5", "zone": "Europe/Berlin"}
BODY = {"campaign": NAME, **TIMES}
TRAINING = {"name": "copper", "dataset": "copper", "surrogate": "kernel_ridge"}
RUN = "run-00000{}"


def send(browser, method: str, path: str, body: dict | None = None, **headers: str):
    return browser.change(method, path, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def row(identifier: str, own: str | None, site, **changes: object) -> ScheduleRow:
    usual = {"campaign": NAME, "task": "run", "timing": BODY["cron"], "zone": BODY["zone"], "active": True}
    usual |= {"next_at": site.clock(), "last_result": "Completed"}
    return ScheduleRow(id=identifier, own=own, **(usual | changes))


def test_a_schedule_is_stored_changed_and_removed(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    assert send(browser, "POST", API, BODY).status_code == 422
    assert send(browser, "POST", API, BODY, Idempotency_Key="a:b:c:d:e").json()["key"] == "Idempotency-Key"
    first, again = (send(browser, "POST", API, BODY, Idempotency_Key="the-same-key") for _ in range(2))
    assert (first.status_code, again.status_code, first.json()["state"]) == (201, 200, "stored; waits for the service")
    assert first.json() == again.json()
    path, off = f"{API}/the-same-key", {"cron": "0 3 * * *", "zone": "UTC", "active": False}
    assert send(browser, "PUT", path, off).status_code == 428
    assert [send(browser, "PUT", path, off, If_Match=tag).status_code for tag in ('"9"', "x", '"1"', '"1"')] == [
        412,
        412,
        200,
        412,
    ]
    (line,) = browser.get(API).json()
    assert (line["cron"], line["active"], line["revision"]) == ("0 3 * * *", False, 2)
    assert send(browser, "DELETE", path).status_code == 204
    assert browser.get(API).json()[0]["state"] == "is being removed"
    assert send(browser, "DELETE", path).status_code == 404
    assert [len(site.changes(f"schedule.{done}")) for done in ("create", "change", "remove")] == [1, 1, 1]


def test_wrong_fields_and_unknown_campaigns_are_problems(site_with):
    browser = site_with("a1").logged_in(Role.OPERATOR)
    for change, key in (({"cron": "61 * * * *"}, "cron"), ({"zone": "Mars"}, "zone")):
        answer = send(browser, "POST", API, BODY | change, Idempotency_Key="some-key-1")
        assert (answer.status_code, answer.json()["key"]) == (422, key)
    assert send(browser, "POST", API, BODY | {"campaign": "none"}, Idempotency_Key="some-key-1").status_code == 404
    for body in (TIMES, BODY | {"training": TRAINING}):
        answer = send(browser, "POST", API, body, Idempotency_Key="some-key-1")
        assert (answer.status_code, answer.json()["detail"]) == (422, "campaign: expected either campaign or training")


def test_those_of_prefects_page_are_shown_and_refused(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    send(browser, "POST", API, BODY, Idempotency_Key="the-same-key")
    others = [
        row(name, None, site, campaign=None, task=task)
        for name, task in (("r2", "<b>reconcile</b>"), ("r3", "tansaku-reconcile-database"))
    ]
    rows = (row("r1", "the-same-key", site), *others)
    site.services.schedules.mirror_schedules(ScheduleMirror(id="tansaku", rows=rows, mirrored_at=site.clock()))
    own, theirs, _ = browser.get(API).json()
    assert (own["state"], own["last_result"], own["service"]) == ("in force", "Completed", "tansaku")
    assert (theirs["read_only"], theirs["state"], theirs["revision"]) == (True, "kept by Prefect's own page", None)
    timing = {"cron": "0 3 * * *"}
    assert send(browser, "PUT", f"{API}/r2", timing, If_Match='"1"').status_code == 404
    assert send(browser, "DELETE", f"{API}/r2").status_code == 404
    page = browser.get("/schedules").text
    assert "&lt;b&gt;reconcile&lt;/b&gt;" in page
    assert page.count("compares campaigns, their folders and the queues") == 1
    assert page.count('value="remove"') == 1
    assert (
        send(browser, "PUT", f"{API}/the-same-key", timing, If_Match='"1"').json()["state"] == "changed; waits for the service"
    )
    site.clock.pass_time(60)
    assert browser.get(API).json()[0]["state"].startswith("in force when service tansaku was last seen")


def test_forms_do_the_same(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    assert browser.submit("/schedules", BODY | {"key": "from-a-form"}, "/schedules").status_code == 303
    fields = {"cron": BODY["cron"], "zone": BODY["zone"], "active": "yes"}
    path = "/schedules/from-a-form"
    assert browser.submit(path, fields | {"action": "off", "revision": "1"}, "/schedules").status_code == 303
    assert browser.submit(path, fields | {"action": "on", "revision": "1"}, "/schedules").status_code == 412
    assert browser.submit(path, {"action": "none"}, "/schedules").status_code == 422
    (stored,) = site.services.schedules.schedules()
    assert (stored.active, stored.cron) == (False, BODY["cron"])
    assert browser.submit(path, {"action": "remove", "revision": "2"}, "/schedules").status_code == 303
    assert site.services.schedules.schedules()[0].removed


def test_a_viewer_sees_no_form(site):
    assert "Add a schedule" not in site.logged_in(Role.VIEWER).get("/schedules").text


@pytest.fixture
def trained(owned_site):
    """A site with a data set, and a schedule on which its operator trains a model."""
    owned_site.services.registry.add_dataset(dataset_record(name="copper"))
    made = send(
        owned_site.with_session(Role.OPERATOR), "POST", API, TIMES | {"training": TRAINING}, Idempotency_Key="nightly-1"
    )
    assert (made.status_code, made.json()["training"]["name"]) == (201, "copper")
    return owned_site


def test_a_training_is_asked_for_at_its_times(trained, its_resources):
    requests, registry, now = its_resources.requests, its_resources.registry, trained.clock()

    def asked(number: int) -> tuple[bool, str]:
        return train_scheduled(its_resources, "nightly-1", RUN.format(number), now)

    def result(number: int, words: str = "Completed") -> str:
        of_it = row("r1", "nightly-1", trained, campaign=None, last_run=RUN.format(number), last_result=words)
        trained.services.schedules.mirror_schedules(ScheduleMirror(id="tansaku", rows=(of_it,), mirrored_at=trained.clock()))
        (line,) = trained.with_session(Role.VIEWER).get(API).json()
        return line["last_result"]

    for _ in range(2):
        assert asked(1) == (True, "training run-000001 of copper is asked for")
    assert asked(2) == (False, "training run-000001 of copper has not ended")
    assert (result(1), result(2, "Skipped")) == (f"waiting since {now:%Y-%m-%d %H:%M:%S}Z", "Skipped")
    (stored,) = requests.trainings()
    assert (stored.user, stored.origin, stored.state) == ("operator", "schedule nightly-1", TrainingState.WAITING)
    requests.end_training(stored.id, TrainingEnd(state=TrainingState.FAILED, reason="no energies"), now)
    assert result(1) == f"failed at {now:%Y-%m-%d %H:%M:%S}Z: no energies"
    assert asked(3)[0]
    registry.add_model(model_record(name="copper", spec=stored.spec))
    requests.end_training(RUN.format(3), TrainingEnd(state=TrainingState.ENDED, version="copper@1", reason="fine"), now)
    assert result(3) == f"ended as copper@1 at {now:%Y-%m-%d %H:%M:%S}Z: fine"
    assert asked(4) == (False, "copper@1 was trained on the latest data set copper")
    registry.add_dataset(dataset_record(name="copper", sha256="b" * 64))
    assert asked(5)[0]
    assert [entry.address for entry in trained.changes("model.train")] == ["schedule nightly-1"] * 3


def test_the_audit_has_a_training_whose_run_was_killed_before_the_entry(trained, its_resources, monkeypatch):
    accounts, now = its_resources.accounts, trained.clock()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(accounts), "append_audit", killed)
        with pytest.raises(KeyboardInterrupt):
            train_scheduled(its_resources, "nightly-1", RUN.format(1), now)
    (stored,) = its_resources.requests.trainings()
    its_resources.requests.end_training(stored.id, TrainingEnd(state=TrainingState.FAILED, reason="no energies"), now)
    assert trained.changes("model.train") == []
    for _ in range(2):
        assert train_scheduled(its_resources, "nightly-1", RUN.format(1), now)[0]
    assert [entry.after["id"] for entry in trained.changes("model.train")] == [stored.id]


def test_a_training_needs_its_users_rights_at_each_time(trained, its_resources):
    accounts, now = its_resources.accounts, trained.clock()
    its_resources.registry.add_model(model_record(name="copper"))
    with pytest.raises(StoreError, match="only admins"):
        train_scheduled(its_resources, "nightly-1", RUN, now)
    operator = accounts.user("operator")
    for user in (operator.model_copy(update={"role": Role.VIEWER}), operator.model_copy(update={"disabled": True})):
        accounts.replace_user(user)
        with pytest.raises(StoreError, match="operator, who stored this schedule, may not train models any more"):
            train_scheduled(its_resources, "nightly-1", RUN, now)
    with pytest.raises(NotFoundError, match="no schedule 'nightly-9' is stored"):
        train_scheduled(its_resources, "nightly-9", RUN, now)
    assert its_resources.requests.trainings() == []


def test_its_user_and_admins_change_a_schedule_of_a_training(trained):
    accounts, other, path = trained.services.accounts, trained.with_session(Role.VIEWER), f"{API}/nightly-1"
    accounts.replace_user(accounts.user("viewer").model_copy(update={"role": Role.OPERATOR}))
    off = TIMES | {"active": False}
    assert [send(other, verb, path, off, If_Match='"1"').status_code for verb in ("PUT", "DELETE")] == [403, 403]
    assert send(other, "POST", API, TIMES | {"training": TRAINING}, Idempotency_Key="nightly-1").status_code == 403
    assert "Remove the schedule of copper" not in other.get("/schedules").text
    owner = trained.with_session(Role.OPERATOR)
    assert "Remove the schedule of copper" in owner.get("/schedules").text
    assert send(owner, "PUT", path, off, If_Match='"1"').status_code == 200
    assert send(trained.with_session(Role.ADMIN), "DELETE", path).status_code == 204
    assert {entry.subject for entry in trained.changes("schedule.create")} == {"model:copper"}


def test_the_form_asks_for_a_training(trained):
    browser = trained.with_session(Role.OPERATOR)
    fields = TIMES | TRAINING | {"seed": "3", "key": "from-a-form"}
    page = browser.submit("/schedules", fields | {"starts": "run", "campaign": NAME}, "/schedules")
    assert (page.status_code, "choose Train a model" in page.text) == (422, True)
    page = browser.submit("/schedules", fields | {"starts": "train", "surrogate": "magic"}, "/schedules")
    assert page.status_code == 422
    assert all(part in page.text for part in ('id="problem-add-surrogate"', 'value="train" checked', 'value="3"'))
    assert browser.submit("/schedules", fields | {"starts": "train"}, "/schedules").status_code == 303
    assert trained.services.schedules.schedules()[0].training.seed == 3
