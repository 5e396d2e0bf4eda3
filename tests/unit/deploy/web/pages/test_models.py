"""Trained models: list, one version with its figures, promotion."""

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.model_registry import promoted
from tansaku.models.domain.records import LeaseOwner
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.tasks.read.views.trained_models import model_versions
from tests.unit.deploy.web.conftest import SPEC


@pytest.fixture
def with_models(site, add_models):
    return add_models(site)


def test_versions_with_errors_and_what_cannot_be_compared(with_models):
    browser = with_models.logged_in(Role.VIEWER)
    page = browser.get("/api/v1/models?limit=2").json()
    assert ([item["label"] for item in page["items"]], page["next"]) == (["alloy@3", "alloy@2"], 2)
    assert page["items"][0]["not_comparable"] == "alloy@1 and alloy@3 were evaluated on different held-out data"
    assert page["items"][1]["not_comparable"] == ""
    (last,) = browser.get("/api/v1/models?limit=2&after=2").json()["items"]
    assert (last["label"], last["promoted"], last["held_out"]["energy"]["rmse"]) == ("alloy@1", True, 0.2)
    text = browser.get("/models").text
    assert '<a href="/models/alloy@2">alloy@2</a>' in text
    assert "not comparable: " in text
    assert "No model is stored" not in text


def test_a_version_and_its_figures(with_models):
    browser = with_models.logged_in(Role.VIEWER)
    text = browser.get("/models/alloy@3").text
    assert 'id="not-comparable"' in text
    assert "&lt;b&gt;alloy&lt;/b&gt;" in text
    assert "Promote</button>" not in text
    figures = browser.get("/api/v1/models/alloy@1/figures").json()
    (parity,) = figures["parity"]
    assert (len(figures["curve"]["steps"]), len(parity["held_out_computed"]), parity["held_out_count"]) == (500, 500, 800)
    assert figures["curve"]["steps"][-1] == 699
    # All errors are one deviation: no interval narrower than that has any.
    observed = dict(zip(parity["nominal"], parity["calibration"], strict=True))
    assert [observed[nominal] for nominal in (parity["nominal"][0], parity["nominal"][-1])] == [0.0, 1.0]
    assert browser.get("/api/v1/models/alloy").json()["line"]["label"] == "alloy@1"
    assert [browser.get(path).status_code for path in ("/models/alloy@9", "/api/v1/models/none@1/figures")] == [404, 404]


def test_an_admin_promotes_a_version_once_with_a_note(with_models):
    admin, operator = with_models.logged_in(Role.ADMIN), with_models.logged_in(Role.OPERATOR)
    path = "/api/v1/models/alloy@2/promotion"
    assert operator.change("PUT", path, json={"note": "x"}).status_code == 403
    assert admin.change("PUT", path, json={"note": ""}).status_code == 422
    assert admin.change("PUT", path, json={"note": " "}).json()["key"] == "note"
    for _ in range(2):
        answer = admin.change("PUT", path, json={"note": "better on tilt boundaries"})
        assert (answer.status_code, answer.json()["line"]["promoted"]) == (200, True)
    (entry,) = with_models.changes("model.promote")
    assert (entry.subject, entry.before, entry.after["version"]) == ("model:alloy", {"version": 1}, 2)
    assert promoted(with_models.services.registry.models("alloy")).note.endswith(": better on tilt boundaries")
    assert admin.change("PUT", "/api/v1/models/alloy@9/promotion", json={"note": "x"}).status_code == 404


