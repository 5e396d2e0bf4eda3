"""VASP: spec and facts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveFloat, PositiveInt, Sha256
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence, SpecFile
from tansaku.models.domain.specs.calculators.electronic import Moments, SmearingSpec, check_moments
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec

PotcarName = Annotated[str, Field(pattern=r"^[A-Z][a-z]?[A-Za-z0-9_.]{0,20}$")]


class VaspSpec(CalculatorBase):
    """Density-functional theory by VASP through atomate2's makers (needs the extra ``atomate2``, VASP and its POTCARs).

    Attributes:
        potcars: POTCAR of each element, e.g. ``Na_pv``.
        release: Release of the POTCARs, in the folder given by pymatgen's ``PMG_VASP_PSP_DIR``.
        potcars_sha256: Hash of the files; filled in when the spec is resolved, checked when it is given.
        xc: Exchange-correlation functional; ``LDA`` goes with the LDA releases, the others with the PBE ones.
        cutoff: Plane-wave cutoff [eV].
        kpoint_density: K-points per length of a reciprocal cell vector (2π included) [Å]; the grid is centred on Γ and every
            number rounded up.
        smearing: Smearing of the occupations; VASP has no ``marzari_vanderbilt``.
        spin: Whether the calculation is spin-polarised.
        magnetic_moments: Initial magnetic moments; those of other atoms are 0. Needs ``spin: true``.
        energy_tolerance: The density is converged when the energy changes by less than this [eV per atom].
        scf_steps: Steps after which the density counts as not converged.
        band: How a band of the workflow is relaxed: ``ase``: from outside, every image of every step a static run; ``vtst``: by
            VASP itself, with the VTST tools compiled in, the images side by side.
        relaxation: How every candidate is relaxed; the cell must be ``fixed`` or ``full``.
        workflow: Workflow of a candidate; null: the property of its space is computed directly.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.vasp",
        extra="atomate2",
        package="atomate2",
        model="xc",
        licence=Licence(None, "POTCARs come with VASP, and tansaku reads no licence in them"),
        files=(SpecFile(content="potcars_sha256"),),
        elements_from="potcars",
        recorded=frozenset({"potcars", "release", "energy_tolerance", "scf_steps"}),
        unrelated=frozenset({"band"}),
        cells=("fixed", "full"),
        dft=True,
        variables=("VASP_", "ATOMATE2_", "PMG_"),
    )

    type: Literal["vasp"] = "vasp"
    potcars: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")], PotcarName], Field(min_length=1, max_length=100)]
    release: Literal["PBE", "PBE_52", "PBE_54", "PBE_64", "LDA", "LDA_52", "LDA_54", "LDA_64"] = "PBE_54"
    potcars_sha256: Sha256 | None = None
    xc: Literal["LDA", "PBE", "PBEsol", "RPBE", "revPBE"] = "PBE"
    cutoff: Annotated[float, Field(ge=100, le=2000)] = 520.0
    kpoint_density: Annotated[float, Field(gt=0, le=20)] = 4.0
    smearing: SmearingSpec = SmearingSpec()
    spin: bool = False
    magnetic_moments: Moments = Field(default_factory=dict)
    energy_tolerance: PositiveFloat = 1e-7
    scf_steps: PositiveInt = 150
    band: Literal["ase", "vtst"] = "ase"
    relaxation: RelaxationSpec = RelaxationSpec(fmax=0.01, max_steps=200)
    workflow: MigrationBarrierSpec | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> VaspSpec:
        check_moments(self.spin, self.magnetic_moments)
        if self.smearing.type == "marzari_vanderbilt":
            raise ValueError("smearing.type: marzari_vanderbilt; expected fermi_dirac or methfessel_paxton")
        if (self.xc == "LDA") != self.release.startswith("LDA"):
            expected = "an LDA" if self.xc == "LDA" else "a PBE"
            raise ValueError(f"release: {self.release} does not go with xc: {self.xc}; expected {expected} release")
        return self
