"""`tansaku project`: folders of campaigns on the dashboard, with members, notes, tags and a quota."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption, opened
from tansaku.deploy.cli.tables import Cell, show_table
from tansaku.models.domain.verbs import PROJECT_VERBS

if TYPE_CHECKING:
    from tansaku.tasks.act.commands.projects import ProjectChanges

project_app = typer.Typer(
    name="project", help="Projects of the dashboard: folders of campaigns with members and quotas.", no_args_is_help=True
)

# The values of the domain's ProjectRole, which is not imported before a command needs it.
RoleName = Literal["viewer", "operator", "owner"]
ProjectArgument = Annotated[str, typer.Argument(metavar="PROJECT", help="Name of the project.")]
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Name of a user of the dashboard.")]


@project_app.command("list")
def list_projects(site: SiteOption = None) -> None:
    """Lists the projects with their members and what their campaigns have of the quota."""
    from tansaku.tasks.act.checks.quota import Quotas
    from tansaku.tasks.read.views.readings import Readings

    with opened(site) as resources:
        quotas = Quotas(resources.accounts, resources.store, Readings(resources.store))
        rows: list[list[Cell]] = []
        for project in resources.accounts.projects():
            used, quota = quotas.taken(project), project.quota
            rows.append(
                [
                    project.name,
                    project.private,
                    len(resources.accounts.placed_in([project.name])),
                    ", ".join(f"{member.user} ({member.role})" for member in project.members),
                    _share(used.evaluations, quota.evaluations),
                    _share(used.core_hours, quota.core_hours),
                ]
            )
    show_table(["name", "private", "campaigns", "members", "evaluations", "core-hours"], rows)


@project_app.command(help=PROJECT_VERBS["create"].does)
def create(
    project: ProjectArgument,
    *,
    owner: Annotated[str | None, typer.Option("--owner", metavar="USER", help="User who owns it; default: nobody yet.")] = None,
    public: Annotated[bool, typer.Option("--public", help="All users see it, not its members alone.")] = False,
    site: SiteOption = None,
) -> None:
    """Creates a project."""
    with _changes(site) as changes:
        changes.create(project, private=not public, owner=owner)
    say(f"project {project}: created")


@project_app.command(help=PROJECT_VERBS["member"].does)
def member(
    project: ProjectArgument,
    user: UserArgument,
    *,
    role: Annotated[RoleName, typer.Option("--role", help="What the member may do in the project.")] = "viewer",
    site: SiteOption = None,
) -> None:
    """Adds a member, or changes a role."""
    from tansaku.models.domain.roles import ProjectRole

    with _changes(site) as changes:
        changes.set_member(project, user, ProjectRole(role))
    say(f"project {project}: {user} is its {role}")


@project_app.command(help=PROJECT_VERBS["expel"].does)
def expel(project: ProjectArgument, user: UserArgument, site: SiteOption = None) -> None:
    """Removes a member."""
    with _changes(site) as changes:
        changes.remove_member(project, user)
    say(f"project {project}: {user} is no member")


@project_app.command(help=PROJECT_VERBS["notes"].does)
def notes(
    project: ProjectArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Text file in Markdown.")],
    site: SiteOption = None,
) -> None:
    """Replaces the notes."""
    with _changes(site) as changes:
        changes.set_notes(project, file.read_text(encoding="utf-8"))
    say(f"project {project}: notes stored")


@project_app.command(help=PROJECT_VERBS["tags"].does)
def tags(
    project: ProjectArgument,
    names: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="All tags that it is to have.")] = None,
    site: SiteOption = None,
) -> None:
    """Replaces the tags."""
    with _changes(site) as changes:
        changed = changes.set_tags(project, names or ())
    say(f"project {project}: {', '.join(changed.tags) or 'no tags'}")


@project_app.command(help=PROJECT_VERBS["quota"].does)
def quota(
    project: ProjectArgument,
    *,
    evaluations: Annotated[
        int | None, typer.Option("--evaluations", min=0, help="Number of evaluations; default: no limit.")
    ] = None,
    core_hours: Annotated[float | None, typer.Option("--core-hours", min=0, help="Computing time; default: no limit.")] = None,
    site: SiteOption = None,
) -> None:
    """Replaces the quota."""
    from tansaku.models.domain.projects import Quota

    with _changes(site) as changes:
        changes.set_quota(project, Quota(evaluations=evaluations, core_hours=core_hours))
    say(f"project {project}: quota stored")


@project_app.command(help=PROJECT_VERBS["privacy"].does)
def privacy(
    project: ProjectArgument,
    seen_by: Annotated[Literal["members", "all"], typer.Argument(metavar="members|all", help="Who sees it.")],
    site: SiteOption = None,
) -> None:
    """Changes who sees a project."""
    with _changes(site) as changes:
        changes.set_private(project, private=seen_by == "members")
    say(f"project {project}: seen by {seen_by}")


@project_app.command(help=PROJECT_VERBS["move"].does)
def move(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name of the campaign.")],
    project: Annotated[str | None, typer.Argument(metavar="[PROJECT]", help="Its new project; without it: none.")] = None,
    site: SiteOption = None,
) -> None:
    """Moves a campaign."""
    from tansaku.models.domain.errors import NotFoundError
    from tansaku.models.domain.moments import utc_now
    from tansaku.tasks.act.checks.quota import Quotas, refuse
    from tansaku.tasks.act.commands.audit import by_command
    from tansaku.tasks.act.commands.projects import ProjectChanges
    from tansaku.tasks.backends.stores.campaigns import awaited_spec
    from tansaku.tasks.read.views.readings import Readings

    with opened(site) as resources:
        record = resources.store.campaign(campaign)
        if project is not None:
            target = resources.accounts.project(project)
            if target is None:
                raise NotFoundError(f"no project {project!r}", hint="`tansaku project list` shows the projects")
            quotas = Quotas(resources.accounts, resources.store, Readings(resources.store))
            refuse(quotas.problems(target, record, awaited_spec(record).budget))
        ProjectChanges(resources.accounts, by_command(), utc_now).move(record, project)
    say(f"{campaign}: in {'no project' if project is None else f'project {project}'}")


@contextmanager
def _changes(site: Path | None) -> Iterator[ProjectChanges]:
    """Changes by the user who runs the command, whom the database lets in."""
    from tansaku.models.domain.moments import utc_now
    from tansaku.tasks.act.commands.audit import by_command
    from tansaku.tasks.act.commands.projects import ProjectChanges

    with opened(site) as resources:
        yield ProjectChanges(resources.accounts, by_command(), utc_now)


def _share(used: float, most: float | None) -> str:
    return "" if most is None else f"{used:,g} of {most:,g}"
