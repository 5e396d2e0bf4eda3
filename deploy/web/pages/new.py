"""The page on which campaigns are created: a form and the text of a spec beside it, in step."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from importlib.resources import as_file
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.campaign_templates import campaign_templates, template_files, template_space, template_summary
from tansaku.deploy.web import creating, projecting
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.checking import Check
from tansaku.deploy.web.completing import without_gaps
from tansaku.deploy.web.copying import copied_spec, free_name
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.pages.formats import campaign_address
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.deploy.web.spec_forms.experiment import EARLIER, earlier_report
from tansaku.deploy.web.spec_forms.fields import found as found_at
from tansaku.deploy.web.spec_forms.known import known_forms
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.deploy.web.spec_forms.stepping import Beside, beside, step
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import ConfigurationError, SpecChangedError, SpecProblem, TansakuError
from tansaku.models.domain.library import LibraryFile, kind_of
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import NamesFile
from tansaku.models.domain.wording import counted
from tansaku.tasks.act.checks.check import SystemSize
from tansaku.tasks.act.checks.policy import library_file
from tansaku.tasks.act.commands.create_web import problems_of
from tansaku.tasks.backends.stores.campaigns import stored_spec

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

router = APIRouter(prefix="/new")


FIRST_TEMPLATE = "cu-emt"
_PATIENCE = 120.0
_PAGE_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_SHOWN_SYSTEMS = 60


@router.get("")
def new_page(
    request: Request, actor: Operator, template: str | None = None, copy: str | None = None, project: str = ""
) -> Response:
    """Shows a starting spec: a template, or a copy of a campaign."""
    services = services_of(request)
    services.desk.sandbox.prepare()
    shown = template or (None if copy else FIRST_TEMPLATE)
    text = _start(services, actor, template, copy)
    chosen = {"template": shown, "copy": copy, "project": _project_of(services, project, copy)}
    return _page(request, beside(text, _shelf(services, actor)), chosen)


@router.get("/{kind}")
def form_page(request: Request, actor: Operator, kind: str) -> Response:
    """Shows a form, with the spec that it begins with."""
    form = known_forms().get(kind)
    if form is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "no such form", key="kind")
    services = services_of(request)
    services.desk.sandbox.prepare()
    shown = beside(_named_freely(services, form.start), _shelf(services, actor))
    return _page(request, shown, {"begun": form, "untouched": True})


@router.post("")
async def new_form(request: Request, actor: Operator) -> Response:
    """Checks or creates what text and form hold."""
    fields = await form_fields(request)
    return await run_in_threadpool(_answer, request, actor, fields)


def _answer(request: Request, actor: Actor, fields: Mapping[str, str]) -> Response:
    services, text = services_of(request), fields.get("spec", "").replace("\r\n", "\n")
    action = fields.get("action", "check")
    if action not in ("template", "check", "complete", "create", "run"):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected template, check, complete, create or run", key="action")
    if action == "template":
        return _with_files(services, actor, fields.get("template", ""))
    shelf, project, site = _shelf(services, actor), fields.get("project", ""), fields.get("site")

    def page(shown: Beside, content: Mapping[str, object], *, failed: bool) -> Response:
        return _page(request, shown, {"project": project, "chosen_site": site, **content}, failed=failed)

    try:
        shown = step(fields, text, fields.get("shown", text).replace("\r\n", "\n"), shelf)
    except ConfigurationError as error:
        return page(beside("", shelf), {"text": text, "problems": problems_of(error)}, failed=True)
    if action == "complete":
        return _completed(services, actor, shown, page, fields)
    if action == "check" or shown.refused:
        content = {"check": _checked(services, actor, shown.text, fields), "taken": _taken(services, shown.data)}
        return page(shown, content, failed=action != "check")
    try:
        earlier = shown.values.get(EARLIER, "").strip()
        report = earlier_report(earlier, shown.data) if earlier else None
        wanted = creating.Creation(shown.text, site or None, action == "run", project=project, earlier=report)
        created = creating.create(services, actor, wanted)
        if not created.new:
            return RedirectResponse(f"{campaign_address(created.record.name)}?known=true", HTTPStatus.SEE_OTHER)
        page_of = "/measurements" if action == "run" and stored_spec(created.record).manual else ""
        return RedirectResponse(campaign_address(created.record.name) + page_of, HTTPStatus.SEE_OTHER)
    except SpecChangedError as error:
        return page(shown, {"taken": _taken(services, shown.data) or problems_of(error)}, failed=True)
    except ConfigurationError as error:
        return page(shown, {"problems": problems_of(error), "hint": error.hint}, failed=True)
    except TansakuError as error:
        return page(shown, {"problems": [SpecProblem("", None, str(error))]}, failed=True)


def _with_files(services: Services, actor: Actor, name: str) -> Response:
    """Shows a template after its files were put into the library, unless the user has files of their names there."""
    template = _template(name)
    for file, entry in template_files(template).items():
        kind = kind_of(file)
        if kind is None or isinstance(library_file(file, NamesFile(kind), services.library, actor.name), LibraryFile):
            continue
        with as_file(entry) as path:
            services.uploads.add(actor, file, path)
    return RedirectResponse(f"/new?template={name}", HTTPStatus.SEE_OTHER)


def _template(name: str) -> Traversable:
    templates = campaign_templates()
    if name not in templates:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no template {name!r}", key="template")
    return templates[name]


def _completed(
    services: Services,
    actor: Actor,
    shown: Beside,
    page: Callable[..., Response],
    fields: Mapping[str, str],
) -> Response:
    """The page with a table that lacks the rows with an empty cell."""
    try:
        text, said = without_gaps(services, actor, shown.text, shown.data)
    except TansakuError as error:
        return page(shown, {"problems": [SpecProblem("space.candidates", None, error.message)]}, failed=True)
    after = beside(text, _shelf(services, actor))
    return page(after, {"check": _checked(services, actor, text, fields), "left_out": said}, failed=False)


def _checked(services: Services, actor: Actor, text: str, fields: Mapping[str, str]) -> Check:
    """The check of a text; one that still runs where a script waits and will ask again."""
    page = fields.get("page", "") if fields.get("script") else ""
    begun = services.checks.ask(actor, text, page=page if _PAGE_ID.fullmatch(page) else None)
    return services.checks.find(begun.id, 2.0 if fields.get("script") else _PATIENCE) or begun


def _shelf(services: Services, actor: Actor) -> Shelf:
    return Shelf(services.library, services.artifacts, actor.name)


def _project_of(services: Services, project: str, copy: str | None) -> str:
    """The project that is chosen at first: that of the campaign that is copied."""
    return services.accounts.project_of(services.store.campaign_id(copy)) or "" if copy else project


def _start(services: Services, actor: Actor, template: str | None, copy: str | None) -> str:
    """The starting text."""
    if copy:
        names = services.store.campaign_names()
        if copy not in names or not services.sight(actor).sees(copy):
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no campaign {copy!r} is stored", key="copy")
        return copied_spec(services.store.campaign(copy), set(names))
    return _named_freely(services, _template(template or FIRST_TEMPLATE).read_text(encoding="utf-8"))


def _named_freely(services: Services, text: str) -> str:
    """A text to start from, under a name that no campaign has yet."""
    name, names = creating.field_values(text)["name"], set(services.store.campaign_names())
    return creating.edit_fields(text, {"name": free_name(str(name), names)}) if name in names else text


def _taken(services: Services, data: JsonDict) -> list[SpecProblem]:
    """The problem that a campaign has the name of a spec already; empty: the name is free."""
    name, names = found_at(data, ("name",)), set(services.store.campaign_names())
    if not isinstance(name, str) or name not in names:
        return []
    return [SpecProblem("name", None, f"there is a campaign {name!r}; choose another name, such as {free_name(name, names)}")]


def _page(request: Request, shown: Beside, content: Mapping[str, object], *, failed: bool = False) -> Response:
    services, actor = services_of(request), request.state.actor
    given: JsonDict = {
        "text": shown.text,
        "beside": shown,
        "forms": known_forms(),
        "templates": _templates(),
        "names": services.sight(actor).names(),
        "projects": projecting.open_projects(services, actor),
        "project": "",
        "chosen_site": None,
        "sites": services.site_names,
        "page": secrets.token_hex(8),
        "check": None,
        "problems": (),
        "taken": (),
        "hint": None,
        "left_out": "",
        "template": None,
        "copy": None,
        "begun": None,
        "untouched": failed,  # no check takes the place of the reason why nothing was created
        "not_created": failed,
        "shown_systems": _SHOWN_SYSTEMS,
        "meant": _meant,
        **content,
    }
    found = given["check"]
    if isinstance(found, Check):
        given["problems"] = found.problems
    given["problems"] = [*given["taken"], *given["problems"]]
    given["problems"] = shown.in_words(given["problems"])
    gaps = (problem.key.startswith("space.") and " is empty" in problem.message for problem in given["problems"])
    given["gaps"] = found_at(shown.data, ("space", "type")) == "table" and any(gaps)
    given["wrong"] = shown.problems_by_field(given["problems"])
    return render(request, "new.html", given, status=HTTPStatus.UNPROCESSABLE_ENTITY if failed else HTTPStatus.OK)


def _templates() -> dict[str, dict[str, str]]:
    """First lines of the templates by name, under the title of their form; those without a form come last."""
    titles = {form.space: form.title for form in known_forms().values()}
    found: dict[str, dict[str, str]] = {title: {} for title in (*titles.values(), "Others")}
    for name, entry in campaign_templates().items():
        found[titles.get(template_space(name), "Others")][name] = template_summary(entry)
    return {title: names for title, names in found.items() if names}


def _meant(system: SystemSize) -> str:
    """A search problem in words."""
    given = system.details
    plane = " ".join(map(str, given["plane"])) if isinstance(given.get("plane"), list) else ""
    known = (
        f"Σ{given['sigma']}" if given.get("sigma") else "",
        f"({plane})" if plane else system.system,
        f"{given['angle']:.1f}°" if isinstance(given.get("angle"), float) else "",
    )
    return f"{' '.join(filter(None, known))}: {counted(system.candidates, 'candidate')}"
