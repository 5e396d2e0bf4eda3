"""A trained model's energies on structures that another calculator relaxes: spec and facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import model_validator

from tansaku.models.domain.specs.base import FilePath, NamesFile, Sha256
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence, SpecFile, workflow_of
from tansaku.models.domain.specs.relaxation import RelaxationSpec

if TYPE_CHECKING:
    from tansaku.models.domain.specs.calculators.table import AtomicCalculatorSpec


class SurrogateCalculatorSpec(CalculatorBase):
    """A trained model's energies of structures that a cheap potential relaxes; every value is marked as a prediction.

    Attributes:
        model: File of the model, as `tansaku model export` writes it (relative to the spec).
        model_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        relaxed_by: The potential that relaxes the structures by its forces; its energies are not used.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.surrogate",
        model="model",
        licence=Licence(None, "its weights were trained by tansaku, which gives them none"),
        files=(SpecFile(content="model_sha256", path="model"),),
        parts=("relaxed_by",),
        own_forces=False,
    )

    type: Literal["surrogate"] = "surrogate"
    model: Annotated[FilePath, NamesFile("model")]
    model_sha256: Sha256 | None = None
    relaxed_by: AtomicCalculatorSpec

    @property
    def relaxing(self) -> CalculatorBase:
        """The calculator whose forces relax a structure."""
        return self.relaxed_by

    @property
    def relaxation(self) -> RelaxationSpec:
        """Relaxation of every candidate."""
        return self.relaxed_by.relaxation

    @model_validator(mode="after")
    def _no_workflow(self) -> SurrogateCalculatorSpec:
        if workflow_of(self.relaxed_by) is not None:
            raise ValueError("relaxed_by.workflow: it relaxes and computes nothing else; remove it")
        return self
