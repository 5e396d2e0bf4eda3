"""A program of the site, called by name: spec and facts."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import Sha256
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, CodeOrigin, Licence, SpecFile
from tansaku.models.domain.specs.calculators.keywords import Keywords
from tansaku.models.domain.specs.commands import CommandName
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class CommandCalculatorSpec(CalculatorBase):
    """A program that the site file defines under ``commands``: a structure file in, a JSON result out.

    Attributes:
        command: Its name in the site file.
        keywords: Its keywords; the site file lists those that it takes.
        command_sha256: Hash of its definition and files; filled in when the spec is resolved, checked when it is given.
        relaxation: How every candidate is relaxed; each step is a run of the program.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.command",
        model="command",
        licence=Licence(None, "a program of the site, whose file says none"),
        files=(SpecFile(content="command_sha256"),),
        keeps_unconverged=True,
        conforms=True,
        example={"command": "conformance-example"},
    )

    type: Literal["command"] = "command"
    command: CommandName
    keywords: Keywords = Field(default_factory=dict)
    command_sha256: Sha256 | None = None
    relaxation: RelaxationSpec = RelaxationSpec(fmax=0.01, max_steps=200)

    @property
    def origin(self) -> CodeOrigin:
        """Origin of the code that computes: the site file."""
        return "site"
