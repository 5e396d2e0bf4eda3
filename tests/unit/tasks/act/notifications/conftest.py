"""A receiver of messages for each kind: a web server and a mail server on loopback."""

from __future__ import annotations

import socket
import socketserver
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tansaku.models.domain.notifications import Happening, Message, Subscription
from tests.support.receivers import Received, running, web_server

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def hook():
    received = Received()
    yield from running(web_server(received), received)


@pytest.fixture
def encrypted_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The same with TLS, for the name ``hooks.example.org``."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.org")]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    received = Received()
    server = web_server(received)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield from running(server, received)


@pytest.fixture
def mail_server():
    """A mail server that takes everything but what is for ``nobody``."""
    received = Received()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            self.say("220 ready")
            for line in self.rfile:
                word = line.decode().strip().upper()
                if word == "DATA":
                    self.say("354 go on")
                    lines = []
                    while (text := self.rfile.readline()) != b".\r\n":
                        lines.append(text.decode())
                    received.mails.append("".join(lines))
                self.say("550 unknown" if word.startswith("RCPT TO:<NOBODY") else "221 bye" if word == "QUIT" else "250 ok")

    yield from running(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler), received)


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch):
    """``resolving("10.0.0.1")``: every name is at these addresses; the calls are counted in the returned list."""

    def resolve(*addresses: str) -> list[str]:
        asked: list[str] = []

        def found(host: str, port: int | None, *_: object, flags: int = 0, **__: object):
            if host[0].isdigit():
                return [(2, 1, 6, "", (host, port))]
            if flags & socket.AI_NUMERICHOST:
                raise socket.gaierror(socket.EAI_NONAME, "it is a name")
            asked.append(host)
            return [(10 if ip_address(text).version == 6 else 2, 1, 6, "", (text, port)) for text in addresses]

        monkeypatch.setattr("tansaku.tasks.act.notifications.sending.socket.getaddrinfo", found)
        return asked

    return resolve


def subscription(channel: str, address: str, **changes: object) -> Subscription:
    return Subscription(
        id="the-subscription", user="ada", happenings=tuple(Happening), channel=channel, address=address, created_at=NOON
    ).model_copy(update=changes)


def message(title: str = "al has ended: its cost was spent", text: str = "best 1 <b>&</b> @channel") -> Message:
    return Message(
        id="the-subscription:al:finished:3",
        subscription="the-subscription",
        user="ada",
        campaign="al",
        happening="finished",
        title=title,
        text=text,
        at=NOON,
        due_at=NOON,
    )
