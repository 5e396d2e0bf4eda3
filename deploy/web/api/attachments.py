"""Photos and files of reported values: /api/v1/campaigns/NAME/attachments."""

from __future__ import annotations

import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import measuring
from tansaku.deploy.web.api.body import known
from tansaku.deploy.web.api.files import RAW, Sha256, upload_place, write_body
from tansaku.deploy.web.api.results import download
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.measurements import LARGEST_ATTACHMENT, Attachment, attachments_of
from tansaku.tasks.act.measurements.attachments import Given

router = APIRouter(prefix="/api/v1/campaigns", tags=["measurements"])


class About(BaseModel):
    """Description of a photo or file, and the reported value that it belongs to.

    Attributes:
        number: The proposal; it may be left away where the report is of one candidate.
        file: Its name.
        photo: Whether it is a picture that is shown; it is stored again without metadata.
        report: Key of the request that reported the value; without it, the latest.
    """

    number: Annotated[int | None, Field(ge=1, le=2**53)] = None
    file: Annotated[str, Field(max_length=100, examples=["sample-4.jpg"])]
    photo: bool = False
    report: Annotated[str | None, Field(max_length=100)] = None


@router.post("/{name}/attachments", status_code=HTTPStatus.CREATED, responses=known(Attachment), openapi_extra=RAW)
async def attach(
    request: Request,
    response: Response,
    actor: Operator,
    name: str,
    about: Annotated[About, Query()],
    idempotency_key: Annotated[str, Header()],
) -> Attachment:
    """Adds a photo or file (10 MB at most; the body) to a reported value. The same key again is answered with 200."""
    with upload_place(actor.name), tempfile.TemporaryDirectory(prefix="tsk-attached-") as folder:
        path = Path(folder, "content")
        await write_body(request, path, LARGEST_ATTACHMENT)

        def keep() -> tuple[Attachment, bool]:
            given = Given(about.number, about.file, path.read_bytes(), photo=about.photo, report=about.report)
            return measuring.attach(services_of(request), actor, name, given, idempotency_key)

        stored, new = await run_in_threadpool(keep)
    if not new:
        response.status_code = HTTPStatus.OK
    return stored


@router.get("/{name}/attachments/{sha256}", response_class=Response)
def attachment(request: Request, _: Viewer, name: str, sha256: Sha256) -> Response:
    """A photo, or a file to be saved."""
    services = services_of(request)
    commands = services.store.campaign(name).commands
    found = next((item for item in attachments_of(commands) if item.sha256 == sha256), None)
    if found is None:
        raise NotFoundError(f"campaign {name!r} has no photo or file {sha256[:12]}")
    return download(services.artifacts.open(sha256), found.name, found.media)
