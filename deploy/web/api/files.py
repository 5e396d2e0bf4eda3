"""Files of the library: /api/v1/files."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tansaku.deploy.web.api.body import known
from tansaku.deploy.web.api.listing import After, Limit, page
from tansaku.deploy.web.auth.roles import Admin, Operator, Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.library import LibraryFile

router = APIRouter(prefix="/api/v1/files", tags=["files"])

Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Query(max_length=100, examples=["my-table.csv"])]

AT_ONCE = 4
LONGEST_UPLOAD = 600.0  # [s]
OF_A_USER = 2
_UPLOADING: Counter[str] = Counter()
"""Uploads in progress by user."""
_CHANGING = threading.Lock()


class Files(BaseModel):
    """A page of the files, the newest first; ``next`` is the ``after`` of the following page."""

    items: list[LibraryFile]
    next: str | None = None


@router.get("")
def files(request: Request, _: Viewer, limit: Limit = 100, after: After = None) -> Files:
    """Lists the files that specs may name."""
    found = services_of(request).library.files()
    shown = page(found, lambda file: file.sha256, limit, after)
    return Files(items=shown.items, next=shown.next)


@router.get("/{sha256}")
def file(request: Request, _: Viewer, sha256: Sha256) -> LibraryFile:
    """A file's name, kind, size and origin."""
    found = services_of(request).library.file(sha256)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "no such file")
    return found


RAW = {"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


@router.put("/{sha256}", status_code=HTTPStatus.CREATED, responses=known(LibraryFile), openapi_extra=RAW)
async def put_file(request: Request, response: Response, actor: Operator, sha256: Sha256, name: FileName) -> LibraryFile:
    """Adds a file under the hash of its content, which is the body; doing it again changes nothing."""
    return await _receive(request, response, actor, name, sha256)


@router.post("", status_code=HTTPStatus.CREATED, responses=known(LibraryFile), openapi_extra=RAW)
async def add_file(request: Request, response: Response, actor: Operator, name: FileName) -> LibraryFile:
    """Adds a file; the body is its content."""
    return await _receive(request, response, actor, name, None)


@router.delete("/{sha256}", status_code=HTTPStatus.NO_CONTENT)
def remove_file(request: Request, actor: Admin, sha256: Sha256) -> Response:
    """Removes a file that no campaign uses."""
    services_of(request).uploads.remove(actor, sha256)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _receive(request: Request, response: Response, actor: Actor, name: str, sha256: str | None) -> LibraryFile:
    services = services_of(request)
    with upload_place(actor.name), tempfile.TemporaryDirectory(prefix="tsk-upload-") as folder:
        path = FilePath(folder, "content")
        found = await write_body(request, path, services.uploads.largest)
        if sha256 is not None and found != sha256:
            raise FieldError("sha256", f"the body has SHA-256 {found}")
        stored, new = await run_in_threadpool(_add, services, actor, name, path)
    if not new:
        response.status_code = HTTPStatus.OK
    return stored


@contextmanager
def upload_place(user: str) -> Iterator[None]:
    """Takes a place for an upload; one user cannot take all."""
    with _CHANGING:
        if _UPLOADING.total() >= AT_ONCE or _UPLOADING[user] >= OF_A_USER:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "too many uploads at once", retry_after=5)
        _UPLOADING[user] += 1
    try:
        yield
    finally:
        with _CHANGING:
            _UPLOADING[user] -= 1
            if not _UPLOADING[user]:
                del _UPLOADING[user]


def _add(services: Services, actor: Actor, name: str, path: FilePath) -> tuple[LibraryFile, bool]:
    return services.uploads.add(actor, name, path)


async def write_body(request: Request, path: FilePath, largest: int) -> str:
    """Writes the body to a file; returns its SHA-256."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("wb") as stream:
            async with asyncio.timeout(LONGEST_UPLOAD):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > largest:
                        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the file is larger than {largest} bytes")
                    digest.update(chunk)
                    await run_in_threadpool(stream.write, chunk)
    except ClientDisconnect as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the connection ended before the file did") from error
    except TimeoutError as error:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, f"the upload took longer than {LONGEST_UPLOAD:g} s") from error
    return digest.hexdigest()
