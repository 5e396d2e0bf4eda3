"""Data sets: /api/v1/datasets."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tansaku.deploy.web.api.files import Sha256
from tansaku.deploy.web.api.listing import After, Limit, page
from tansaku.deploy.web.api.results import download
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import services_of
from tansaku.tasks.read.views.datasets import (
    DatasetDetail,
    DatasetLine,
    dataset_detail,
    dataset_file,
    dataset_line,
    find_dataset_record,
)

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"])


class Datasets(BaseModel):
    """A page of the data sets, the oldest first; ``next`` is the ``after`` of the following page.

    Attributes:
        unreadable: Problems of unreadable data sets.
    """

    items: list[DatasetLine]
    next: str | None = None
    unreadable: list[str] = []


@router.get("")
def datasets(
    request: Request,
    actor: Viewer,
    limit: Limit = 100,
    after: After = None,
) -> Datasets:
    """Lists the data sets of models."""
    found, unreadable = services_of(request).seen_registry(actor).readable_datasets()
    shown = page(found, lambda item: item.sha256, limit, after)
    return Datasets(items=[dataset_line(item) for item in shown.items], next=shown.next, unreadable=unreadable)


@router.get("/{sha256}")
def dataset(request: Request, actor: Viewer, sha256: Sha256) -> DatasetDetail:
    """A data set: sizes, ranges, groups, sources, and the models that learned from it."""
    services = services_of(request)
    return dataset_detail(services.seen_registry(actor), services.artifacts, sha256)


@router.get("/{sha256}/file", response_class=Response)
def file(request: Request, actor: Viewer, sha256: Sha256, form: Literal["hdf5", "extxyz"] = "hdf5") -> Response:
    """A data set as it is stored (HDF5), or as extended XYZ."""
    services = services_of(request)
    record = find_dataset_record(services.seen_registry(actor), sha256)
    if form == "hdf5":
        return download(services.artifacts.open(record.artifact), f"{record.name}.h5")
    with tempfile.NamedTemporaryFile(prefix="tsk-dataset-", suffix=".extxyz", delete=False) as made:
        path = Path(made.name)
    try:
        dataset_file(services.artifacts, record, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    done, headers = BackgroundTask(path.unlink), {"Cache-Control": "no-store"}
    name = f"{record.name}.extxyz"
    return FileResponse(path, filename=name, media_type="chemical/x-xyz", headers=headers, background=done)
