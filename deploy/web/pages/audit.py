"""The page of the audit, and the same as CSV."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.auth.roles import Admin
from tansaku.deploy.web.pages.formats import plain
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import AuditEntry
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.tasks.read.views.events import text_of

router = APIRouter(prefix="/audit")

_SHOWN = 100
_IN_CSV = 10_000


@dataclass(frozen=True)
class Selection:
    """Filter of the listed entries.

    Attributes:
        actor: Of this user; empty: of all.
        subject: On this subject, such as ``campaign:NAME``; empty: on all.
    """

    actor: Annotated[str, Query(max_length=64)] = ""
    subject: Annotated[str, Query(max_length=300)] = ""

    def read(self, request: Request, limit: int, before: str | None) -> list[AuditEntry]:
        """Entries, the newest first."""
        accounts = services_of(request).accounts
        return accounts.audit(
            before=before, limit=limit, actor=self.actor.strip() or None, subject=self.subject.strip() or None
        )


Selected = Annotated[Selection, Depends(Selection)]


@router.get("")
def audit_page(
    request: Request, _: Admin, selection: Selected, before: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """Lists who changed what, when and from where."""
    entries = selection.read(request, _SHOWN + 1, before)
    shown = entries[:_SHOWN]
    query = {"actor": selection.actor, "subject": selection.subject}
    content = {
        "entries": [_line(entry) for entry in shown],
        "selection": selection,
        "older": urlencode(query | {"before": shown[-1].id}) if len(entries) > _SHOWN else None,
        "csv": urlencode(query),
        "first": before is None,
    }
    return render(request, "audit.html", content)


@router.get(".csv")
def audit_csv(request: Request, _: Admin, selection: Selected) -> Response:
    """The newest entries as CSV."""
    lines = [csv_line(("time", "user", "address", "action", "subject", "before", "after"))]
    for entry in selection.read(request, _IN_CSV, None):
        texts = (entry.actor, entry.address, entry.action, entry.subject, _text(entry.before), _text(entry.after))
        lines.append(csv_line((entry.at.isoformat(), *map(plain, texts))))
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Response("".join(lines), media_type="text/csv; charset=utf-8", headers=headers)


def _line(entry: AuditEntry) -> JsonDict:
    """An entry, what it changed in words, and all that it has."""
    before, after = entry.before or {}, entry.after or {}
    # An edit and a retry have their keys or candidates in a payload, beside the id of the command.
    new = after["payload"] if isinstance(after.get("payload"), dict) else after
    changed = [f"{key} {text_of(old)} → {text_of(new.get(key))}" for key, old in before.items() if new.get(key) != old]
    sides = (("before", before), ("after", after))
    details = [(f"{side}: {key}", text_of(value)) for side, data in sides for key, value in data.items()]
    return {"entry": entry, "changed": ", ".join(changed), "details": details}


def _text(data: JsonDict | None) -> str:
    return "" if data is None else json.dumps(data, ensure_ascii=False, default=str)
