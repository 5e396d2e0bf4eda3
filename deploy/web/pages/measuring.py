"""The page on which people see what to measure next and report values."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import measuring
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import new_key
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.formats import campaign_address
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.tasks.act.checks.rights import may_steer
from tansaku.tasks.act.measurements.report_file import Report, read_report, report_of
from tansaku.tasks.act.measurements.waiting import waiting_proposals

router = APIRouter(prefix="/campaigns")


_LONGEST = 1500  # characters of an address
MOST_FIELDS = 900  # of all rows: a form has a limit of fields
_MOST_CONDITIONS = 12  # with more of them too few rows would be shown; such a report is pasted as a table
_FIELDS = 3  # of a row, besides those of measured quantities: deviation, status, note


@router.get("/{name}/measurements")
def measurements_page(request: Request, actor: Viewer, name: str, said: str = "") -> Response:
    """Shows the proposals that wait for values, with fields for these."""
    return _measurements(request, actor, name, said)


def _measurements(request: Request, actor: Actor, name: str, said: str = "", refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    asked = waiting_proposals(services.store, name)
    conditions = asked.conditions if len(asked.conditions) <= _MOST_CONDITIONS else ()
    content = {
        "asked": asked,
        "waiting": asked.waiting[: MOST_FIELDS // (len(asked.measured) + _FIELDS + len(conditions))],
        "conditions": conditions,
        "columns": list(dict.fromkeys(column for item in asked.waiting for column in item.cells)),
        "said": said[:_LONGEST],
        "may_tell": may_steer(services.accounts, actor, services.store.campaign(name).steerers),
        "address": campaign_address(name),
        "key": new_key,
        "refused": refused,
    }
    return render(request, "measurements.html", content)


forms = Forms(router, Role.OPERATOR, lambda sent, refused: _measurements(sent.request, sent.actor, sent.at(), "", refused))


def _asked(sent: Sent) -> Form:
    field = "release" if "release" in sent.fields else "count"
    return Form(field, sent.fields, other=field)


@forms.post("/{name}/asks", _asked)
def ask(sent: Sent) -> str:
    """Asks for proposals, or releases one, as a form says."""
    name, key = sent.at(), sent.text("key")
    if "release" in sent.fields:
        number = _whole(sent.text("release"), "release")
        measuring.release(sent.services, sent.actor, name, [number], key)
        return _back(name, f"proposal {number} is released")
    count = _whole(sent.text("count"), "count")
    measuring.ask(sent.services, sent.actor, name, count, key, values_only="values" in sent.fields)
    return _back(name, f"asked for {count}; the service proposes")


def _reported(sent: Sent) -> Form:
    return Form("table", sent.fields, other="csv") if "csv" in sent.fields else Form("rows", sent.fields)


@forms.post("/{name}/tells", _reported)
def tell(sent: Sent) -> str:
    """Stores the values of a form: of its rows, or of the table that was pasted."""
    receipt, _ = measuring.tell(sent.services, sent.actor, sent.at(), _report(sent.fields), sent.text("key"))
    return _back(sent.at(), receipt.describe())


def _report(fields: Mapping[str, str]) -> Report:
    """The values of a form's rows, or of the table that was pasted."""
    if fields.get("csv", "").strip():
        return read_report(fields["csv"].encode(), "the table")
    rows: dict[str, dict[str, str]] = {}
    for field, text in fields.items():
        kind, _, about = field.partition("-")
        number, _, column = about.partition("-")
        row = rows.setdefault(number, {"number": number}) if number else {}
        if not column:
            row[kind] = text
        elif kind == "done" and text.strip():  # conditions only where they differ from the proposal's
            row[column] = text
    return report_of([rows[number] for number in sorted(rows)])


def _whole(text: str, key: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{text!r} is not a whole number", key=key)
    return int(text)


def _back(name: str, said: str) -> str:
    return f"{campaign_address(name)}/measurements?{urlencode({'said': said[:_LONGEST]})}"
