"""The part of the site file on notifications: the mail server, and where messages may go."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from tansaku.models.domain.specs.base import Spec


def _network(text: object) -> object:
    try:
        return str(ip_network(text)) if isinstance(text, str) else text
    except ValueError as error:
        raise ValueError(f"{text!r} is no network; expected one such as 10.1.0.0/16 ({error})") from error


NetworkText = Annotated[str, BeforeValidator(_network)]
"""A network such as ``10.1.0.0/16``."""

MailAddress = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}$")]
"""A mail address of plain letters."""


class MailSpec(Spec):
    """The mail server that sends notifications.

    Attributes:
        host: Its name.
        port: Its port.
        security: ``starttls``: encrypted after a plain greeting; ``tls``: from the start; ``none``: not at all.
        sender: Address from which the messages come.
        user: With which tansaku logs in; null: it does not.
        password_file: File of mode 0600 with the password.
        domains: Messages go to addresses of these domains alone; empty: to all.
    """

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: MailAddress
    user: str | None = None
    password_file: str | None = None
    domains: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,253}$", to_lower=True)], ...] = ()


class NotificationsSpec(Spec):
    """Notifications of this machine's campaigns.

    Attributes:
        mail: The mail server; null: no mail is sent.
        private_networks: Private addresses to which webhooks may be sent, also by plain http. Empty: to public ones alone.
        page: Address of the dashboard as users know it, for links in messages; null: no links.
    """

    mail: MailSpec | None = None
    private_networks: tuple[NetworkText, ...] = ()
    page: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#]+/?$", max_length=255)] | None = None

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The private networks."""
        return tuple(ip_network(text) for text in self.private_networks)
