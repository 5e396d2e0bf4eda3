"""Output of an evaluation's attempts: /api/v1/campaigns/NAME/evaluations/NUMBER/log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.campaigns import evaluation_at
from tansaku.deploy.web.api.listing import LINKED, Span, linked, page
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.records import Evaluation
from tansaku.tasks.read.views.attempt_output import AttemptOutput, attempt_outputs

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


@router.get("/{name}/evaluations/{number}/log", responses=LINKED)
def log(
    request: Request, response: Response, _: Operator, name: str, number: int, span: Annotated[Span, Query()]
) -> list[AttemptOutput]:
    """The ends of the attempts' output, newest first, or where it is stored; terminal codes and secrets are removed."""
    services = services_of(request)
    response.headers["Cache-Control"] = "no-store"
    outputs = outputs_of(services, evaluation_at(services, name, number)[1])
    return linked(request, response, page(outputs, lambda output: str(output.attempt), span.limit, span.after))


def outputs_of(services: Services, evaluation: Evaluation) -> tuple[AttemptOutput, ...]:
    """Output of an evaluation's attempts, the newest first.

    Args:
        services: Of the application.
        evaluation: Of the campaign.
    """
    jobs = None if services.resources is None else services.resources.job_folder(evaluation.campaign)
    return attempt_outputs(services.site, jobs, evaluation)
