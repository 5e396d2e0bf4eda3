"""Changes of users, sessions and tokens of the dashboard. Every change is in the audit, and never a secret or its hash."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tansaku.models.domain.accounts import USER_NAME_PATTERN, Accounts, Actor, ApiToken, Role, Session, User
from tansaku.models.domain.errors import FieldError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.act.commands.audit import Change, record_change


@dataclass(frozen=True)
class UserChange:
    """New values of a user; None: unchanged."""

    role: Role | None = None
    disabled: bool | None = None
    password_hash: str | None = None


@dataclass(frozen=True)
class Administration:
    """Changes of accounts by an actor, whose right to do so the caller has checked.

    Attributes:
        accounts: Where they are stored.
        actor: Who makes them.
        clock: Current time.
    """

    accounts: Accounts
    actor: Actor
    clock: Callable[[], datetime]

    def add_user(self, name: str, role: Role, password_hash: str | None) -> User:
        """Stores a new user.

        Args:
            name: Small letters, digits and ``._-``.
            role: What the user may do.
            password_hash: None: no login by password.

        Raises:
            FieldError: The name is taken or cannot be one.
        """
        check_user_name(name)
        user = User(name=name, role=role, password_hash=password_hash, created_at=self.clock())
        if not self.accounts.add_user(user):
            raise FieldError("name", f"there is a user {name!r} already")
        self._record("user.add", f"user:{name}", None, _shown(user))
        return user

    def change_user(self, name: str, change: UserChange) -> User:
        """Changes a user. A new password or a disabled user ends the user's sessions and login links.

        Raises:
            NotFoundError: No such user.
            StoreError: Nobody would be left who may administrate.
        """
        known = self._user(name)
        role = known.role if change.role is None else change.role
        disabled = known.disabled if change.disabled is None else change.disabled
        if disabled or role is not Role.ADMIN:
            self._keep_an_admin(known)
        updated: JsonDict = {"role": role, "disabled": disabled, "password_hash": change.password_hash or known.password_hash}
        user = known.model_copy(update=updated)
        if not self.accounts.replace_user(user):
            raise _unknown_user(name)
        after = _shown(user) | ({} if change.password_hash is None else {"password": "changed"})
        self._record("user.change", f"user:{name}", _shown(known), after)
        if disabled or change.password_hash is not None:
            self.accounts.remove_sessions(name)
        return user

    def remove_user(self, name: str) -> None:
        """Removes a user with all sessions and tokens. Raises as :meth:`change_user`."""
        known = self._user(name)
        self._keep_an_admin(known)
        if self.accounts.remove_user(name):
            self._record("user.remove", f"user:{name}", _shown(known), None)

    def end_session(self, session: Session) -> None:
        """Ends a session."""
        if self.accounts.remove_session(session.id):
            self._record("session.end", f"user:{session.user}", {"session": session.id[:12]}, None)

    def added_token(self, token: ApiToken) -> None:
        """Records a token that was issued."""
        self._record("token.add", f"user:{token.user}", None, _shown_token(token))

    def revoke_token(self, token: ApiToken) -> None:
        """Revokes a token."""
        if self.accounts.remove_token(token.id):
            self._record("token.revoke", f"user:{token.user}", _shown_token(token), None)

    def _user(self, name: str) -> User:
        user = self.accounts.user(name)
        if user is None:
            raise _unknown_user(name)
        return user

    def _keep_an_admin(self, leaving: User) -> None:
        if leaving.role is not Role.ADMIN or leaving.disabled:
            return
        others = [user for user in self.accounts.users() if user.name != leaving.name]
        if not any(user.role is Role.ADMIN and not user.disabled for user in others):
            raise StoreError(
                f"user {leaving.name!r} is the only admin; nothing was changed", hint="make another user admin first"
            )

    def _record(self, action: str, subject: str, before: JsonDict | None, after: JsonDict | None) -> None:
        record_change(self.accounts, self.actor, Change(action, subject, before, after), self.clock())


def check_user_name(name: str) -> None:
    """Raises FieldError if no user can have this name."""
    if re.fullmatch(USER_NAME_PATTERN.strip("^$"), name) is None:
        raise FieldError("name", f"{shown(name)}: expected up to 63 of a-z, 0-9 and '._-', a letter or digit first")


def _unknown_user(name: str) -> NotFoundError:
    return NotFoundError(f"no user {shown(name)}")


def _shown(user: User) -> JsonDict:
    return {"role": user.role.value, "disabled": user.disabled, "login_by_password": user.password_hash is not None}


def _shown_token(token: ApiToken) -> JsonDict:
    return {"token": token.id[:12], "label": token.label, "role": token.role.value, "expires_at": token.expires_at}
