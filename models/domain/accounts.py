"""Users of the dashboard, their sessions, tokens, login links and projects, the audit log, and the port of their store."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal, Protocol

from pydantic import AwareDatetime, Field

from tansaku.models.domain.projects import Project
from tansaku.models.domain.records import Record, TimedData
from tansaku.models.domain.roles import Role as Role

USER_NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"

SecretHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a random secret of at least 256 bits. The secret itself is never stored; it cannot be guessed from the hash."""


class Actor(Record):
    """The user behind a request or command.

    Attributes:
        name: The user.
        role: The role in this request; a token may have a lower role than its user.
        address: Where the request came from; ``local`` for a unix socket or a command.
        session: Id of the session; None: by a token, a proxy or a command.
        by_proxy: A proxy in front of the dashboard logged the user in.
        campaign: Id of the campaign that a link shows, and nothing else; None: the actor is the user.
    """

    name: str
    role: Role
    address: str = "local"
    session: SecretHash | None = None
    by_proxy: bool = False
    campaign: str | None = None

    def may(self, role: Role) -> bool:
        """Returns whether the actor has at least ``role``."""
        return self.role.includes(role)


class User(Record):
    """A person or program with access to the dashboard.

    Attributes:
        password_hash: In argon2's own format with its parameters; None: no login by password.
        disabled: Login is refused; sessions and tokens are invalid.
    """

    schema_version: Literal[1] = 1
    name: str = Field(pattern=USER_NAME_PATTERN)
    role: Role
    password_hash: str | None = None
    disabled: bool = False
    created_at: AwareDatetime


class Session(Record):
    """A login of a browser. The role is that of the user at the time of each request."""

    schema_version: Literal[1] = 1
    id: SecretHash
    user: str
    address: str
    created_at: AwareDatetime
    expires_at: AwareDatetime


class ApiToken(Record):
    """A secret for programs, shown once when it is created.

    Attributes:
        label: What it is for.
        role: At most this role, and at most the user's.
        campaign: Id of the campaign that it shows, as a link for people without an account; None: it allows what the role does.
    """

    schema_version: Literal[1] = 1
    id: SecretHash
    user: str
    label: str
    role: Role
    created_at: AwareDatetime
    expires_at: AwareDatetime
    campaign: Annotated[str | None, Field(exclude_if=lambda identifier: identifier is None)] = None


class LoginLink(Record):
    """A secret that logs a user in once."""

    schema_version: Literal[1] = 1
    id: SecretHash
    user: str
    expires_at: AwareDatetime


LONGEST_SEARCH_NAME = 60
MOST_SEARCHES = 100
"""Searches that a user may keep."""


class SavedSearch(Record):
    """A search that a user keeps under a name.

    Attributes:
        id: The user and the name.
        conditions: Values of the search's fields, by field.
    """

    schema_version: Literal[1] = 1
    id: str
    user: str
    name: str = Field(max_length=LONGEST_SEARCH_NAME)
    conditions: dict[str, str]


class AuditEntry(Record):
    """Record of a change: who, when, what, from where, before and after; without secrets or their hashes.

    Attributes:
        id: Sorts by time: microseconds, then random digits.
        action: What was done, as ``user.add``.
        subject: What it was done to, as ``user:ada``.
    """

    schema_version: Literal[1] = 1
    id: str
    at: AwareDatetime
    actor: str
    address: str
    action: str
    subject: str
    before: TimedData | None = None
    after: TimedData | None = None


class Accounts(Protocol):
    """Store of users, sessions, tokens, projects and the audit of the dashboard.

    Ids of sessions, tokens and login links are hashes of secrets. Times are compared by the caller's clock: the store returns
    expired records until :meth:`remove_expired`. Every acknowledged write survives ``kill -9``; ``TransientError`` means that
    the server could not be reached.
    """

    def add_user(self, user: User) -> bool:
        """Inserts a user; returns whether the name was free. A known user is left unchanged."""
        ...

    def user(self, name: str) -> User | None:
        """Returns a user, or None."""
        ...

    def users(self) -> list[User]:
        """All users by name."""
        ...

    def replace_user(self, user: User) -> bool:
        """Stores a user's new record; returns whether there was one of this name."""
        ...

    def remove_user(self, name: str) -> bool:
        """Removes a user with all sessions, tokens, login links and searches; returns whether there was one."""
        ...

    def add_session(self, session: Session) -> None:
        """Stores a session."""
        ...

    def session(self, session_id: str) -> Session | None:
        """Returns a session, or None."""
        ...

    def sessions(self, user: str | None = None) -> list[Session]:
        """Sessions of a user or of all, the newest first."""
        ...

    def remove_session(self, session_id: str) -> bool:
        """Ends a session; returns whether there was one."""
        ...

    def remove_sessions(self, user: str) -> int:
        """Ends all sessions and login links of a user; returns how many sessions there were."""
        ...

    def add_token(self, token: ApiToken) -> None:
        """Stores a token."""
        ...

    def token(self, token_id: str) -> ApiToken | None:
        """Returns a token, or None."""
        ...

    def tokens(self, user: str | None = None) -> list[ApiToken]:
        """Tokens of a user or of all, the newest first."""
        ...

    def remove_token(self, token_id: str) -> bool:
        """Revokes a token; returns whether there was one."""
        ...

    def add_login_link(self, link: LoginLink) -> None:
        """Stores a login link."""
        ...

    def take_login_link(self, link_id: str) -> LoginLink | None:
        """Removes and returns a login link in one operation: of two callers, one gets it."""
        ...

    def remove_expired(self, now: AwareDatetime) -> int:
        """Removes sessions, tokens and login links that expired before ``now``; returns how many."""
        ...

    def keep_search(self, search: SavedSearch) -> None:
        """Stores a search in place of the one of its id."""
        ...

    def searches(self, user: str) -> list[SavedSearch]:
        """Returns the searches of a user, by name."""
        ...

    def remove_search(self, search_id: str) -> bool:
        """Removes a search; returns whether it existed."""
        ...

    def add_project(self, project: Project) -> bool:
        """Inserts a project; returns whether the name was free. A known project is left unchanged."""
        ...

    def project(self, name: str) -> Project | None:
        """Returns a project, or None."""
        ...

    def projects(self) -> list[Project]:
        """All projects by name."""
        ...

    def replace_project(self, project: Project) -> bool:
        """Stores a project's new record with the next version; returns whether the stored one still has its version."""
        ...

    def place_campaign(self, campaign: str, project: str | None) -> None:
        """Puts the campaign of an id into a project in one write, so that it is never in two or in none; None: into none."""
        ...

    def project_of(self, campaign: str) -> str | None:
        """Name of the project of the campaign of an id, or None."""
        ...

    def placed_in(self, projects: Collection[str]) -> frozenset[str]:
        """Ids of all campaigns of some projects."""
        ...

    def append_audit(self, entry: AuditEntry) -> None:
        """Appends to the audit; an entry of a known id is ignored."""
        ...

    def audit(
        self, *, before: str | None = None, limit: int = 100, actor: str | None = None, subject: str | None = None
    ) -> list[AuditEntry]:
        """The newest entries, or the newest whose id is less than ``before``; of an actor or on a subject, if one is given."""
        ...
