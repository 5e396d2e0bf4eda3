"""Wording of counts and errors in messages."""

from __future__ import annotations

from pydantic import ValidationError


def counted(number: int, singular: str, many: str | None = None) -> str:
    """A number with its noun: ``1 surface``, ``1,200 surfaces``, ``0 boundaries``.

    Args:
        number: How many.
        singular: The noun's singular.
        many: Its plural; None: the singular with an s.
    """
    return f"{number:,} {singular if number == 1 else many or singular + 's'}"


def first_problem(error: ValidationError) -> str:
    """The first validation error of data, in one line: ``outcome.value: Input should be a finite number``."""
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, problem["loc"]))
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])
