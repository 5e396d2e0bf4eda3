"""Subscriptions on the page and in the API: a user's own alone, once for a key, and without their secret address."""

import re

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.specs.notifications import MailSpec, NotificationsSpec
from tansaku.models.domain.specs.site import SiteSpec

NAME, API = "small-table", "/api/v1/notifications"
HOOK = "https://hooks.example.org/services/very-secret"
BODY = {"campaign": NAME, "happenings": ["finished", "stuck"], "channel": "webhook", "address": HOOK}
FORM = {"key": "from-a-form", "campaign": "", "channel": "mail", "address": "ada@example.org", "finished": "yes"}


@pytest.fixture
def site(make_site, recorded):
    mail = MailSpec(host="localhost", sender="tansaku@example.org", domains=("example.org",))
    site = SiteSpec(notifications=NotificationsSpec(mail=mail))
    return make_site(recorded("a1"), given={"site": site})


def test_a_script_subscribes_tests_and_removes(site):
    browser = site.with_session(Role.VIEWER)
    made = _post(browser, BODY)
    assert made.status_code == 201, made.text
    assert _post(browser, BODY).status_code == 200
    (line,) = browser.get(API).json()
    assert line == made.json()
    assert line["secret"].startswith("whsec_")
    assert (line["campaign"], line["address"]) == (NAME, "https://hooks.example.org/…")
    assert browser.change("POST", f"{API}/from-a-script/test").status_code == 202
    assert [message["happening"] for message in browser.get(f"{API}/messages").json()] == ["test"]
    assert browser.change("DELETE", f"{API}/from-a-script").status_code == 204
    assert browser.get(API).json() == []
    assert len(site.changes("notification.subscribe")) == len(site.changes("notification.unsubscribe")) == 1
    assert "very-secret" not in "".join(map(str, site.services.accounts.audit()))


def _post(browser, body):
    return browser.change("POST", API, key="from-a-script", json=body)


def test_a_form_subscribes_tests_and_removes(site):
    browser = site.with_session(Role.VIEWER)
    assert browser.submit("/notifications", FORM).status_code == 303
    page = browser.get("/notifications").text
    assert "ada@example.org" in page
    assert "all campaigns" in page
    assert "<td>its search has ended</td>" in page
    assert browser.submit("/notifications/from-a-form", {"action": "test"}).status_code == 303
    assert "A test message of tansaku" in browser.get("/notifications").text
    assert browser.submit("/notifications/from-a-form", {"action": "other"}).status_code == 422
    assert browser.submit("/notifications/from-a-form", {"action": "remove"}).status_code == 303
    assert "You have no subscriptions" in browser.get("/notifications").text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"address": "eve@elsewhere.org"}, "sends mail to example.org alone"),
        ({"address": "ada"}, "is no mail address"),
        ({"channel": "slack", "address": "http://hooks.example.org/"}, "expected https://; http:// goes to private networks"),
        ({"channel": "slack", "address": "http://10.0.0.1/"}, "10.0.0.1 is not public"),
        ({"channel": "slack", "address": "http://10.0.0.1/"}, "notifications: {private_networks: [10.0.0.1/32]}"),
        ({"channel": "webhook", "address": "https://localhost/"}, "localhost (127.0.0.1) is not public"),
        ({"channel": "pigeon"}, "expected one of mail"),
        ({"finished": ""}, "nothing is chosen"),
        ({"campaign": "none-such"}, "no campaign"),
        ({"key": "x"}, "key"),
    ],
)
def test_a_refused_form_says_why(site, changes, said):
    browser = site.with_session(Role.VIEWER)
    answer = browser.submit("/notifications", FORM | changes)
    assert answer.status_code in (404, 422)
    assert said.lower() in answer.text.lower()
    assert site.services.notifications.subscriptions() == []


def test_nobody_sees_or_changes_what_is_anothers(site):
    _post(site.with_session(Role.VIEWER), BODY)
    other = site.with_session(Role.ADMIN)
    assert other.get(API).json() == other.get(f"{API}/messages").json() == []
    assert "hooks.example.org" not in other.get("/notifications").text
    assert other.change("DELETE", f"{API}/from-a-script").status_code == 404
    assert other.change("POST", f"{API}/from-a-script/test").status_code == 404
    assert _post(other, BODY).status_code == 409
    assert len(site.services.notifications.subscriptions()) == 1


def test_what_most_people_want_is_ticked_and_what_is_not_offered_is_not_named(make_site, recorded):
    page = make_site(recorded("a1")).with_session(Role.VIEWER).get("/notifications").text
    assert re.findall(r'name="(\w+)" value="yes" checked', page) == ["finished", "failed", "needs_value"]
    assert page.count('value="yes"') == 5
    assert "Mail address" not in page
    assert ("Address of a webhook" in page, "<option>webhook</option>" in page) == (True, True)


def test_the_port_of_an_address_is_shown(site):
    browser = site.with_session(Role.VIEWER)
    assert _post(browser, BODY | {"address": "https://hooks.example.org:8443/secret"}).json()["address"] == (
        "https://hooks.example.org:8443/…"
    )


def test_a_message_that_failed_says_why_and_when_it_is_tried_again(site):
    browser = site.with_session(Role.VIEWER)
    _post(browser, BODY)
    browser.change("POST", f"{API}/from-a-script/test")
    outbox = site.services.notifications
    (message,) = outbox.messages("viewer", 1)
    outbox.settle(message.model_copy(update={"problem": "the receiver answered 503"}))
    page = browser.get("/notifications").text
    assert "the receiver answered 503" in page
    assert "tried again at" in page
