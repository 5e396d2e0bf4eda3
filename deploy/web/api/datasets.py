"""Data sets: /api/v1/datasets."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel
from starlette.requests import Request

from tansaku.deploy.web.api.listing import After, Limit, page
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import services_of

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"])


class DatasetView(BaseModel):
    """A version of a data set."""

    sha256: str
    name: str
    structures: int
    failed: int
    atoms: int
    properties: tuple[str, ...]
    cost: float | None
    created_at: AwareDatetime


class Datasets(BaseModel):
    """A page of the data sets, the oldest first; ``next`` is the ``after`` of the following page.

    Attributes:
        unreadable: Problems of unreadable data sets.
    """

    items: list[DatasetView]
    next: str | None = None
    unreadable: list[str] = []


@router.get("")
def datasets(
    request: Request,
    _: Viewer,
    limit: Limit = 100,
    after: After = None,
) -> Datasets:
    """Lists the data sets of models."""
    found, unreadable = services_of(request).registry.readable_datasets()
    shown = page(found, lambda item: item.sha256, limit, after)
    fields = set(DatasetView.model_fields)
    return Datasets(
        items=[DatasetView(**item.model_dump(include=fields)) for item in shown.items],
        next=shown.next,
        unreadable=unreadable,
    )
