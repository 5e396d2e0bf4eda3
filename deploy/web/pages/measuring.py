"""The page on which people see what to measure next and report values."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import measuring, steering
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import new_key
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.formats import campaign_address
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.adoption import ADOPTED
from tansaku.models.domain.report_columns import VALUE
from tansaku.models.domain.wording import names_unit, titled
from tansaku.tasks.act.checks.rights import may_steer
from tansaku.tasks.act.measurements.history import reported_history
from tansaku.tasks.act.measurements.report_file import Report, read_report, report_of
from tansaku.tasks.act.measurements.stored_commands import OpenedCampaign, open_manual
from tansaku.tasks.act.measurements.waiting import Asked, asked_now, waiting_proposals
from tansaku.tasks.ground.formats.workbook import write_workbook

router = APIRouter(prefix="/campaigns")


_LONGEST = 1500  # characters of an address
_MOST_CONDITIONS = 12  # with more of them a card would be a long form; such a report is pasted as a table
_MOST_CARDS = 100
_MOST_LISTED = 500  # candidates of which somebody may choose another one; more are named in a table
_MOST_REPORTED = 12
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/{name}/measurements")
def measurements_page(request: Request, actor: Viewer, name: str, said: str = "") -> Response:
    """Shows the proposals that wait for values, with fields for these."""
    return _measurements(request, actor, name, said)


@router.get("/{name}/measurements.csv")
def table_to_fill_in(request: Request, _: Viewer, name: str) -> Response:
    """The waiting proposals as a CSV to be filled in."""
    asked = waiting_proposals(services_of(request).store, name)
    return Response(asked.to_csv(), media_type="text/csv; charset=utf-8", headers=_attached(f"{name}.csv"))


@router.get("/{name}/measurements.xlsx")
def workbook_to_fill_in(request: Request, _: Viewer, name: str) -> Response:
    """The waiting proposals as an Excel workbook to be filled in."""
    asked = waiting_proposals(services_of(request).store, name)
    return Response(write_workbook(asked.rows(named=True)), media_type=_WORKBOOK, headers=_attached(f"{name}.xlsx"))


def _attached(file: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file}"'}


def _measurements(request: Request, actor: Actor, name: str, said: str = "", refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    opened = open_manual(services.store, name)
    asked = asked_now(services.store, opened)
    waiting, history = asked.waiting[:_MOST_CARDS], reported_history(opened, _MOST_REPORTED)
    shown = {"", "count", "table", *(f"proposal-{item.number}" for item in waiting)}
    shown |= {f"correct-{item.number}" for item in history}
    content = {
        "asked": asked,
        "title": titled(opened.spec.objective.property or VALUE),
        "waiting": waiting,
        "history": history,
        "reported": sum(item.outcome is not None for item in opened.evaluations) - (known := _known(opened)),
        "known": known,
        "elsewhere": refused.form.id not in shown,
        "units": _units(asked),
        "editable": asked.described if len(asked.described) <= _MOST_CONDITIONS else (),
        "listed": _listed(opened, asked),
        "created": opened.record.created_at.isoformat(),
        "said": said[:_LONGEST],
        "may_tell": may_steer(services.accounts, actor, opened.record),
        "why_not": "you see it by a link" if actor.campaign else steering.why_not(actor, opened.record),
        "address": campaign_address(name),
        "key": new_key,
        "refused": refused,
    }
    return render(request, "measurements.html", content)


def _known(opened: OpenedCampaign) -> int:
    """Number of values that were known before the campaign: nobody has reported them here."""
    return sum(item.outcome is not None and ADOPTED in item.outcome.properties for item in opened.evaluations)


def _units(asked: Asked) -> dict[str, str]:
    """Units of the conditions; a column of a table may have it in its name already."""
    found = ((item.name, item.unit) for item in asked.described)
    return {name: unit for name, unit in found if unit and unit != "1" and not names_unit(name)}


def _listed(opened: OpenedCampaign, asked: Asked) -> list[str]:
    """Candidates that somebody may have measured instead; none where only conditions tell them apart, or there are too many."""
    ids = () if asked.drawn else opened.space.pool().ids
    return [str(name) for name in ids] if len(ids) <= _MOST_LISTED else []


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
        return _back(name, f"proposal {number} is skipped")
    count = _whole(sent.text("count"), "count")
    measuring.ask(sent.services, sent.actor, name, count, key, values_only="values" in sent.fields)
    return _back(name, f"asked for {count}; the service proposes")


def _reported(sent: Sent) -> Form:
    if "csv" in sent.fields:
        return Form("table", sent.fields, other="csv")
    numbers = {field.split("-")[1] for field in sent.fields if "-" in field}
    if len(numbers) != 1:
        return Form("rows", sent.fields)
    (number,) = numbers
    corrects = sent.fields.get(f"status-{number}") == "correction"
    return Form(f"{'correct' if corrects else 'proposal'}-{number}", sent.fields)


@forms.post("/{name}/tells", _reported)
def tell(sent: Sent) -> str:
    """Stores the values of a form: of its rows, or of the table that was pasted."""
    confirmed = sent.fields.get("confirm") != ""  # it is empty where the form can be shown again with what is surprising
    report, key = _report(sent.fields), sent.text("key")
    receipt, _ = measuring.tell(sent.services, sent.actor, sent.at(), report, key, confirmed=confirmed)
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
