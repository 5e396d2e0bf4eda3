"""Sends messages: by a mail server of the site, or by a POST to an address that a user gave.

Such an address is hostile: it is resolved once and connected to as resolved, so that a name cannot point elsewhere after the
check; addresses that are not public are refused unless the site allows their network; redirects are not followed, and of the
answer only the status is used. The content for a plain webhook is signed as Standard Webhooks 1.0.0 say
(https://www.standardwebhooks.com).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import smtplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import TypeAdapter, ValidationError

from tansaku.models.domain.errors import ConfigurationError, FieldError, TansakuError, TransientError
from tansaku.models.domain.identifiers import printable
from tansaku.models.domain.notifications import Channel, Message, Subscription
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.notifications import MailAddress, MailSpec, NotificationsSpec
from tansaku.tasks.ground.settings import read_secret_file

_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
_CARD = "application/vnd.microsoft.card.adaptive"
_SECONDS = 10.0
_LONGEST_ADDRESS = 2000
_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_MAIL_ADDRESS: TypeAdapter[str] = TypeAdapter(MailAddress)


class RefusedError(TansakuError):
    """A message that nobody takes, also later."""


@dataclass(frozen=True)
class Sender:
    """Sends messages as the site allows.

    Attributes:
        site: The site's part on notifications.
    """

    site: NotificationsSpec

    def check(self, channel: str, address: str) -> None:
        """Raises FieldError unless messages can be sent to an address of this form; no name is looked up."""
        if channel == "mail":
            self._check_mail(address)
        else:
            parts = self._parts(address)
            for text in _without_lookup(str(parts.hostname)):
                self._check_reachable(parts, text)

    def send(self, subscription: Subscription, message: Message, now: datetime) -> None:
        """Sends a message.

        Raises:
            RefusedError: It will not be taken later either.
            TransientError: It may be.
        """
        try:
            self.check(subscription.channel, subscription.address)
            if subscription.channel == "mail":
                self._mail(subscription.address, message)
            else:
                self._post(subscription, message, now)
        except (FieldError, ConfigurationError) as error:
            raise RefusedError(error.message) from error
        except TansakuError:
            raise
        except (OSError, http.client.HTTPException, smtplib.SMTPException) as error:
            raise TransientError(printable(f"{type(error).__name__}: {error}")) from error

    def _check_mail(self, address: str) -> MailSpec:
        if self.site.mail is None:
            raise FieldError("channel", "this site has no mail server; its site file names one with notifications.mail")
        try:
            _MAIL_ADDRESS.validate_python(address)
        except ValidationError:
            raise FieldError("address", f"{address[:100]!r} is no mail address, such as ada@example.org") from None
        domain, allowed = address.rpartition("@")[2].lower(), self.site.mail.domains
        if allowed and domain not in allowed:
            raise FieldError("address", f"{domain}: this site sends mail to {', '.join(allowed)} alone")
        return self.site.mail

    def _mail(self, address: str, message: Message) -> None:
        spec = self._check_mail(address)
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = spec.sender, address, f"[tansaku] {message.title}"
        mail["Message-ID"] = f"<{_digest(message.id)}@{spec.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{message.text}\n" if message.text else f"{message.title}\n")
        context = ssl.create_default_context()
        encrypted = spec.security == "tls"
        server = (
            smtplib.SMTP_SSL(spec.host, spec.port, timeout=_SECONDS, context=context)
            if encrypted
            else smtplib.SMTP(spec.host, spec.port, timeout=_SECONDS)
        )
        with server:
            if spec.security == "starttls":
                server.starttls(context=context)
            if spec.user is not None and spec.password_file is not None:
                secret = read_secret_file(Path(spec.password_file), "notifications.mail.password_file")
                server.login(spec.user, secret.get_secret_value())
            try:
                server.send_message(mail)
            except smtplib.SMTPRecipientsRefused as error:
                code = next(iter(error.recipients.values()))[0]
                if code >= 500:
                    raise RefusedError(f"the mail server refuses {address} ({code})") from error
                raise

    def _parts(self, address: str) -> SplitResult:
        """Returns the parts of a webhook's address. Raises FieldError."""
        try:
            parts = urlsplit(address)
            known = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0 and parts.username is None
            known = known and "%" not in str(parts.hostname)  # a zone of an address, of this machine alone
        except ValueError:
            known = False
        if not known or len(address) > _LONGEST_ADDRESS or not address.isascii() or not address.isprintable() or " " in address:
            raise FieldError("address", "expected an address such as https://hooks.example.org/services/…, without a user")
        if parts.scheme == "http" and not self.site.private_networks and not _without_lookup(str(parts.hostname)):
            raise FieldError(
                "address", f"expected https://; http:// goes to private networks alone. {_allowing('10.20.0.0/16')}"
            )
        return parts

    def _resolved(self, parts: SplitResult) -> tuple[str, int]:
        """Returns an address and a port that messages may be sent to. Raises FieldError, OSError."""
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        found = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
        for text in found:
            self._check_reachable(parts, text)
        return found[0], port

    def _check_reachable(self, parts: SplitResult, text: str) -> None:
        """Raises FieldError unless messages may be sent to the address in numbers at which a host is."""
        plain = ip_address(text.partition("%")[0])
        plain = getattr(plain, "ipv4_mapped", None) or plain
        if any(plain in network for network in self.site.networks if network.version == plain.version):
            return
        if not plain.is_global or plain.is_multicast:
            at = parts.hostname if str(parts.hostname) == str(plain) else f"{parts.hostname} ({plain})"
            why = f"{at} is not public, and may be a service that trusts this machine"
            raise FieldError("address", f"{why}. {_allowing(f'{plain}/{plain.max_prefixlen}')}")
        if parts.scheme != "https":
            raise FieldError("address", f"{parts.hostname} is public; expected https://")

    def _post(self, subscription: Subscription, message: Message, now: datetime) -> None:
        parts = self._parts(subscription.address)
        target = self._resolved(parts)
        body = content_of(subscription.channel, message)
        headers = {"Content-Type": "application/json", "User-Agent": "tansaku"}
        if subscription.secret:
            headers |= signature(subscription.secret, _digest(message.id), now, body)
        connection = _Pinned(parts, target)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, headers)
            status = connection.getresponse().status
        finally:
            connection.close()
        if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientError(f"the receiver answered {status}")
        if not 200 <= status < 300:
            raise RefusedError(f"the receiver answered {status}")


