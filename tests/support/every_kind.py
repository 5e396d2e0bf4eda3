"""A package with a plug-in of each kind, and crystals for its space."""

from __future__ import annotations

from pathlib import Path

from ase.build import bulk

SPECS = {
    "my_calculators": """
from tansaku.models.domain.specs.calculators.ase_table import AseEntry

weak = AseEntry(name="weak", factory="ase.calculators.emt:EMT", keywords={"asap_cutoff": "boolean"})
""",
    "my_objectives": """
from tansaku.models.domain.objectives import ObjectiveDescription

force = ObjectiveDescription("my_force", ("eV/Angstrom", "meV/Angstrom"), compute="my_code:largest_force")
""",
    "my_workflows": """
from tansaku.models.domain.specs.job_description import JobDescription

job = JobDescription("tansaku.tasks.node.jobs.energy:open_energy_job")
""",
    "my_spaces": """
from typing import ClassVar, Literal
from tansaku.models.domain.specs.space_base import SpaceDescription
from tansaku.models.domain.specs.structures import StructuresSpaceSpec

class SpaceSpec(StructuresSpaceSpec):
    opener: ClassVar[str] = "tansaku.spaces.structures:StructuresSpace"
    description: ClassVar[SpaceDescription] = SpaceDescription(
        properties=StructuresSpaceSpec.description.properties, jobs={None: "my_job"}, learnable=True
    )
    type: Literal["my_space"] = "my_space"
""",
    "my_proposers": """
from typing import ClassVar, Literal
from tansaku.models.domain.specs.proposer import ProposerBase

class ProposerSpec(ProposerBase):
    opener: ClassVar[str] = "my_code:proposer"
    type: Literal["my_proposer"] = "my_proposer"
""",
    "my_launchers": """
from typing import ClassVar, Literal
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec

class LauncherSpec(LocalLauncherSpec):
    opener: ClassVar[str] = "tansaku.tasks.backends.launchers.local_backend:LocalBackend"
    type: Literal["my_launcher"] = "my_launcher"
""",
    "my_surrogates": """
from typing import ClassVar, Literal
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec, StructureDescriptorSpec

class SurrogateSpec(KernelRidgeSpec):
    opener: ClassVar[str] = "tansaku.models.surrogates.kernel_ridge.training:KernelRidgeTrainer"
    restore: ClassVar[str] = "tansaku.models.surrogates.kernel_ridge.model:KernelRidge.from_weights"
    type: Literal["my_surrogate"] = "my_surrogate"
    descriptors: tuple[StructureDescriptorSpec, ...] = (RadialDescriptorSpec(widths=(0.4,)),)
""",
    "my_features": """
from typing import ClassVar, Literal
from tansaku.models.domain.specs.structure_features import FeaturesBase

class FeaturesSpec(FeaturesBase):
    opener: ClassVar[str] = "my_code:counts"
    type: Literal["my_features"] = "my_features"
    element: str = "Cu"
    wrong: bool = False
""",
}
CODE = """
def proposer(spec, objective, constraints):
    from tansaku.models.domain.specs.proposer import GPProposerSpec
    from tansaku.models.engine.gp import GPProposer
    from tansaku.models.engine.presets import settings

    return GPProposer(settings(GPProposerSpec(preset="published")))

def counts(spec, structures):
    if spec.wrong:
        return [1.0]
    return [[atoms.symbols.count(spec.element), atoms.get_volume()] for atoms in structures]

def largest_force(result):
    return {"value": float((result.forces**2).sum(axis=1).max() ** 0.5), "unit": "eV/Angstrom"}
"""
ENTRIES = {
    "calculators": {"weak": "my_calculators:weak"},
    "spaces": {"my_space": "my_spaces:SpaceSpec"},
    "objectives": {"my_force": "my_objectives:force"},
    "workflows": {"my_job": "my_workflows:job"},
    "proposers": {"my_proposer": "my_proposers:ProposerSpec"},
    "launchers": {"my_launcher": "my_launchers:LauncherSpec"},
    "surrogates": {"my_surrogate": "my_surrogates:SurrogateSpec"},
    "features": {"my_features": "my_features:FeaturesSpec"},
}


def write_crystals(folder: Path) -> None:
    """Writes two cells, smaller and larger, with displaced atoms, of each of five ordered alloys; each formula is a system."""
    folder.mkdir()
    for nickel in range(5):
        for number, length in enumerate((3.5, 3.7)):
            atoms = bulk("Cu", "fcc", a=length, cubic=True)
            atoms.symbols[:nickel] = "Ni"
            atoms.rattle(0.05, seed=number)
            atoms.write(folder / f"{nickel}-{number}.vasp", format="vasp")
