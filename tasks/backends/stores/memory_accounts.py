"""Users, sessions, tokens and the audit of the dashboard in memory, for tests."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import TypeVar

from tansaku.models.domain.accounts import ApiToken, AuditEntry, LoginLink, Session, User
from tansaku.tasks.backends.stores.documents import normalised

OwnedT = TypeVar("OwnedT", Session, ApiToken)


class MemoryAccounts:
    """``Accounts`` that live as long as the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._users: dict[str, User] = {}
        self._sessions: dict[str, Session] = {}
        self._tokens: dict[str, ApiToken] = {}
        self._links: dict[str, LoginLink] = {}
        self._audit: dict[str, AuditEntry] = {}

    def add_user(self, user: User) -> bool:
        """Inserts a user; returns whether the name was free."""
        with self._lock:
            return self._users.setdefault(user.name, stored := normalised(user)) is stored

    def user(self, name: str) -> User | None:
        """Returns a user, or None."""
        with self._lock:
            return self._users.get(name)

    def users(self) -> list[User]:
        """All users by name."""
        with self._lock:
            return [self._users[name] for name in sorted(self._users)]

    def replace_user(self, user: User) -> bool:
        """Stores a user's new record; returns whether there was one of this name."""
        with self._lock:
            known = user.name in self._users
            if known:
                self._users[user.name] = normalised(user)
            return known

    def remove_user(self, name: str) -> bool:
        """Removes a user with all sessions, tokens and login links."""
        with self._lock:
            self.remove_sessions(name)
            for token in self.tokens(name):
                del self._tokens[token.id]
            return self._users.pop(name, None) is not None

    def add_session(self, session: Session) -> None:
        """Stores a session."""
        with self._lock:
            self._sessions[session.id] = normalised(session)

    def session(self, session_id: str) -> Session | None:
        """Returns a session, or None."""
        with self._lock:
            return self._sessions.get(session_id)

    def sessions(self, user: str | None = None) -> list[Session]:
        """Sessions of a user or of all, the newest first."""
        with self._lock:
            return _newest_first(self._sessions, user)

    def remove_session(self, session_id: str) -> bool:
        """Ends a session."""
        with self._lock:
            return self._sessions.pop(session_id, None) is not None

    def remove_sessions(self, user: str) -> int:
        """Ends all sessions and login links of a user."""
        with self._lock:
            self._links = {key: link for key, link in self._links.items() if link.user != user}
            ended = self.sessions(user)
            for session in ended:
                del self._sessions[session.id]
            return len(ended)

    def add_token(self, token: ApiToken) -> None:
        """Stores a token."""
        with self._lock:
            self._tokens[token.id] = normalised(token)

    def token(self, token_id: str) -> ApiToken | None:
        """Returns a token, or None."""
        with self._lock:
            return self._tokens.get(token_id)

    def tokens(self, user: str | None = None) -> list[ApiToken]:
        """Tokens of a user or of all, the newest first."""
        with self._lock:
            return _newest_first(self._tokens, user)

    def remove_token(self, token_id: str) -> bool:
        """Revokes a token."""
        with self._lock:
            return self._tokens.pop(token_id, None) is not None

    def add_login_link(self, link: LoginLink) -> None:
        """Stores a login link."""
        with self._lock:
            self._links[link.id] = normalised(link)

    def take_login_link(self, link_id: str) -> LoginLink | None:
        """Removes and returns a login link."""
        with self._lock:
            return self._links.pop(link_id, None)

    def remove_expired(self, now: datetime) -> int:
        """Removes what expired before ``now``."""
        with self._lock:
            removed = 0
            for kept in (self._sessions, self._tokens, self._links):
                expired = [key for key, record in kept.items() if record.expires_at < now]
                for key in expired:
                    kept.pop(key)
                removed += len(expired)
            return removed

    def append_audit(self, entry: AuditEntry) -> None:
        """Appends to the audit."""
        with self._lock:
            self._audit.setdefault(entry.id, normalised(entry))

    def audit(
        self, *, before: str | None = None, limit: int = 100, actor: str | None = None, subject: str | None = None
    ) -> list[AuditEntry]:
        """The newest entries, or the newest whose id is less than ``before``; of an actor or on a subject, if one is given."""
        with self._lock:
            ids = sorted((key for key in self._audit if before is None or key < before), reverse=True)
            entries = (self._audit[key] for key in ids)
            chosen = (entry for entry in entries if actor in (None, entry.actor) and subject in (None, entry.subject))
            return list(islice(chosen, limit))


def _newest_first(records: Mapping[str, OwnedT], user: str | None) -> list[OwnedT]:
    found = [record for record in records.values() if user in (None, record.user)]
    return sorted(found, key=lambda record: (record.created_at, record.id), reverse=True)