def test_an_operator_promotes_versions_that_only_campaigns_of_the_operator_trained(with_models):
    """A version that another campaign or the command line trained leaves it to admins."""
    operator, store = with_models.logged_in(Role.OPERATOR), with_models.services.store
    operator.upload()
    assert operator.change("POST", "/api/v1/campaigns", json={"spec": SPEC}).status_code == 201
    lease = store.acquire_lease("rows", LeaseOwner(host="here", pid=1, process_started=0.0, user="me"), 60.0)
    path = "/api/v1/models/alloy@2/promotion"
    for number in (1, 2, 3):
        assert operator.change("PUT", path, json={"note": "mine"}).status_code == 403
        assert "Promote</button>" not in operator.get("/models/alloy@2").text
        begun = Retrain(
            campaign="rows", number=number, at_proposal=number, horizon=number, uses_from=number, model="alloy",
            dataset="a" * 64, observations=1, reason="every", begun_at=with_models.clock(),
        )  # fmt: skip
        store.insert_retrain(lease, begun)
        end = RetrainEnd(
            campaign="rows", number=number, uses_from=number, ok=True, version=f"alloy@{number}", weights=str(number) * 64,
            promoted=False, message="", seconds=1.0, ended_at=with_models.clock(),
        )  # fmt: skip
        store.end_retrain(lease, end)
    assert "Promote</button>" in operator.get("/models/alloy@2").text
    assert operator.change("PUT", path, json={"note": "mine"}).status_code == 200
    assert [entry.actor for entry in with_models.changes("model.promote")] == ["operator"]
    assert with_models.logged_in(Role.VIEWER).change("PUT", path, json={"note": "mine"}).status_code == 403


def test_the_form_promotes_too(with_models):
    admin = with_models.logged_in(Role.ADMIN)
    assert "Promote</button>" in admin.get("/models/alloy@2").text
    answer = admin.submit("/models/alloy@2/promotion", {"note": "by form"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/models/alloy@2")
    assert "Promote</button>" not in admin.get("/models/alloy@2").text


def test_versions_side_by_side_with_what_uses_them_and_the_way_back(with_models):
    store, admin, operator = with_models.services.store, with_models.logged_in(Role.ADMIN), with_models.logged_in(Role.OPERATOR)
    operator.upload()
    assert operator.change("POST", "/api/v1/campaigns", json={"spec": SPEC}).status_code == 201
    record = store.campaign("rows")
    store._put(record.model_copy(update={"spec": record.spec | {"calculator": {"model": "m", "model_sha256": "2" * 64}}}))
    path = "/api/v1/models/alloy/versions"
    found = with_models.logged_in(Role.VIEWER).get(path).json()
    assert [item["detail"]["line"]["label"] for item in found["versions"]] == ["alloy@3", "alloy@2", "alloy@1"]
    assert [item["uses"] for item in found["versions"]] == [[], [{"campaign": "rows", "trained": False}], []]
    page = admin.get("/models/alloy/versions").text
    assert page.count('class="of-model"') == 3
    assert (page.count("Promote</button>"), page.count("Roll back</button>")) == (2, 0)
    assert "Promote</button>" not in operator.get("/models/alloy/versions").text
    assert admin.submit("/models/alloy@3/promotion", {"note": "new"}).status_code == 303
    page = admin.get("/models/alloy/versions").text
    assert (page.count("Promote</button>"), page.count("Roll back</button>")) == (0, 2)
    assert "Roll back</button>" in admin.get("/models/alloy@1").text
    with_models.clock.pass_time(1.0)
    assert admin.submit("/models/alloy@1/promotion", {"note": "3 drifts"}).status_code == 303
    back = max(with_models.changes("model.promote"), key=lambda entry: entry.at)
    assert (back.before, back.after) == ({"version": 3}, {"version": 1, "note": "3 drifts"})
    assert admin.get("/models/none/versions").status_code == 404
    assert admin.get("/models").text.count('href="/models/alloy/versions"') == 1


def test_the_promoted_version_is_shown_however_many_are_newer(with_models):
    services = with_models.services
    found = model_versions(services.registry, services.store, services.store.campaign_names(), "alloy", most=2)
    assert [item.detail.line.version for item in found.versions] == [3, 1]
    assert found.older == ("alloy@2",)


def test_without_models_the_page_says_how_to_train_one(site):
    assert "tansaku model train" in site.logged_in(Role.VIEWER).get("/models").text
