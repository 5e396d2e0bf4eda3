"""Processes that answer one question about a calculator with limited processor time."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from typing import Protocol, Self, TypeVar

from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.commands import offer_commands
from tansaku.tasks.ground.settings import given_commands


class Limited(Protocol):
    """A question with the processor time that its answer may take [s]."""

    @property
    def seconds(self) -> int:
        """The limit."""
        ...

    @classmethod
    def model_validate_json(cls, json_data: str) -> Self:
        """Reads it."""
        ...


Question = TypeVar("Question", bound=Limited)


def answer_one(kind: type[Question], answer: Callable[[Question], Record]) -> int:
    """Entry of a process: reads a question from its standard input and writes the answer to its standard output.

    The kernel ends the process when it has used its processor time, so that a slow calculator is detected by trying it,
    independently of the load of the machine.

    Args:
        kind: Class of the question.

    Returns:
        Its exit code.
    """
    offer_commands(given_commands())
    request = kind.model_validate_json(sys.stdin.read())
    resource.setrlimit(resource.RLIMIT_CPU, (request.seconds, request.seconds + 1))
    # Output of calculators must not be mixed with the answer.
    with os.fdopen(os.dup(1), "w") as stream:
        os.dup2(2, 1)
        stream.write(answer(request).model_dump_json())
    return 0
