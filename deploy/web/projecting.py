"""Projects as their members see and change them: who may, and what a quota refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from pydantic import AwareDatetime

from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import NotFoundError, TansakuError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.projects import Member, Project, Quota
from tansaku.models.domain.records import CampaignRecord, Record
from tansaku.models.domain.roles import ProjectRole
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.verbs import PROJECT_VERBS, ProjectKind
from tansaku.tasks.act.checks.quota import Quotas, Taken, raised, refuse
from tansaku.tasks.act.checks.rights import may_own
from tansaku.tasks.act.checks.sight import has_role, project_role, sees_project
from tansaku.tasks.act.commands.projects import ProjectChanges
from tansaku.tasks.backends.stores.campaigns import awaited_spec, stored_spec

_LONGEST_VERSION = 16


class ProjectView(Record):
    """A project as a user sees it.

    Attributes:
        role: Of the user in it; None: the user is no member.
        used: The part of the quota that its campaigns have; None where it has no quota.
        campaigns: Names, sorted.
    """

    name: str
    private: bool
    role: ProjectRole | None
    members: tuple[Member, ...]
    notes: str
    tags: tuple[str, ...]
    quota: Quota
    used: Taken | None
    campaigns: tuple[str, ...]
    created_at: AwareDatetime


def view(services: Services, actor: Actor, project: Project) -> ProjectView:
    """A project as an actor sees it."""
    shown = project.model_dump(include=set(ProjectView.model_fields) - {"role", "used", "campaigns"})
    return ProjectView(
        role=project_role(services.accounts, actor, project),
        used=quotas(services).taken(project) if project.quota else None,
        campaigns=tuple(sorted(campaigns_of(services, project))),
        **shown,
    )


def campaigns_of(services: Services, project: Project) -> set[str]:
    """Names of the campaigns of a project, also of those that cannot be read."""
    placed = services.accounts.placed_in([project.name])
    found = set()
    for name in services.store.campaign_names() if placed else ():
        with suppress(NotFoundError):
            if services.store.campaign_id(name) in placed:
                found.add(name)
    return found


def seen_place(services: Services, actor: Actor, name: str) -> str | None:
    """Name of the project of a campaign; None where it has none, or one that the actor may not see."""
    found = services.accounts.project_of(services.store.campaign_id(name))
    project = None if found is None else services.accounts.project(found)
    return found if project is not None and sees_project(services.accounts, actor, project) else None


def tags_of(services: Services, project: str) -> tuple[str, ...]:
    """Tags of a project; none where it is gone."""
    found = services.accounts.project(project)
    return () if found is None else found.tags


def version_of(text: str) -> int:
    """The version that a form or a header names; -1: none that a project can have."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < _LONGEST_VERSION else -1


def changes(services: Services, actor: Actor) -> ProjectChanges:
    """Changes of projects by an actor."""
    return ProjectChanges(services.accounts, actor, services.clock)


def quotas(services: Services) -> Quotas:
    """Accounts for the quotas."""
    return Quotas(services.accounts, services.store, services.readings)


def seen_projects(services: Services, actor: Actor) -> list[Project]:
    """Projects that an actor may see, by name."""
    return [project for project in services.accounts.projects() if sees_project(services.accounts, actor, project)]


def seen_project(services: Services, actor: Actor, name: str) -> Project:
    """A project. Raises NotFoundError if there is none, or the actor may not see it."""
    project = services.accounts.project(name)
    if project is None or not sees_project(services.accounts, actor, project):
        raise NotFoundError(f"no project {shown(name)}")
    return project


def open_projects(services: Services, actor: Actor) -> list[str]:
    """Names of the projects into which an actor may put campaigns."""
    if not actor.may(Role.OPERATOR):
        return []
    return [project.name for project in services.accounts.projects() if may(services, actor, project, "move")]


def may(services: Services, actor: Actor, project: Project, kind: ProjectKind) -> bool:
    """Returns whether an actor may do something to a project."""
    role, needed = project_role(services.accounts, actor, project), PROJECT_VERBS[kind].role
    if needed is None:
        return actor.may(Role.ADMIN)
    return role is not None and role.includes(needed)


