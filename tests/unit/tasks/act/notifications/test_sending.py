"""Messages reach real servers, and no address that is not meant to get them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from email import message_from_string

import pytest

from tansaku.models.domain.errors import FieldError, TransientError
from tansaku.models.domain.specs.notifications import NotificationsSpec
from tansaku.tasks.act.notifications.sending import RefusedError, Sender
from tests.unit.tasks.act.notifications.conftest import NOON, message, subscription

LOOPBACK = Sender(NotificationsSpec(private_networks=("127.0.0.0/8",)))
SECRET = f"whsec_{base64.b64encode(b'k' * 32).decode()}"


def at(hook) -> str:
    return f"http://127.0.0.1:{hook.port}/services/x?y=1"


def mail_sender(port: int, **changes: object) -> Sender:
    mail = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "tansaku@example.org", **changes}
    return Sender(NotificationsSpec.model_validate({"mail": mail}))


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("slack", lambda body: body["text"].endswith("best 1 &lt;b&gt;&amp;&lt;/b&gt; @channel")),
        ("mattermost", lambda body: "@channel" not in body["text"] and "<b>&</b>" in body["text"]),
        ("teams", lambda body: body["attachments"][0]["content"]["body"][0]["text"] == message().title),
        ("webhook", lambda body: body["type"] == "campaign.finished" and body["data"]["campaign"] == "al"),
    ],
)
def test_each_receiver_gets_its_form(hook, channel, said):
    LOOPBACK.send(subscription(channel, at(hook)), message(), NOON)
    ((path, headers, body),) = hook.requests
    assert path == "/services/x?y=1"
    assert headers["Host"] == f"127.0.0.1:{hook.port}"
    assert said(json.loads(body))


def test_the_signature_is_that_of_the_standard(hook):
    LOOPBACK.send(subscription("webhook", at(hook), secret=SECRET), message(), NOON)
    ((_, headers, body),) = hook.requests
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    LOOPBACK.send(subscription("webhook", at(hook), secret=SECRET), message(), NOON)
    assert hook.requests[1][1]["webhook-id"] == headers["webhook-id"]


@pytest.mark.parametrize(("status", "error"), [(503, TransientError), (429, TransientError), (404, RefusedError)])
def test_an_answer_says_whether_it_is_tried_again(hook, status, error):
    hook.status = status
    with pytest.raises(error, match=str(status)):
        LOOPBACK.send(subscription("slack", at(hook)), message(), NOON)


def test_no_redirect_is_followed(hook):
    hook.status, hook.headers = 302, {"Location": at(hook)}
    with pytest.raises(RefusedError, match="302"):
        LOOPBACK.send(subscription("slack", at(hook)), message(), NOON)
    assert len(hook.requests) == 1


@pytest.mark.parametrize(
    "found",
    [
        ("127.0.0.1",),
        ("10.1.2.3",),
        ("169.254.169.254",),
        ("::1",),
        ("fe80::1",),
        ("::ffff:10.0.0.1",),
        ("8.8.8.8", "10.0.0.1"),
    ],
)
def test_a_name_that_means_a_private_address_is_refused(resolving, monkeypatch, found):
    asked = resolving(*found)
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("it was connected to"))
    with pytest.raises(RefusedError, match="not public"):
        Sender(NotificationsSpec()).send(subscription("slack", "https://hooks.example.org/x"), message(), NOON)
    assert asked == ["hooks.example.org"]


def test_a_name_is_resolved_once_and_its_certificate_is_checked(encrypted_hook, resolving):
    asked, address = resolving("127.0.0.1"), f"https://hooks.example.org:{encrypted_hook.port}/x"
    LOOPBACK.send(subscription("slack", address), message(), NOON)
    assert asked == ["hooks.example.org"]
    assert encrypted_hook.requests[0][1]["Host"] == f"hooks.example.org:{encrypted_hook.port}"
    with pytest.raises(TransientError, match="CERTIFICATE"):
        LOOPBACK.send(subscription("slack", address.replace("hooks", "other")), message(), NOON)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://x.org",
        "https://",
        "https://ada:secret@x.org/",
        "https://x.org:99999/",
        "http://x.org/",
        "https://x.org/a b",
        "x" * 3000,
    ],
)
def test_other_addresses_are_refused_when_they_are_typed(address):
    with pytest.raises(FieldError, match="address: expected"):
        Sender(NotificationsSpec()).check("webhook", address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9999", "localhost", "10.0.0.1", "127.1", "2130706433", "[::1]", "[::ffff:10.0.0.1]", "localhost."]
)
def test_private_addresses_are_refused_when_they_are_typed(host):
    with pytest.raises(FieldError, match=r"not public.*An admin can allow it by `notifications: {private_networks: \["):
        Sender(NotificationsSpec()).check("webhook", f"https://{host}/")


def test_public_addresses_need_encryption_also_where_a_private_network_is_allowed():
    with pytest.raises(FieldError, match=r"8\.8\.8\.8 is public; expected https://"):
        LOOPBACK.check("webhook", "http://8.8.8.8/")


def test_allowed_networks_and_names_are_taken_without_a_lookup(resolving):
    LOOPBACK.check("webhook", "http://127.0.0.1:9999/")
    LOOPBACK.check("webhook", "https://localhost/")
    asked = resolving("10.0.0.1")
    Sender(NotificationsSpec()).check("webhook", "https://hooks.example.org/")
    assert asked == []


def test_a_mail_has_its_event_as_its_id(mail_server):
    sender = mail_sender(mail_server.port)
    for _ in range(2):
        sender.send(subscription("mail", "ada@example.org"), message(), NOON)
    first, second = (message_from_string(text) for text in mail_server.mails)
    assert first["Subject"] == "[tansaku] al has ended: its cost was spent"
    assert first["To"] == "ada@example.org"
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_payload().strip() == message().text


def test_a_mail_server_refuses_for_good_or_is_asked_again(mail_server):
    with pytest.raises(RefusedError, match="550"):
        mail_sender(mail_server.port).send(subscription("mail", "nobody@example.org"), message(), NOON)
    with pytest.raises(TransientError):
        mail_sender(1).send(subscription("mail", "ada@example.org"), message(), NOON)


def test_mail_goes_where_the_site_allows_it():
    with pytest.raises(FieldError, match="no mail server"):
        Sender(NotificationsSpec()).check("mail", "ada@example.org")
    limited = mail_sender(1, domains=["example.org"])
    limited.check("mail", "ada@Example.org")
    for address in ("ada@elsewhere.org", "ada@example.org\nBcc: eve@example.org", "ada"):
        with pytest.raises(FieldError, match="address"):
            limited.check("mail", address)


def test_networks_are_checked_in_the_site_file():
    with pytest.raises(ValueError, match="is no network"):
        NotificationsSpec(private_networks=("10.0.0.1/8",))
