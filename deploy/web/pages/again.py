"""Carries out forms, and shows the page of a refused form again with the reason."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from tansaku.deploy.web.errors import LONGEST, ProblemError, problem_of
from tansaku.deploy.web.pages.refused import Form, Refused
from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.identifiers import printable

_MADE_ANEW = ("key", "revision")
"""Fields that nobody types: a message about them is about the whole form."""


def or_again(form: Form, carry_out: Callable[[], Response], show: Callable[[Refused], Response]) -> Response:
    """Carries out a form; if it is refused, the answer is its page with the status of the error.

    Args:
        form: The form.
        carry_out: Does it.
        show: Shows the page.
    """
    try:
        return carry_out()
    except (ProblemError, TansakuError) as error:
        problem = problem_of(error)
        name = problem.key.rpartition(".")[2]
        place = name if name in form.fields and name not in _MADE_ANEW else form.other
        said = problem.detail.removeprefix(f"{problem.key}: ") if place == name else problem.detail
        page = show(Refused(form, place, printable(said[:LONGEST], keep="\n")))
    page.status_code = problem.status
    page.headers.update(problem.headers)
    return page
