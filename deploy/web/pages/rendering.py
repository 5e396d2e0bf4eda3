"""Renders pages from templates; everything in them is escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from tansaku import __version__
from tansaku.deploy.web.pages.formats import FILTERS, aligned, campaign_address, share, sparkline
from tansaku.deploy.web.pages.refused import NOTHING
from tansaku.deploy.web.scripts import address_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.rooms import pages
from tansaku.models.domain.specs.objective import GoalBase
from tansaku.models.domain.wording import known_already

_WEB = Path(__file__).parents[1]


@dataclass(frozen=True)
class Entry:
    """An entry of the navigation.

    Attributes:
        title: Shown.
        path: Of the page; the entry is shown when the application has it.
        role: The lowest role that may see the page.
    """

    title: str
    path: str
    role: Role = Role.VIEWER


def navigation() -> tuple[Entry, ...]:
    """All entries, those of rooms and plug-ins among them."""
    return (
        Entry("Campaigns", "/"),
        Entry("New", "/new", Role.OPERATOR),
        Entry("Projects", "/projects"),
        Entry("Search", "/search"),
        Entry("Models", "/models"),
        Entry("Queue", "/queue"),
        Entry("Schedules", "/schedules"),
        *(Entry(page.title, page.path, page.role) for page in pages().values() if not page.view),
        Entry("Files", "/files"),
        Entry("Audit", "/audit", Role.ADMIN),
        Entry("Admin", "/admin", Role.ADMIN),
    )


def pages_of(goal: GoalBase, name: str) -> tuple[Entry, ...]:
    """Pages of rooms and plug-ins about a campaign."""
    about = [page for page in pages().values() if page.view and page.view == goal.view]
    return tuple(Entry(page.title, page.path.replace("{name}", quote(name)), page.role) for page in about)


class Renderer:
    """Templates with the navigation of an application.

    Args:
        paths: Of the application's routes.
    """

    def __init__(self, paths: Collection[str]) -> None:
        self._entries = tuple(entry for entry in navigation() if entry.path in paths)
        self._environment = _environment(tuple((name, page_folder(name, "templates")) for name in pages()))

    def text(self, request: Request, template: str, content: Mapping[str, object]) -> str:
        """The text of a page or of a part of it.

        Args:
            template: Name of a file.
            content: Content of the template, besides that of every page.
        """
        actor: Actor | None = getattr(request.state, "actor", None)
        user = None if actor is None or actor.campaign is not None else actor  # a guest has no other pages
        only: str | None = getattr(request.state, "only_campaign", None)
        shared = {
            "actor": actor,
            "home": "/" if only is None else campaign_address(only),
            "form_token": getattr(request.state, "form_token", None),
            "here": request.url.path,
            "navigation": [] if user is None else [entry for entry in self._entries if user.may(entry.role)],
            "version": __version__,
            "refused": NOTHING,
        }
        return self._environment.get_template(template).render({**shared, **content})


@cache
def _environment(folders: tuple[tuple[str, Path], ...]) -> Environment:
    """The templates with those of pages in other folders. Applications of one process share them: compiling takes long."""
    others = PrefixLoader({name: FileSystemLoader(folder) for name, folder in folders})
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(_WEB / "templates"), others]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        static=static_address,
        together=address_of,
        campaign_address=campaign_address,
        known_already=known_already,
        pages_of=pages_of,
        share=share,
        aligned=aligned,
        sparkline=sparkline,
    )
    environment.filters |= FILTERS
    return environment


def render(request: Request, template: str, content: Mapping[str, object], *, status: int = 200) -> HTMLResponse:
    """A page or a part of a page as an answer.

    Args:
        template: Name of a file.
        content: Content of the template, besides that of every page.
    """
    return HTMLResponse(renderer_of(request).text(request, template, content), status)


def renderer_of(request: Request) -> Renderer:
    """The templates of the application that a request came to."""
    renderer = request.app.state.renderer
    assert isinstance(renderer, Renderer)
    return renderer


def page_folder(name: str, kind: str) -> Path:
    """Folder of a page of a room or a plug-in.

    Args:
        kind: ``templates`` or ``static``.
    """
    return Path(str(files(pages()[name].package))) / kind


@cache
def static_address(name: str) -> str:
    """Address of a static file, which changes with its content: browsers may keep it.

    Args:
        name: Path below the folder of static files; ``PAGE/FILE`` of a page of a room or a plug-in.
    """
    page, _, file = name.partition("/")
    path = page_folder(page, "static") / file if page in pages() else _WEB / "static" / name
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"
