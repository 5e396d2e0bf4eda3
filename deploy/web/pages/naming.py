"""The forms of a campaign's page that copy or rename it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web import copying, renaming
from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.pages.again import or_again
from tansaku.deploy.web.pages.campaign import show_campaign
from tansaku.deploy.web.pages.formats import campaign_address
from tansaku.deploy.web.pages.refused import Form
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.tasks.ground.formats.yaml_edit import assignments

router = APIRouter(prefix="/campaigns")

Operator = Annotated[Actor, Depends(require(Role.OPERATOR))]

_LONGEST_CHANGES = 10_000


@router.post("/{name}/copies")
async def copy_campaign(request: Request, actor: Operator, name: str) -> Response:
    """Creates a copy of a campaign, and shows it."""
    fields = await form_fields(request)

    def copy() -> Response:
        lines = [line.strip() for line in fields.get("changes", "")[:_LONGEST_CHANGES].splitlines() if line.strip()]
        wanted = copying.Copy(fields.get("name", "").strip(), assignments(lines), "run" in fields)
        created = copying.copy(services_of(request), actor, name, wanted)
        return RedirectResponse(campaign_address(created.record.name), HTTPStatus.SEE_OTHER)

    form = Form("copy", fields, other="changes")
    return await run_in_threadpool(or_again, form, copy, lambda refused: show_campaign(request, actor, name, refused=refused))


@router.post("/{name}/name")
async def rename_campaign(request: Request, actor: Operator, name: str) -> Response:
    """Gives a campaign another name, or asks the service to, and shows it."""
    fields = await form_fields(request)

    def rename() -> Response:
        new = fields.get("name", "").strip()
        outcome = renaming.rename(services_of(request), actor, name, new)
        return RedirectResponse(campaign_address(new if outcome.request is None else name), HTTPStatus.SEE_OTHER)

    form = Form("rename", fields, other="name")
    return await run_in_threadpool(or_again, form, rename, lambda refused: show_campaign(request, actor, name, refused=refused))
