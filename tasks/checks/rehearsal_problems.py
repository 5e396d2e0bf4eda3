"""What is wrong with a rehearsal, for authors who have no command line: by the keys that they know, without its options."""

from __future__ import annotations

from tansaku.models.domain.errors import SpecProblem
from tansaku.tasks.checks.rehearse import NO_SPREAD, NO_TOLERANCE

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
    """The problem that a rehearsal tells with an option of the command line; None for any other message.

    Args:
        message: Of the error.
    """
    if message in _INSTEAD:
        return _INSTEAD[message]
    option, _, said = message.partition(": ")
    if not option.startswith("--"):
        return None
    return SpecProblem(_OPTIONS.get(option, ""), None, said.partition("; give --like")[0])
