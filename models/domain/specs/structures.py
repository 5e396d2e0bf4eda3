"""Spec of a space of structures from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.door import one_of, spec_kinds
from tansaku.models.domain.specs.base import FilePath, NamesFile, Sha256
from tansaku.models.domain.specs.energy_space import PropertySpaceSpec
from tansaku.models.domain.specs.space_base import KeyPath, SpaceDescription, SpecFile
from tansaku.models.domain.specs.structure_features import (
    CompositionFeaturesSpec,
    DensityFeaturesSpec,
    FeaturesBase,
    InfoKey,
    SymmetryFeaturesSpec,
)

if TYPE_CHECKING:
    StructureFeaturesSpec = FeaturesBase
else:
    StructureFeaturesSpec = one_of(spec_kinds("features", FeaturesBase).values())

StructurePath = Annotated[FilePath, NamesFile("structure")]
FolderPath = Annotated[FilePath, NamesFile(None)]
GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
SystemRule = Literal["all", "formula", "elements", "space_group", "file"]
Duplicates = Literal["report", "drop", "refuse", "ignore"]

DEFAULT_FEATURES: Mapping[str, FeaturesBase] = {
    "composition": CompositionFeaturesSpec(),
    "density": DensityFeaturesSpec(),
    "symmetry": SymmetryFeaturesSpec(),
}


class StructuresSpaceSpec(PropertySpaceSpec):
    """Structures from files: CIF, POSCAR, extended XYZ, ASE databases, OPTIMADE answers that were saved as JSON.

    Attributes:
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

    description: ClassVar[SpaceDescription] = replace(
        PropertySpaceSpec.description, groups=("composition", "system"), competing=True
    )

    first_key: ClassVar[str] = "paths"
    opener: ClassVar[str] = "tansaku.spaces.structures:StructuresSpace"
    type: Literal["structures"] = "structures"
    folder: FolderPath | None = None
    paths: Annotated[tuple[StructurePath, ...], Field(min_length=1, max_length=10_000)] | None = None
    ids: InfoKey | None = None
    systems: SystemRule = "formula"
    system_key: InfoKey | None = None
    cost_key: InfoKey | None = None
    features: Annotated[dict[GroupName, StructureFeaturesSpec], Field(min_length=1)] = Field(
        default_factory=lambda: dict(DEFAULT_FEATURES)
    )
    duplicates: Duplicates = "report"
    box: Annotated[float, Field(ge=1, le=50)] | None = None
    sha256: Sha256 | None = None
    hashes: tuple[Sha256, ...] = ()
    named_by_file: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> StructuresSpaceSpec:
        if (self.folder is None) == (self.paths is None):
            raise ValueError("folder, paths: expected one of them, and only one")
        if self.hashes and len(self.hashes) != len(self.paths or ()):
            raise ValueError(f"hashes: {len(self.hashes)} for {len(self.paths or ())} paths, expected one for each")
        return self

    @model_validator(mode="after")
    def _cost_is_of_one_kind(self) -> StructuresSpaceSpec:
        if self.cost_key is not None and self.cost.model != "atoms":
            raise ValueError("cost_key: costs are given by it; remove it or cost.model")
        return self

    @property
    def one_problem(self) -> bool:
        """Whether all structures are one system."""
        return self.systems == "all" and self.system_key is None

    def files(self) -> tuple[SpecFile, ...]:
        """The folder or the files, and the file of phases."""
        hashes = self.hashes or (None,) * len(self.paths or ())
        named = tuple(
            SpecFile(("paths", i), path, sha256, largest="structure_bytes")
            for i, (path, sha256) in enumerate(zip(self.paths or (), hashes, strict=True))
        )
        folder = () if self.folder is None else (SpecFile(("folder",), self.folder, self.sha256, "folder", "structure_bytes"),)
        return (*super().files(), *folder, *named)

    def with_hashes(self, hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the hashes of what it names."""
        found = super().with_hashes(hashes)
        update = {"sha256": hashes.get(("folder",)), "hashes": tuple(hashes["paths", i] for i in range(len(self.paths or ())))}
        return found.model_copy(update=update)
