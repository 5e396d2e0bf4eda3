"""Changes of projects. Each is in the audit, and repeating it changes nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tansaku.models.domain.accounts import Accounts, Actor
from tansaku.models.domain.errors import FieldError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import is_name, printable, shown
from tansaku.models.domain.projects import (
    LONGEST_NOTES,
    LONGEST_TAG,
    MOST_MEMBERS,
    MOST_TAGS,
    Member,
    Project,
    Quota,
)
from tansaku.models.domain.records import CampaignRecord, JsonDict
from tansaku.models.domain.roles import ProjectRole
from tansaku.models.domain.verbs import ProjectKind
from tansaku.tasks.act.commands.audit import Change, record_change

_TRIES = 5


@dataclass(frozen=True)
class ProjectChanges:
    """Changes of projects by an actor, whose right to do so the caller has checked.

    Attributes:
        accounts: Where they are stored.
        actor: Who makes them.
        clock: Current time.
    """

    accounts: Accounts
    actor: Actor
    clock: Callable[[], datetime]

    def create(self, name: str, *, private: bool, owner: str | None) -> Project:
        """Stores a new project.

        Args:
            name: As names of campaigns.
            private: Whether only members and admins see it.
            owner: Its first member; None: it has none yet.

        Raises:
            FieldError: The name is taken or cannot be one, or the owner is no user.
        """
        if not is_name(name):
            raise FieldError("name", f"{shown(name)}: expected up to 63 of a-z, 0-9 and '-', not '-' first")
        known, now = self.accounts.project(name), self.clock()
        members = () if owner is None else (self._member(owner, ProjectRole.OWNER, now),)
        project = Project(name=name, private=private, members=members, created_by=self.actor.name, created_at=now)
        if known is None:
            if not self.accounts.audit(subject=_subject(name), limit=1):  # a call that was killed may have recorded it
                self._record("create", name, None, {"private": private, "members": _names(members)})
            self.accounts.add_project(project)
            known = self.accounts.project(name)
        if known is None or (known.created_by, known.private) != (self.actor.name, private):
            raise FieldError("name", f"there is a project {name!r} already")
        return known

    def set_member(self, name: str, user: str, role: ProjectRole) -> Project:
        """Adds a member, or gives a member another role.

        Raises:
            NotFoundError: No such project.
            FieldError: No such user, or there are too many.
            StoreError: No owner would be left, or somebody else changes the project at the same time.
        """
        now = self.clock()
        member = self._member(user, role, now)

        def changed(project: Project) -> Project:
            known = project.member(user)
            # A later user of the same name is another one.
            if known is not None and known.since < self._created(user):
                project = project.model_copy(update={"members": project.without_member(user)})
            members = project.with_member(member.user, role, now)
            if len(members) > MOST_MEMBERS:
                raise FieldError("user", f"a project has at most {MOST_MEMBERS} members")
            return _with_owner(project, members)

        return self._change("member", name, changed, lambda project: {"members": _names(project.members)})

    def remove_member(self, name: str, user: str) -> Project:
        """Removes a member. Raises NotFoundError if there is no such project, StoreError as :meth:`set_member`."""
        return self._change(
            "expel",
            name,
            lambda project: _with_owner(project, project.without_member(user)),
            lambda project: {"members": _names(project.members)},
        )

    def set_notes(self, name: str, notes: str, version: int | None = None) -> Project:
        """Replaces the notes.

        Args:
            version: Of the project that the user saw; None: any.

        Raises:
            NotFoundError: No such project.
            FieldError: They are too long.
            StoreError: Somebody else has changed the project in the meantime.
        """
        text = _without_controls(notes.replace("\r\n", "\n")).strip()
        if len(text) > LONGEST_NOTES:
            raise FieldError("notes", f"they have {len(text):,} characters; expected at most {LONGEST_NOTES:,}")

        def changed(project: Project) -> Project:
            if version is not None and version != project.version and text != project.notes:
                raise StoreError("the project was changed in the meantime; look at it again")
            return project.model_copy(update={"notes": text})

        return self._change("notes", name, changed, lambda project: {"notes": project.notes})

    def set_tags(self, name: str, tags: Sequence[str]) -> Project:
        """Replaces the tags. Raises NotFoundError if there is no such project, FieldError for tags that cannot be some."""
        cleaned = tuple(sorted({" ".join(printable(tag).split()) for tag in tags} - {""}))
        if len(cleaned) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in cleaned):
            raise FieldError("tags", f"expected at most {MOST_TAGS} tags of at most {LONGEST_TAG} characters")
        return self._change(
            "tags",
            name,
            lambda project: project.model_copy(update={"tags": cleaned}),
            lambda project: {"tags": list(project.tags)},
        )

    def set_quota(self, name: str, quota: Quota) -> Project:
        """Replaces the quota; what campaigns have already is not taken from them. Raises NotFoundError."""
        return self._change(
            "quota",
            name,
            lambda project: project.model_copy(update={"quota": quota}),
            lambda project: project.quota.model_dump(),
        )

    def set_private(self, name: str, *, private: bool) -> Project:
        """Shows a project to all, or to its members alone. Raises NotFoundError."""
        return self._change(
            "privacy",
            name,
            lambda project: project.model_copy(update={"private": private}),
            lambda project: {"private": project.private},
        )

    def move(self, record: CampaignRecord, project: str | None) -> None:
        """Puts a campaign into a project, or takes it out of its own.

        Args:
            project: Its name; None: none.
        """
        before = self.accounts.project_of(record.id)
        if before == project:
            return
        # The audit of a campaign is seen by those who see the campaign: they need not see this project.
        said: JsonDict = {"campaign": record.name}
        self._record("move", str(project or before), said | {"project": before}, said | {"project": project})
        self.accounts.place_campaign(record.id, project)

    def _change(
        self, kind: ProjectKind, name: str, changed: Callable[[Project], Project], shown_as: Callable[[Project], JsonDict]
    ) -> Project:
        for _ in range(_TRIES):
            before = self.accounts.project(name)
            if before is None:
                raise NotFoundError(f"no project {shown(name)}")
            after = changed(before)
            if after == before:
                return before
            self._record(kind, name, shown_as(before), shown_as(after))
            if self.accounts.replace_project(after):
                return after.model_copy(update={"version": after.version + 1})
        raise StoreError("somebody else changes the project at the same time; try again")

    def _member(self, name: str, role: ProjectRole, now: datetime) -> Member:
        self._created(name)
        return Member(user=name, role=role, since=now)

    def _created(self, name: str) -> datetime:
        user = self.accounts.user(name)
        if user is None:
            raise FieldError("user", f"no user {shown(name)}; an admin adds users on the page Admin")
        return user.created_at

    def _record(self, kind: ProjectKind, name: str, before: JsonDict | None, after: JsonDict) -> None:
        record_change(self.accounts, self.actor, Change(f"project.{kind}", _subject(name), before, after), self.clock())


def _without_controls(text: str) -> str:
    return "".join(sign for sign in text if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs"))


def _subject(name: str) -> str:
    return f"project:{name}"


def _names(members: Sequence[Member]) -> JsonDict:
    return {member.user: member.role.value for member in members}


def _with_owner(project: Project, members: tuple[Member, ...]) -> Project:
    """The project with other members. Raises StoreError if its only owner would be none any more."""
    owned = any(member.role is ProjectRole.OWNER for member in project.members)
    if owned and not any(member.role is ProjectRole.OWNER for member in members):
        raise StoreError(
            "nobody would be left who owns the project; nothing was changed", hint="make another member owner first"
        )
    return project.model_copy(update={"members": members})
