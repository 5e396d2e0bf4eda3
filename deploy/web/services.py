"""Dependencies of the web process: stores, clock and settings, opened by the command that starts it, or by a test."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from pydantic import SecretStr
from starlette.requests import HTTPConnection

from tansaku.deploy.web.auth.limits import AttemptLimiter
from tansaku.deploy.web.auth.passwords import HashCost, Passwords
from tansaku.deploy.web.auth.tokens import new_secret
from tansaku.deploy.web.checking import Checks
from tansaku.models.domain.accounts import Accounts, Actor
from tansaku.models.domain.library import FileLibrary
from tansaku.models.domain.model_registry import Registry
from tansaku.models.domain.notifications import Notifications
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.requests import Requests
from tansaku.models.domain.schedules import Schedules
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.act.checks.preloaded import Preloaded
from tansaku.tasks.act.checks.sandbox import Sandbox
from tansaku.tasks.act.checks.seen_registry import SeenRegistry
from tansaku.tasks.act.checks.sight import Sight
from tansaku.tasks.act.commands.create_web import CampaignDesk
from tansaku.tasks.act.commands.library import LibraryDesk
from tansaku.tasks.act.notifications.allowed import SiteNotifications
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.local_files import LocalFiles
from tansaku.tasks.read.views.readings import Readings

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class WebSettings:
    """Settings of the web process.

    Attributes:
        hosts: Names by which browsers may address the server, without ports; requests for other names are refused.
        secure: Browsers reach it by TLS: cookies are Secure and have the prefix ``__Host-``.
        cookie: Name of the session's cookie, without that prefix. Browsers do not separate cookies by port.
        session_seconds: Time after which a session ends [s].
        attempts: Wrong logins from one address or device that are free; the next ones have to wait for their turn.
        largest_body: Bytes of a request's body.
        hash_cost: Of a password's hash.
        deletes: Whether campaigns are deleted here: a MongoDB user with the dashboard's rights leaves that to the service.
        unix_socket: The server listens on a unix socket that only this user may connect to.
        proxy_secret: What a proxy that logs users in sends with each request; None: on a unix socket it need not send any.
        form_key: Of the forms of users whom a proxy logged in.
    """

    hosts: frozenset[str] = LOOPBACK_HOSTS
    secure: bool = False
    cookie: str = "tansaku-session"
    session_seconds: float = 12 * 3600.0
    attempts: int = 10
    largest_body: int = 2**20
    hash_cost: HashCost = field(default_factory=HashCost)
    deletes: bool = True
    unix_socket: bool = False
    proxy_secret: SecretStr | None = None
    form_key: str = field(default_factory=new_secret, repr=False)

    @property
    def session_cookie(self) -> str:
        """Name of the session's cookie as browsers see it."""
        return f"__Host-{self.cookie}" if self.secure else self.cookie

    @property
    def login_cookie(self) -> str:
        """Name of the cookie that a login form is bound to."""
        return f"{self.session_cookie}-login"

    @property
    def link_cookie(self) -> str:
        """Name of the cookie of a link that shows one campaign."""
        return f"{self.session_cookie}-link"


def utc_now() -> datetime:
    """Returns the current time."""
    return datetime.now(UTC)


DEFAULT_SITE = "default"
"""Name of the site where the server has only one."""


def _folder() -> Path:
    """A folder of this process for copies of files, for servers without a site; created when needed."""
    return Path(tempfile.gettempdir(), f"tsk-library-{secrets.token_hex(16)}")


@dataclass(frozen=True)
class Services:
    """Dependencies of routes, which get them by :func:`services_of`.

    Attributes:
        artifacts: Big values.
        accounts: Users, sessions, tokens, audit.
        registry: Data sets and models.
        requests: Requests for the service, and its reports.
        schedules: Times at which campaigns are run.
        notifications: Who wants to hear what, and the messages.
        library: Files that users uploaded.
        settings: How the web process behaves.
        clock: Current time, aware.
        resources: Site and launchers, for deletion; None: it is left to the service.
        site: The machine: what campaigns may ask for.
        site_names: Names of the sites that campaigns may be created for.
        site_file: From which the site was read; None: from none.
        notified: Where messages may go, as the site file says now.
        desk: Checks and creates campaigns.
        uploads: Adds and removes files.
        checks: Checks and rehearsals in progress, and the last results.
        passwords: Hashes and verifies passwords, a few at a time.
        limiter: Lets attempts to log in wait for their turn.
        readings: Reads campaigns once for each version.
        granting: Held while a part of a project's quota is given away.
    """

    store: CampaignStore
    artifacts: ArtifactStore
    accounts: Accounts
    registry: Registry
    requests: Requests
    schedules: Schedules
    notifications: Notifications
    library: FileLibrary
    settings: WebSettings = field(default_factory=WebSettings)
    clock: Callable[[], datetime] = utc_now
    resources: Resources | None = None
    site: SiteSpec = field(default_factory=SiteSpec)
    site_names: tuple[str, ...] = (DEFAULT_SITE,)
    site_file: Path | None = None
    notified: SiteNotifications = field(init=False)
    desk: CampaignDesk = field(init=False)
    uploads: LibraryDesk = field(init=False)
    checks: Checks = field(init=False)
    passwords: Passwords = field(init=False)
    limiter: AttemptLimiter = field(init=False)
    readings: Readings = field(init=False)
    granting: Lock = field(init=False, default_factory=Lock)

    def sight(self, actor: Actor) -> Sight:
        """The campaigns that an actor may see."""
        return Sight(self.accounts, self.store, actor)

    def seen_registry(self, actor: Actor) -> Registry:
        """Data sets and models without those of campaigns that an actor may not see."""
        return SeenRegistry(self.registry, self.sight(actor))

    def __post_init__(self) -> None:
        object.__setattr__(self, "passwords", Passwords(self.settings.hash_cost))
        object.__setattr__(self, "limiter", AttemptLimiter(self.settings.attempts))
        object.__setattr__(self, "readings", Readings(self.store))
        object.__setattr__(self, "notified", SiteNotifications(self.site_file, self.site.notifications))
        files = LocalFiles(self.artifacts, _folder() if self.resources is None else self.resources.files_folder)
        desk = CampaignDesk(
            store=self.store,
            artifacts=self.artifacts,
            registry=self.registry,
            library=self.library,
            accounts=self.accounts,
            files=files,
            site=self.site,
            sandbox=Sandbox(self.site.web.sandbox, Preloaded()),
            clock=self.clock,
        )
        uploads = LibraryDesk(
            library=self.library,
            artifacts=self.artifacts,
            store=self.store,
            registry=self.registry,
            accounts=self.accounts,
            limits=self.site.web.library,
            structures=self.site.limits,
            parse=desk.parse_upload,
            clock=self.clock,
        )
        object.__setattr__(self, "desk", desk)
        object.__setattr__(self, "uploads", uploads)
        object.__setattr__(self, "checks", Checks(desk))


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that a request came to."""
    found = connection.app.state.services
    assert isinstance(found, Services)
    return found
