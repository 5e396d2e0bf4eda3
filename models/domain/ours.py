"""The table of tansaku's own kinds, in the shape of entry points. It imports nothing: the start of a command reads it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec

_SPECS = "tansaku.models.domain.specs"
_CALCULATORS = f"{_SPECS}.calculators"
_OBJECTIVES = (
    "grain_boundary_energy",
    "label_grain_boundary_energy",
    "expansion",
    "migration_barrier",
    "barrier_1d",
    "barrier_2d",
    "barrier_3d",
    "spread",
    "ion_binding_energy",
    "segregation_energy",
    "energy_above_hull",
    "energy_per_atom",
    "energy",
    "formation_energy",
    "volume",
    "bulk_modulus",
    "band_gap",
)
_PEERS = ("physbo", "botorch-single", "botorch-multi", "optuna-tpe", "optuna-gp", "baybe", "sklearn", "ax", "emukit")

OURS: Mapping[str, Mapping[str, str]] = {
    "calculators": {
        "lammps": f"{_CALCULATORS}.lammps:LammpsSpec",
        "emt": f"{_CALCULATORS}.emt:EmtSpec",
        "buckingham": f"{_CALCULATORS}.buckingham:BuckinghamSpec",
        "chgnet": f"{_CALCULATORS}.chgnet:ChgnetSpec",
        "sevennet": f"{_CALCULATORS}.sevennet:SevennetSpec",
        "gpaw": f"{_CALCULATORS}.gpaw:GpawSpec",
        "espresso": f"{_CALCULATORS}.espresso:EspressoSpec",
        "vasp": f"{_CALCULATORS}.vasp:VaspSpec",
        "atomate2": f"{_CALCULATORS}.atomate2:Atomate2Spec",
        "potential": "tansaku.potentials.specs.calculator:PotentialCalculatorSpec",
        "surrogate": f"{_CALCULATORS}.surrogate:SurrogateCalculatorSpec",
        "manual": f"{_CALCULATORS}.manual:ManualSpec",
        "function": f"{_CALCULATORS}.function:FunctionCalculatorSpec",
        "command": f"{_CALCULATORS}.command:CommandCalculatorSpec",
        "ase": f"{_CALCULATORS}.ase:AseCalculatorSpec",
    },
    "spaces": {
        "grain_boundary": f"{_SPECS}.grain_boundary:GrainBoundarySpaceSpec",
        "table": f"{_SPECS}.table:TableSpaceSpec",
        "composition": f"{_SPECS}.composition:CompositionSpaceSpec",
        "crystals": f"{_SPECS}.crystals:CrystalsSpaceSpec",
        "prototypes": f"{_SPECS}.prototypes:PrototypesSpaceSpec",
        "energy_surface": f"{_SPECS}.energy_surface:EnergySurfaceSpaceSpec",
        "structures": f"{_SPECS}.structures:StructuresSpaceSpec",
        "segregation": f"{_SPECS}.segregation:SegregationSpaceSpec",
        "compound_boundary": f"{_SPECS}.compound_boundary:CompoundBoundarySpaceSpec",
        "parameters": f"{_SPECS}.parameters:ParametersSpaceSpec",
        "molecules": f"{_SPECS}.molecules:MoleculesSpaceSpec",
    },
    "objectives": {
        **{name: f"tansaku.models.domain.objectives:{name.upper()}" for name in _OBJECTIVES},
    },
    "proposers": {
        "gp": f"{_SPECS}.proposer:GPProposerSpec",
        "arms": f"{_SPECS}.proposer:ArmsProposerSpec",
        "multi_level": f"{_SPECS}.proposer:MultiLevelProposerSpec",
        "random": f"{_SPECS}.proposer:RandomProposerSpec",
        "grid": f"{_SPECS}.proposer:GridProposerSpec",
        "listed": f"{_SPECS}.proposer:ListedProposerSpec",
        "disagreement": f"{_SPECS}.proposer:DisagreementProposerSpec",
        "sparse": f"{_SPECS}.proposer:SparseProposerSpec",
    },
    "features": {
        "composition": f"{_SPECS}.structure_features:CompositionFeaturesSpec",
        "density": f"{_SPECS}.structure_features:DensityFeaturesSpec",
        "symmetry": f"{_SPECS}.structure_features:SymmetryFeaturesSpec",
        "soap": f"{_SPECS}.structure_features:SoapFeaturesSpec",
        "info": f"{_SPECS}.structure_features:InfoFeaturesSpec",
    },
    "workflows": {
        "barrier": f"{_SPECS}.job_description:BARRIER",
        "binding": f"{_SPECS}.job_description:BINDING",
        "boundary": f"{_SPECS}.job_description:BOUNDARY",
        "energy": f"{_SPECS}.job_description:ENERGY",
        "segregation": f"{_SPECS}.job_description:SEGREGATION",
        "compound_boundary": f"{_SPECS}.job_description:COMPOUND_BOUNDARY",
    },
    "launchers": {
        "local": f"{_SPECS}.local_launcher:LocalLauncherSpec",
        "fireworks": f"{_SPECS}.cluster:FireworksLauncherSpec",
    },
    "surrogates": {
        "local_energies": f"{_SPECS}.surrogate:LocalEnergiesSpec",
        "kernel_ridge": f"{_SPECS}.kernel_ridge:KernelRidgeSpec",
        "sparse": f"{_SPECS}.surrogate:SparseSpec",
        "potential": "tansaku.potentials.specs.network:PotentialSpec",
        "voxel_network": "tansaku.potentials.specs.voxel_network:VoxelNetworkSpec",
        "stacked": "tansaku.potentials.specs.stacked:StackedSpec",
    },
    "commands": {"path": "tansaku.diffusion.offers:COMMAND", "sparse": "tansaku.sparse.commands:COMMANDS"},
    "pages": {"diffusion": "tansaku.diffusion.offers:PAGE", "sparse": "tansaku.sparse.page:PAGE"},
    "forms": {"diffusion": "tansaku.diffusion.offers:FORM"},
    "figures": {
        "boundaries": "tansaku.models.domain.figure_sets:BOUNDARIES",
        "compositions": "tansaku.models.domain.figure_sets:COMPOSITIONS",
        "parameters": "tansaku.models.domain.figure_sets:PARAMETERS",
        "paths": "tansaku.diffusion.offers:FIGURES",
        "segregation": "tansaku.models.domain.figure_sets:SEGREGATION",
        "compound_boundaries": "tansaku.models.domain.figure_sets:COMPOUND_BOUNDARIES",
    },
    "methods": dict.fromkeys(_PEERS, "tansaku.peers.offers:PEER"),
    "views": {"surface": "tansaku.diffusion.offers:SURFACE"},
}
"""Tansaku's own kinds, by group and name, as a package's entry points name its plug-ins. Schemas keep this order.

Commands, pages, views, methods and some figures belong to rooms: folders that no other part imports, and that an installation
may lack.
"""


@cache
def installed(group: str) -> Mapping[str, str]:
    """Entries of a group whose packages are there."""
    return {name: path for name, path in OURS[group].items() if _there(package_of(path))}


def package_of(path: str) -> str:
    """The room or sub-package of tansaku in which a module lies, for ``tansaku.sparse.page:PAGE`` ``tansaku.sparse``."""
    return ".".join(path.partition(":")[0].split(".")[:2])


@cache
def _there(package: str) -> bool:
    return find_spec(package) is not None
