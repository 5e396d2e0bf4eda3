"""Quantum ESPRESSO: spec and facts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import FilePath, NamesFile, PositiveFloat, PositiveInt, Sha256
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence, SpecFile
from tansaku.models.domain.specs.calculators.electronic import Moments, SmearingSpec, check_moments
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec

PseudopotentialName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]


class EspressoSpec(CalculatorBase):
    """Density-functional theory by Quantum ESPRESSO (needs ``pw.x`` on the PATH). The pseudopotentials set the functional.

    Attributes:
        pseudopotentials: File of each element, in UPF format.
        folder: Folder of these files (relative to the spec); null: ``/usr/share/espresso/pseudo``, Debian's.
        pseudopotentials_sha256: Hash of the files; filled in when the spec is resolved, checked when it is given.
        cutoff: Plane-wave cutoff of the wave functions [eV].
        density_cutoff: Of the density [eV]; null: four times ``cutoff``, which suits norm-conserving pseudopotentials; others
            need more.
        kpoint_density: K-points per length of a reciprocal cell vector (2π included) [Å]; the grid is centred on Γ and every
            number rounded up.
        smearing: Smearing of the occupations.
        spin: Whether the calculation is spin-polarised.
        magnetic_moments: Initial magnetic moments; those of other atoms are 0. Needs ``spin: true``.
        energy_tolerance: The density is converged when the estimated error of the energy is smaller than this [eV per atom].
        scf_steps: Steps after which the density counts as not converged.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: Workflow of a candidate; null: the property of its space is computed directly.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.espresso",
        licence=Licence("GPL-2", "copyright file of Debian's quantum-espresso-data, which has the pseudopotentials"),
        files=(SpecFile(content="pseudopotentials_sha256", path="folder"),),
        elements_from="pseudopotentials",
        recorded=frozenset({"pseudopotentials", "energy_tolerance", "scf_steps"}),
        keeps_unconverged=True,
        dft=True,
        variables=("ESPRESSO_",),
    )

    type: Literal["espresso"] = "espresso"
    pseudopotentials: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")], PseudopotentialName], Field(min_length=1, max_length=100)
    ]
    folder: Annotated[FilePath, NamesFile(None)] | None = None
    pseudopotentials_sha256: Sha256 | None = None
    cutoff: Annotated[float, Field(ge=100, le=3000)] = 500.0
    density_cutoff: Annotated[float, Field(ge=400, le=40000)] | None = None
    kpoint_density: Annotated[float, Field(gt=0, le=20)] = 4.0
    smearing: SmearingSpec = SmearingSpec()
    spin: bool = False
    magnetic_moments: Moments = Field(default_factory=dict)
    energy_tolerance: PositiveFloat = 1e-7
    scf_steps: PositiveInt = 150
    relaxation: RelaxationSpec = RelaxationSpec(fmax=0.01, max_steps=200)
    workflow: MigrationBarrierSpec | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> EspressoSpec:
        check_moments(self.spin, self.magnetic_moments)
        if self.density_cutoff is not None and self.density_cutoff <= self.cutoff:
            raise ValueError(f"density_cutoff: {self.density_cutoff} is not above cutoff: {self.cutoff}")
        return self
