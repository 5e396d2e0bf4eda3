"""The page on which campaigns are created."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.campaign_templates import campaign_templates, template_summary
from tansaku.deploy.web import creating
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.checking import Check
from tansaku.deploy.web.copying import copied_spec
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.pages.formats import campaign_address
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import ConfigurationError, TansakuError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.act.commands.create_web import problems_of
from tansaku.tasks.ground.formats.yaml_edit import Value

router = APIRouter(prefix="/new")


FIRST_TEMPLATE = "cu-emt"
_PATIENCE = 120.0
_FIELDS = {
    "name": "Name",
    "seed": "Seed",
    "budget.evaluations": "Budget: evaluations",
    "budget.cost": "Budget: cost",
    "budget.fraction": "Budget: fraction of everything",
    "execution.in_flight": "In flight",
}


@router.get("")
def new_page(request: Request, _: Operator, template: str | None = None, copy: str | None = None) -> Response:
    """Shows a starting spec: a template, or a copy of a campaign."""
    services = services_of(request)
    shown = template or (None if copy else FIRST_TEMPLATE)
    return _page(request, services, _start(services, template, copy), {"template": shown, "copy": copy})


@router.post("")
async def new_form(request: Request, actor: Operator) -> Response:
    """Checks or creates what the form holds, or puts the values of its fields into the text."""
    fields = await form_fields(request)
    return await run_in_threadpool(_answer, request, actor, fields)


def begun(request: Request, services: Services, text: str) -> Response:
    """The page with a text that another form began."""
    return _page(request, services, text, {})


def _answer(request: Request, actor: Actor, fields: Mapping[str, str]) -> Response:
    services, text = services_of(request), fields.get("spec", "").replace("\r\n", "\n")
    action = fields.get("action", "check")
    if action not in ("fields", "check", "create", "run"):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected fields, check, create or run", key="action")
    try:
        if action == "fields":
            text = creating.edit_fields(text, _changes(text, fields))
        elif action == "check":
            begun = services.checks.check(actor, text)
            return _page(request, services, text, {"check": services.checks.find(begun.id, _PATIENCE) or begun})
        else:
            wanted = creating.Creation(text, fields.get("site") or None, action == "run")
            created = creating.create(services, actor, wanted)
            return RedirectResponse(campaign_address(created.record.name), HTTPStatus.SEE_OTHER)
    except ConfigurationError as error:
        return _page(request, services, text, {"problems": problems_of(error), "hint": error.hint}, failed=True)
    except TansakuError as error:
        return _page(request, services, text, {"problems": [{"key": "", "line": None, "message": str(error)}]}, failed=True)
    return _page(request, services, text, {})


def _start(services: Services, template: str | None, copy: str | None) -> str:
    """The starting text."""
    if copy:
        names = services.store.campaign_names()
        if copy not in names:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no campaign {copy!r} is stored", key="copy")
        return copied_spec(services.store.campaign(copy), set(names))
    templates = campaign_templates()
    if template and template not in templates:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no template {template!r}", key="template")
    return templates[template or FIRST_TEMPLATE].read_text(encoding="utf-8")


def _changes(text: str, fields: Mapping[str, str]) -> dict[str, Value]:
    """Values of the fields that differ from the text."""
    before = creating.field_values(text)
    changes = {key: _value(key, fields[key].strip()) for key in creating.SPEC_FIELDS if key in fields}
    return {key: value for key, value in changes.items() if value != before[key]}


def _value(key: str, text: str) -> Value:
    if key == "name" or not text:
        return text or None
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{text!r} is not a number", key=key)


def _page(request: Request, services: Services, text: str, content: Mapping[str, object], *, failed: bool = False) -> Response:
    shown: JsonDict = {
        "text": text,
        "fields": [{"key": key, "title": title, "value": value} for key, title, value in _shown_fields(text)],
        "templates": {name: template_summary(entry) for name, entry in campaign_templates().items()},
        "names": services.store.campaign_names(),
        "sites": services.site_names,
        "files": services.library.files(),
        "page": secrets.token_hex(8),
        "check": None,
        "problems": (),
        "hint": None,
        "template": None,
        "copy": None,
        **content,
    }
    found = shown["check"]
    if isinstance(found, Check):
        shown["problems"] = found.problems
    return render(request, "new.html", shown, status=HTTPStatus.UNPROCESSABLE_ENTITY if failed else HTTPStatus.OK)


def _shown_fields(text: str) -> list[tuple[str, str, Value]]:
    try:
        values = creating.field_values(text)
    except ConfigurationError:
        values = dict.fromkeys(creating.SPEC_FIELDS)
    return [(key, title, "" if values[key] is None else values[key]) for key, title in _FIELDS.items()]