def _allowing(network: str) -> str:
    """Names the line of the site file that allows a private network."""
    line = f"notifications: {{private_networks: [{network}]}}"
    return (
        f"An admin can allow it by `{line}` in the site file, which dashboard and service read again every half minute; "
        "both `tansaku web start` and `tansaku serve --no-web` must have been started with it, by `--site FILE`"
    )


def _without_lookup(host: str) -> list[str]:
    """Returns the addresses of a host that is written in numbers, in any of their forms, or is this machine; else none."""
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return ["127.0.0.1"]
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)]
    except OSError:
        return []


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was resolved before; certificate and Host header are those of the name.

    Args:
        parts: Of the web address.
        target: Address and port.
    """

    def __init__(self, parts: SplitResult, target: tuple[str, int]) -> None:
        super().__init__(str(parts.hostname), parts.port, timeout=_SECONDS)
        self._encrypted, self._target = parts.scheme == "https", target
        self.default_port = 443 if self._encrypted else 80
        if parts.port is None:
            self.port = self.default_port

    def connect(self) -> None:
        """Connects to the address, and not to what the name means now."""
        sock = socket.create_connection(self._target, _SECONDS)
        self.sock = ssl.create_default_context().wrap_socket(sock, server_hostname=self.host) if self._encrypted else sock


def signature(secret: str, identifier: str, now: datetime, body: bytes) -> Mapping[str, str]:
    """Headers that sign a content, as Standard Webhooks 1.0.0 say.

    Args:
        secret: ``whsec_`` and base64.
        identifier: Of the message; the same for each attempt.
    """
    stamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{identifier}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": identifier,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def content_of(channel: Channel, message: Message) -> bytes:
    """The body of a POST, JSON.

    Slack and Mattermost read links and markup in ``text``: what it contains is escaped or shown as it is, so that a message
    cannot call everybody. Teams takes an adaptive card.
    """
    said = f"{message.title}\n{message.text}".strip()
    forms: dict[Channel, JsonDict] = {
        "slack": {"text": _escaped(said)},
        "mattermost": {"text": said.replace("@", "@\u200b")},
        "teams": {"type": "message", "attachments": [{"contentType": _CARD, "content": _card(message)}]},
    }
    plain: JsonDict = {
        "type": f"campaign.{message.happening}",
        "timestamp": message.at.isoformat(),
        "data": {"campaign": message.campaign, "title": message.title, "text": message.text},
    }
    return json.dumps(forms.get(channel, plain), ensure_ascii=False).encode()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(message: Message) -> JsonDict:
    blocks = [{"type": "TextBlock", "text": message.title, "weight": "bolder", "wrap": True}]
    if message.text:
        blocks.append({"type": "TextBlock", "text": message.text, "wrap": True})
    return {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": blocks}
