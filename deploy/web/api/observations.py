"""All evaluations of a campaign as a file: /api/v1/campaigns/NAME/observations."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.identifiers import file_stem

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

Form = Literal["csv", "parquet", "extxyz"]
_TYPES: dict[Form, str] = {"csv": "text/csv", "extxyz": "chemical/x-xyz", "parquet": "application/vnd.apache.parquet"}


@router.get("/{name}/observations", response_class=Response)
def observations(request: Request, _: Viewer, name: str, form: Form = "csv") -> Response:
    """All evaluations as CSV or Parquet (which `tansaku import` reads), or their final structures as extended XYZ."""
    services = services_of(request)
    headers = {"Content-Disposition": f'attachment; filename="{file_stem(name)}.{form}"', "Cache-Control": "no-store"}
    if form == "parquet":
        return _parquet(services, name, headers)
    from tansaku.tasks.read.views.downloads import csv_parts, extended_xyz_parts

    parts = csv_parts(services.store, name) if form == "csv" else extended_xyz_parts(services.store, services.artifacts, name)
    return StreamingResponse(_begun(parts), media_type=_TYPES[form], headers=headers)


def _begun(parts: Iterator[str]) -> Iterator[str]:
    """The same parts, the first of which is made at once, so that an error in it becomes the answer."""
    first = next(parts, "")
    return chain([first], parts)


def _parquet(services: Services, name: str, headers: dict[str, str]) -> Response:
    from tansaku.tasks.act.commands.export_import import export_observations

    with tempfile.NamedTemporaryFile(prefix="tsk-export-", suffix=".parquet", delete=False) as file:
        path = Path(file.name)
    try:
        export_observations(services.store, name, path, services.artifacts)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return FileResponse(path, media_type=_TYPES["parquet"], headers=headers, background=BackgroundTask(path.unlink))
