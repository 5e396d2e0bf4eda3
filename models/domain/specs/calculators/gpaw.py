"""GPAW: spec and facts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveFloat, PositiveInt, Sha256
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence, SpecFile
from tansaku.models.domain.specs.calculators.electronic import Moments, SmearingSpec, check_moments
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec


class GpawSpec(CalculatorBase):
    """Density-functional theory by GPAW: projector-augmented waves, plane-wave basis (needs the extra ``gpaw``).

    Attributes:
        xc: Exchange-correlation functional.
        cutoff: Plane-wave cutoff [eV].
        kpoint_density: K-points per length of a reciprocal cell vector (2π included) [Å]; the grid is centred on Γ and every
            number rounded up.
        smearing: Smearing of the occupations.
        bands: Bands for each occupied one; None: GPAW's choice. Wide smearing needs 2 or more: where the highest are partly
            filled, the density takes three times the steps to converge.
        eigensolver: How bands are improved between two densities. Residual minimisation (``rmm-diis``) takes half the time of
            Davidson's method and ends at the same numbers where the density converges easily; it can miss a band.
        spin: Whether the calculation is spin-polarised.
        magnetic_moments: Initial magnetic moments; those of other atoms are 0. Needs ``spin: true``.
        energy_tolerance: The energy is converged when it has changed by less than this in three steps [eV per valence
            electron].
        density_tolerance: The density is converged when it changes by less than this [electrons per valence electron].
        scf_steps: Steps after which the density counts as not converged.
        density: Whether the valence density is kept with the result.
        partition: Whether the energy is reported in parts: Hartree, ion-ion, one-electron, exchange-correlation and cohesive
            energy, and the gap (needs the extra ``composition`` too).
        setups_sha256: Hash of the functional's PAW data sets; filled in when the spec is resolved, checked when it is given.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: Workflow of a candidate; null: the property of its space is computed directly.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.gpaw",
        extra="gpaw",
        package="gpaw",
        model="xc",
        licence=Licence("GPLv3+", "metadata of the package gpaw-data, which has the setups"),
        files=(SpecFile(content="setups_sha256"),),
        elements_from="xc",
        recorded=frozenset({"bands", "eigensolver", "energy_tolerance", "density_tolerance", "scf_steps"}),
        unrelated=frozenset({"density", "partition"}),
        keeps_unconverged=True,
        dft=True,
        band_gap=True,
        charged=True,
        fields={"density": "density.npz"},
        variables=("GPAW_",),
    )

    type: Literal["gpaw"] = "gpaw"
    xc: Literal["LDA", "PBE", "RPBE", "revPBE"] = "PBE"
    cutoff: Annotated[float, Field(ge=100, le=2000)] = 400.0
    kpoint_density: Annotated[float, Field(gt=0, le=20)] = 4.0
    smearing: SmearingSpec = SmearingSpec()
    bands: Annotated[float, Field(ge=1, le=20)] | None = None
    eigensolver: Literal["davidson", "rmm-diis"] = "davidson"
    spin: bool = False
    magnetic_moments: Moments = Field(default_factory=dict)
    energy_tolerance: PositiveFloat = 1e-6
    density_tolerance: PositiveFloat = 1e-5
    scf_steps: PositiveInt = 150
    density: bool = False
    partition: bool = False
    setups_sha256: Sha256 | None = None
    relaxation: RelaxationSpec = RelaxationSpec(fmax=0.01, max_steps=200)
    workflow: MigrationBarrierSpec | None = None

    @model_validator(mode="after")
    def _moments_need_spin(self) -> GpawSpec:
        check_moments(self.spin, self.magnetic_moments)
        return self
