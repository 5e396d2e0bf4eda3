"""Forms that begin a spec without YAML; the editor of the page New continues with it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import starting
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.new import begun
from tansaku.deploy.web.pages.refused import NOTHING, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import FieldError
from tansaku.tasks.ground.formats.csv_text import heading_of

router = APIRouter(prefix="/new")

_MOST_COLUMNS = 200


@router.get("/experiment")
def experiment_page(request: Request, _: Operator) -> Response:
    """Asks for the parameters of an experiment."""
    return _experiment(request)


def _experiment(request: Request, refused: Refused = NOTHING) -> Response:
    content = {"rows": range(1, starting.ROWS + 1), "kinds": starting.KINDS, "refused": refused}
    return render(request, "start_experiment.html", content)


experiments = Forms(router, Role.OPERATOR, lambda sent, refused: _experiment(sent.request, refused))


@experiments.post("/experiment", "start")
def begin_experiment(sent: Sent) -> Response:
    """Shows the spec of an experiment in the editor."""
    return begun(sent.request, sent.services, starting.experiment(sent.fields))


@router.get("/table")
def table_page(request: Request, _: Operator, file: str = "") -> Response:
    """Asks for a table of the library, and what its columns are."""
    return _table(request, file)


def _table(request: Request, file: str, refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    problem, columns = "", []
    if file:
        try:
            columns = _columns_of(services, file)
        except FieldError as error:
            problem = error.message.removeprefix("file: ")
    names = list(dict.fromkeys(known.name for known in services.library.files() if known.name.lower().endswith(".csv")))
    content = {
        "file": file,
        "files": names,
        "columns": columns,
        "roles": starting.ROLES,
        "problem": problem,
        "refused": refused,
    }
    return render(request, "start_table.html", content)


tables = Forms(router, Role.OPERATOR, lambda sent, refused: _table(sent.request, sent.text("file"), refused))


@tables.post("/table", "start")
def begin_table(sent: Sent) -> Response:
    """Shows the spec of a search in a table in the editor."""
    columns = _columns_of(sent.services, sent.text("file"))
    return begun(sent.request, sent.services, starting.table(sent.fields, columns))


def _columns_of(services: Services, name: str) -> list[str]:
    """Names of the columns of a table of the library. Raises FieldError."""
    found = services.library.files(name)
    if not found or not name.lower().endswith(".csv"):
        raise FieldError("file", f"the library has no table {name[:100]!r}; expected a file that ends in .csv")
    with tempfile.TemporaryDirectory() as folder:
        columns = heading_of(services.artifacts.get(found[0].sha256, Path(folder) / "table.csv"))
    if not columns or len(columns) > _MOST_COLUMNS:
        raise FieldError("file", f"expected names of 1 to {_MOST_COLUMNS} columns in the first line of {name}")
    return columns
