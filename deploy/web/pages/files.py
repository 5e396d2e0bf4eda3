"""The page of the library's files."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web.auth.roles import Admin, Viewer
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.library import ENDINGS

router = APIRouter(prefix="/files")

_SHOWN = 500


@router.get("")
def files_page(request: Request, actor: Viewer) -> Response:
    """Lists the files."""
    services = services_of(request)
    files = services.library.files()
    content = {
        "files": files[:_SHOWN],
        "left_out": max(0, len(files) - _SHOWN),
        "largest": services.uploads.limits.file,
        "accept": ",".join(ending for endings in ENDINGS.values() for ending in endings),
        "may_upload": actor.may(Role.OPERATOR),
        "may_remove": actor.may(Role.ADMIN),
    }
    return render(request, "files.html", content)


@router.post("/{sha256}/deletion")
def remove_file(request: Request, actor: Admin, sha256: str) -> Response:
    """Removes a file that no campaign uses."""
    services_of(request).uploads.remove(actor, sha256)
    return RedirectResponse("/files", HTTPStatus.SEE_OTHER)
