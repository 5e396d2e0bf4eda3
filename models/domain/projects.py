"""Projects: folders of campaigns with members, notes, tags and quotas. A private one is seen by its members alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from tansaku.models.domain.identifiers import NAME_PATTERN
from tansaku.models.domain.records import Record
from tansaku.models.domain.roles import ProjectRole

LONGEST_NOTES = 20_000
"""Characters of a project's notes."""

LONGEST_TAG = 40
MOST_TAGS = 20
MOST_MEMBERS = 200

MostEvaluations = Annotated[int | None, Field(ge=0, le=2**53)]
MostCoreHours = Annotated[float | None, Field(ge=0, le=1e15)]


class Member(Record):
    """A member of a project.

    Attributes:
        since: A user who was added later under the same name is another one.
    """

    user: str
    role: ProjectRole
    since: AwareDatetime


class Quota(Record):
    """Sums of the budgets that the campaigns of a project may have; None: any.

    Attributes:
        evaluations: Number of evaluations.
        core_hours: Computing time [core-hours].
    """

    evaluations: MostEvaluations = None
    core_hours: MostCoreHours = None

    def __bool__(self) -> bool:
        return self.evaluations is not None or self.core_hours is not None


class Project(Record):
    """A folder of campaigns.

    Attributes:
        name: Never changes.
        private: Whether only members and admins see it and its campaigns.
        notes: In Markdown.
        created_by: User who created it.
        version: Number of its changes and 1, by which two changes at once are noticed.
    """

    schema_version: Literal[1] = 1
    name: str = Field(pattern=NAME_PATTERN)
    private: bool = True
    members: tuple[Member, ...] = ()
    notes: str = Field(default="", max_length=LONGEST_NOTES)
    tags: tuple[str, ...] = ()
    quota: Quota = Quota()
    created_by: str
    created_at: AwareDatetime
    version: Annotated[int, Field(ge=1)] = 1

    def member(self, user: str) -> Member | None:
        """Returns a member by the user's name, or None."""
        return next((member for member in self.members if member.user == user), None)

    def with_member(self, user: str, role: ProjectRole, now: AwareDatetime) -> tuple[Member, ...]:
        """Returns the members with a user in a role; one who was a member since keeps that time."""
        known = self.member(user)
        since = now if known is None else known.since
        members = (*self.without_member(user), Member(user=user, role=role, since=since))
        return tuple(sorted(members, key=lambda member: member.user))

    def without_member(self, user: str) -> tuple[Member, ...]:
        """Returns the members without a user."""
        return tuple(member for member in self.members if member.user != user)


class Placement(Record):
    """The project that a campaign belongs to: at most one.

    Attributes:
        campaign: Its id.
        project: Name of the project.
    """

    schema_version: Literal[1] = 1
    campaign: str
    project: str
