"""A Python function of a script: spec and facts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import FilePath, NamesFile, Sha256
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence, SpecFile
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class FunctionCalculatorSpec(CalculatorBase):
    """A Python function that takes the parameters of a candidate; ``tansaku.optimize`` writes it, the dashboard refuses it.

    Attributes:
        file: The Python file that defines it (relative to the spec); campaigns of a script keep a copy.
        function: Its name in the file.
        file_sha256: Content hash of the file; filled in when the spec is resolved, checked when it is given.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.function",
        model="function",
        licence=Licence(None, "a function of the campaign's author"),
        files=(SpecFile(content="file_sha256", path="file"),),
        charged=True,
        described=True,
    )

    type: Literal["function"] = "function"
    file: Annotated[FilePath, NamesFile(None)]
    function: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
    file_sha256: Sha256 | None = None

    @property
    def called(self) -> tuple[str, str]:
        """Its file and name."""
        return self.file, self.function

    @property
    def relaxation(self) -> RelaxationSpec:
        """Relaxation without effect: nothing is relaxed."""
        return RelaxationSpec()
