"""Routes of forms: each is carried out, or its page is shown again with the reason why it was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.errors import LONGEST, ProblemError, problem_of
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.pages.refused import Form, Refused
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.identifiers import printable

_MADE_ANEW = ("key", "revision")
"""Fields that nobody types: a message about them is about the whole form."""


@dataclass(frozen=True)
class Sent:
    """A form that was sent.

    Attributes:
        request: With which it came.
        fields: What was typed, by field.
    """

    request: Request
    actor: Actor
    fields: Mapping[str, str]

    @property
    def services(self) -> Services:
        """The services of the application."""
        return services_of(self.request)

    def at(self, part: str = "name") -> str:
        """A part of the route's path: by default the name of what the form is about."""
        return str(self.request.path_params[part])

    def text(self, field: str) -> str:
        """Returns the text of a field; empty where it is not in the form."""
        return self.fields.get(field, "")


CarryOut = Callable[[Sent], str | Response]


class Forms:
    """Routes of the forms of a page.

    Args:
        router: Where they are added.
        role: The lowest role that may send them.
        show: Shows the page again, with what was refused.
    """

    def __init__(self, router: APIRouter, role: Role, show: Callable[[Sent, Refused], Response]) -> None:
        self._router, self._role, self._show = router, role, show

    def post(self, path: str, form: str | Callable[[Sent], Form]) -> Callable[[CarryOut], CarryOut]:
        """Adds a route for a function that carries out a form, and returns the address to go to, or an answer of its own.

        Args:
            form: Id of the form, or the form that was sent.
        """

        def add(carry_out: CarryOut) -> CarryOut:
            async def route(request: Request) -> Response:
                sent = Sent(request, request.state.actor, await form_fields(request))
                known = Form(form, sent.fields) if isinstance(form, str) else form(sent)
                return await run_in_threadpool(self._answer, sent, known, carry_out)

            self._router.post(path, name=carry_out.__name__, dependencies=[Depends(require(self._role))])(route)
            return carry_out

        return add

    def _answer(self, sent: Sent, form: Form, carry_out: CarryOut) -> Response:
        try:
            done = carry_out(sent)
            return RedirectResponse(done, HTTPStatus.SEE_OTHER) if isinstance(done, str) else done
        except (ProblemError, TansakuError) as error:
            problem = problem_of(error)
            name = problem.key.rpartition(".")[2]
            place = name if name in form.fields and name not in _MADE_ANEW else form.other
            said = problem.detail.removeprefix(f"{problem.key}: ") if place == name else problem.detail
            page = self._show(sent, Refused(form, place, printable(said[:LONGEST], keep="\n")))
        page.status_code = problem.status
        page.headers.update(problem.headers)
        return page
