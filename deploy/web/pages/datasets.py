"""The pages of data sets."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.files import Sha256
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.models import model_address
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.tasks.ground.formats.yaml_text import write_yaml
from tansaku.tasks.read.views.datasets import dataset_detail, dataset_line

router = APIRouter(prefix="/datasets")

_MOST_GROUPS = 500


@router.get("")
def datasets_page(request: Request, actor: Viewer) -> Response:
    """Lists the data sets."""
    found, problems = services_of(request).seen_registry(actor).readable_datasets()
    return render(request, "datasets.html", {"lines": [dataset_line(item) for item in reversed(found)], "problems": problems})


@router.get("/{sha256}")
def dataset_page(request: Request, actor: Viewer, sha256: Sha256) -> Response:
    """Shows a data set."""
    services = services_of(request)
    detail = dataset_detail(services.seen_registry(actor), services.artifacts, sha256)
    content = {
        "detail": detail,
        "line": detail.line,
        "groups": sorted(detail.groups.items())[:_MOST_GROUPS],
        "campaigns": services.sight(actor).names() if detail.campaigns else (),
        "spec_text": write_yaml(detail.spec),
        "model_address": model_address,
    }
    return render(request, "dataset.html", content)
