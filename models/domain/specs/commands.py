"""Programs of a site that campaign files may call by name. Only the site file defines what is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from tansaku.models.domain.specs.base import PLAIN_TEXT, Name, Spec, Timeout
from tansaku.models.domain.specs.calculators.keywords import KeywordKind, KeywordName

STRUCTURE = "structure.extxyz"
REQUEST = "request.json"
RESULT = "result.json"
LOG = "program.log"
CHECKPOINT = "checkpoint"
"""Files of a run, in the folder in which the program starts."""

_RESERVED = (STRUCTURE, REQUEST, RESULT, LOG, CHECKPOINT, "state.json")

Word = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00\r\n]+$")]
"""An argument of a program. No shell reads it: blanks, quotes and dollar signs mean themselves."""

Argv = Annotated[tuple[Word, ...], Field(min_length=1, max_length=100)]
Reason = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,40}$")]
Element = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]


class CommandSpec(Spec):
    """A program of the site. It starts in a folder with ``structure.extxyz`` and ``request.json`` and leaves ``result.json``.

    Attributes:
        argv: Program and arguments; the program is an absolute path or found on PATH. No shell reads them.
        files: Files that its numbers depend on (scripts, weights, parameters), relative to the site file. They appear in the
            folder of a run under their own names, and their content is part of the level of theory.
        version: Program and arguments that print a version; run when the calculator is opened, so that a program that does
            not start is an error before anything is spent.
        keywords: Keywords that campaign files may give, with their kinds or the words to choose from; others are errors.
        elements: Elements that it can compute; None: unknown.
        timeout: Wall time of one run [s]; None: the time limit of the job.
        failures: Reason of a failed calculation by exit code, e.g. ``{3: not_converged}``: such an evaluation is not repeated.
            Other exit codes count as failures of the machine.
    """

    argv: Argv
    files: Annotated[tuple[Word, ...], Field(max_length=100)] = ()
    version: Argv | None = None
    keywords: dict[KeywordName, KeywordKind] = Field(default_factory=dict)
    elements: Annotated[tuple[Element, ...], Field(min_length=1, max_length=120)] | None = None
    timeout: Timeout | None = None
    failures: dict[Annotated[int, Field(ge=1, le=255)], Reason] = Field(default_factory=dict)

    @field_validator("argv", "version")
    @classmethod
    def _program_has_one_place(cls, words: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if words is not None and "/" in words[0] and not words[0].startswith("/"):
            raise ValueError(
                f"{words[0]!r} is a relative path, and each run starts in a folder of its own; expected an absolute path or a "
                "name on PATH; a script of files is an argument: [sh, script.sh]"
            )
        return words

    @field_validator("files")
    @classmethod
    def _names_differ(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        names = [PurePath(file).name for file in files]
        for name in names:
            if name in _RESERVED:
                raise ValueError(f"{name}: every run has a file of this name; rename yours")
            if names.count(name) > 1:
                raise ValueError(f"{name}: two files have this name; a run's folder holds one")
        return files


CommandName = Annotated[Name, PLAIN_TEXT]
Commands = Mapping[CommandName, CommandSpec]

_OFFERED: dict[str, CommandSpec] = {}


def offer_commands(commands: Commands) -> None:
    """Sets the programs that calculators of this process may start: those of the site that it works for.

    A campaign contains only names of programs, and is checked, opened and computed in many places. All campaigns of a process
    belong to the same site.
    """
    _OFFERED.clear()
    _OFFERED.update(commands)


def offered_commands() -> Commands:
    """The programs that calculators of this process may start, by name."""
    return dict(_OFFERED)
