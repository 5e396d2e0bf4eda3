"""A trained network potential: spec and facts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from tansaku.models.domain.specs.base import FilePath, NamesFile, Sha256
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence, SpecFile
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.surrogate import DeviceChoice


class PotentialCalculatorSpec(CalculatorBase):
    """A trained network potential that relaxes structures by its own forces; every value is marked as a prediction.

    Attributes:
        model: File of the model, as `tansaku model export` writes it (relative to the spec).
        model_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        dtype: Precision.
        device: Where it computes.
        relaxation: How every candidate is relaxed.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.potentials.engine",
        code="tansaku",
        extra="surrogates",
        package="matscipy",
        model="model",
        licence=Licence(None, "its weights were trained by tansaku, which gives them none"),
        files=(SpecFile(content="model_sha256", path="model"),),
        recorded=frozenset({"device"}),
        keeps_unconverged=True,
        atomic_energies=True,
    )

    type: Literal["potential"] = "potential"
    model: Annotated[FilePath, NamesFile("model")]
    model_sha256: Sha256 | None = None
    dtype: Literal["float32", "float64"] = "float64"
    device: DeviceChoice = "cpu"
    relaxation: RelaxationSpec = RelaxationSpec()
