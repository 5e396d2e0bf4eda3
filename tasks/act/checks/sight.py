"""Roles in projects, and which campaigns an actor may see: all but those in private projects of others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tansaku.models.domain.accounts import Accounts, Actor, Role
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.projects import Project
from tansaku.models.domain.requests import ServiceRequest
from tansaku.models.domain.roles import ProjectRole


def project_role(accounts: Accounts, actor: Actor, project: Project) -> ProjectRole | None:
    """The role of an actor in a project, None for others.

    Admins have all rights in every project, and viewers at most those of a viewer. A guest sees what the user sees who made the
    link.

    Args:
        accounts: Users.
    """
    if actor.may(Role.ADMIN):
        return ProjectRole.OWNER
    member = project.member(actor.name)
    user = accounts.user(actor.name) if member is not None or actor.campaign is not None else None
    if user is not None and actor.campaign is not None and user.role is Role.ADMIN:
        return ProjectRole.VIEWER
    if member is None or user is None or user.created_at > member.since:
        return None
    return member.role if actor.may(Role.OPERATOR) else ProjectRole.VIEWER


def sees_project(accounts: Accounts, actor: Actor, project: Project) -> bool:
    """Returns whether an actor may see a project."""
    return not project.private or project_role(accounts, actor, project) is not None


def sees_campaign(accounts: Accounts, actor: Actor, campaign: str) -> bool:
    """Returns whether an actor may see the campaign of an id."""
    name = accounts.project_of(campaign)
    project = None if name is None else accounts.project(name)
    return project is None or sees_project(accounts, actor, project)


def has_role(accounts: Accounts, actor: Actor, campaign: str, role: ProjectRole) -> bool:
    """Returns whether an actor has at least a role in the project of a campaign; where it has none, nobody has.

    Args:
        accounts: Users and projects.
        campaign: Its id.
    """
    name = accounts.project_of(campaign)
    project = None if name is None else accounts.project(name)
    found = None if project is None else project_role(accounts, actor, project)
    return found is not None and found.includes(role)


@dataclass(frozen=True)
class Sight:
    """The stored campaigns that an actor may see.

    Attributes:
        accounts: Users and projects.
        actor: Who looks.
    """

    accounts: Accounts
    store: CampaignStore
    actor: Actor

    @cached_property
    def hidden(self) -> frozenset[str]:
        """Ids of the campaigns that the actor may not see."""
        if self.actor.may(Role.ADMIN):
            return frozenset()
        projects = self.accounts.projects()
        closed = [project.name for project in projects if not sees_project(self.accounts, self.actor, project)]
        return self.accounts.placed_in(closed) if closed else frozenset()

    def sees(self, name: str) -> bool:
        """Returns whether no campaign that the actor may not see has a name; the name may be nobody's."""
        try:
            return not self.hidden or self.store.campaign_id(name) not in self.hidden
        except NotFoundError:
            return True

    def check(self, name: str) -> None:
        """Raises NotFoundError, as for a campaign that is not stored, if the actor may not see it."""
        if not self.sees(name):
            raise NotFoundError(f"no campaign {name!r} is stored")

    def names(self) -> list[str]:
        """Names of the campaigns that the actor may see, sorted."""
        return [name for name in self.store.campaign_names() if self.sees(name)]

    def sees_request(self, request: ServiceRequest) -> bool:
        """Returns whether the actor may see a request.

        Where some campaigns are hidden, so are requests of others for campaigns that were deleted: the project of a deleted
        campaign is not known any more.
        """
        if not self.hidden:
            return True
        stored = request.campaign in self.store.campaign_names()
        return self.sees(request.campaign) if stored else request.user == self.actor.name