def allowed(services: Services, actor: Actor, name: str, kind: ProjectKind) -> Project:
    """A project to which an actor may do something.

    Raises:
        NotFoundError: As of :func:`seen_project`.
        ForbiddenError: The actor may not.
    """
    project = seen_project(services, actor, name)
    if not may(services, actor, project, kind):
        needed = PROJECT_VERBS[kind].role
        who = "an admin of the dashboard" if needed is None else f"its {needed.value}s"
        raise ForbiddenError(f"this needs {who}: {PROJECT_VERBS[kind].does}")
    return project


def move(services: Services, actor: Actor, name: str, project: str | None) -> None:
    """Puts a campaign into a project, or takes it out of its own; repeating it changes nothing.

    Args:
        project: Its new project; None: none.

    Raises:
        NotFoundError: There is no such campaign or project.
        ForbiddenError: The actor may not move the campaign, or is no operator of the new project.
        InvalidSpecError: Its budget is beyond what is left of the project's quota.
    """
    record = services.store.campaign(name)
    if not may_move(services, actor, record):
        raise ForbiddenError("only admins, who created a campaign, and owners of its project may move it")
    if project is None:
        changes(services, actor).move(record, None)
        return
    target = allowed(services, actor, project, "move")
    with services.granting:
        refuse(quotas(services).problems(target, record, awaited_spec(record).budget))
        changes(services, actor).move(record, project)


def movable_to(services: Services, actor: Actor, project: Project) -> list[str]:
    """Names of the campaigns that an actor may put into a project, by name."""
    if not may(services, actor, project, "move"):
        return []
    inside, found = campaigns_of(services, project), []
    for name in services.sight(actor).names():
        with suppress(TansakuError):  # a campaign that cannot be read stays where it is
            if name not in inside and may_move(services, actor, services.store.campaign(name)):
                found.append(name)
    return sorted(found)


def may_move(services: Services, actor: Actor, record: CampaignRecord) -> bool:
    """Returns whether an actor may move a campaign."""
    owns = may_own(services.accounts, actor, record)
    return owns or (actor.may(Role.OPERATOR) and has_role(services.accounts, actor, record.id, ProjectRole.OWNER))


def project_of_copy(services: Services, actor: Actor, record: CampaignRecord) -> str:
    """Name of the project that a copy of a campaign is put into; empty: none. What is private stays in its project."""
    name = services.accounts.project_of(record.id)
    project = None if name is None else services.accounts.project(name)
    return project.name if project is not None and (project.private or may(services, actor, project, "move")) else ""


def placing(services: Services, actor: Actor, project: str) -> Callable[[CampaignRecord], AbstractContextManager[None]]:
    """Puts a new campaign into a project before it is stored, so that nobody else ever sees it.

    Raises:
        NotFoundError, ForbiddenError: As of :func:`allowed`.
    """
    target = allowed(services, actor, project, "move")

    @contextmanager
    def place(record: CampaignRecord) -> Iterator[None]:
        with services.granting:
            refuse(quotas(services).problems(target, record, stored_spec(record).budget))
            changes(services, actor).move(record, project)
            yield

    return place


@contextmanager
def granted_edit(services: Services, record: CampaignRecord, after: BudgetSpec) -> Iterator[None]:
    """Lets an edit of a campaign's budget be stored where its project's quota allows it; meanwhile no other is granted.

    Raises:
        InvalidSpecError: It asks for more than is left.
    """
    with services.granting:
        name = services.accounts.project_of(record.id)
        project = None if name is None else services.accounts.project(name)
        if project is not None:
            refuse(raised(quotas(services).problems(project, record, after), awaited_spec(record).budget, after))
        yield


def refuse_over_quota(services: Services, record: CampaignRecord) -> None:
    """Raises InvalidSpecError where a campaign may not run because of its project's quota."""
    refuse(quotas(services).problems_now(record))
