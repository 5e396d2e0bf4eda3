"""Problems of a rehearsal for dashboard users: named by keys of the form, not by options of the command line."""

from __future__ import annotations

from tansaku.models.domain.errors import SpecProblem
from tansaku.tasks.act.checks.rehearse import NO_SPREAD, NO_TOLERANCE

_OPTIONS = {"--within": "options.within", "--spread": "options.spread", "--like, --spread": "options.spread"}
_INSTEAD = {
    NO_TOLERANCE: SpecProblem(
        "budget.stop.within",
        None,
        "missing; say how near to the true answer is near enough, such as '5 mJ/m2', there or beside the rehearsal",
    ),
    NO_SPREAD: SpecProblem(
        "options.spread", None, "missing; say what spread of the values you expect, such as '40 mJ/m2': nothing is computed yet"
    ),
}


def option_problem(message: str) -> SpecProblem | None:
    """Translates a message that names an option of the command line; None for any other message.

    Args:
        message: Of the error.
    """
    if message in _INSTEAD:
        return _INSTEAD[message]
    option, _, said = message.partition(": ")
    if not option.startswith("--"):
        return None
    return SpecProblem(_OPTIONS.get(option, ""), None, said.partition("; give --like")[0])
