"""Trainings of models: /api/v1/trainings. A service trains."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import training
from tansaku.deploy.web.api.body import Body, known
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.identifiers import NAME_PATTERN
from tansaku.models.domain.trainings import WantedModel
from tansaku.tasks.read.views.trainings import Estimate, TrainingLine

router = APIRouter(prefix="/api/v1/trainings", tags=["models"])


class NewTraining(Body):
    """A training: of what, on which data set, with which hyper-parameters."""

    name: str = Field(pattern=NAME_PATTERN, description="Of the model; each training is a new version of it.")
    dataset: str = Field(max_length=64, description="Name of a data set, or its SHA-256.")
    surrogate: str = Field(max_length=80, description="A type, or NAME@VERSION whose hyper-parameters it has.")
    learns: Literal["calculator", "label"] = "calculator"
    seed: int = Field(default=0, ge=0, le=2**53)

    def wanted(self) -> WantedModel:
        """The same for the command."""
        return WantedModel(**self.model_dump())


@router.get("")
def trainings(request: Request, actor: Viewer) -> list[TrainingLine]:
    """Lists the last trainings with their progress, the newest first."""
    return training.lines(services_of(request), actor)


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=known(TrainingLine))
def train(
    request: Request, response: Response, actor: Operator, body: NewTraining, idempotency_key: Annotated[str, Header()]
) -> TrainingLine:
    """Asks a service to train a version of a model; the same key again is answered with 200."""
    services = services_of(request)
    stored, new = training.train(services, actor, idempotency_key, body.wanted())
    if not new:
        response.status_code = HTTPStatus.OK
    return training.line(services, actor, stored.id)


@router.get("/estimate")
def estimate(request: Request, actor: Operator, wanted: Annotated[NewTraining, Query()]) -> Estimate:
    """Returns the data and hyper-parameters that a training would use; nothing is stored."""
    return training.estimate(services_of(request), actor, wanted.wanted())


@router.get("/{training_id}")
def one_training(request: Request, actor: Viewer, training_id: str) -> TrainingLine:
    """A training with its progress."""
    return training.line(services_of(request), actor, training_id)


@router.delete("/{training_id}", status_code=HTTPStatus.NO_CONTENT)
def cancel(request: Request, actor: Operator, training_id: str) -> Response:
    """Ends a training before its end."""
    training.cancel(services_of(request), actor, training_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)
