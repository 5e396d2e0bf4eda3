"""Spec of a space of molecules: known ones, and others that are made of their parts and by edits of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PLAIN_TEXT, FilePath, NamesFile, Sha256, Spec
from tansaku.models.domain.specs.column_scale import ColumnScale
from tansaku.models.domain.specs.cost import AtomsCostSpec, CostPrior
from tansaku.models.domain.specs.space_base import KeyPath, SpaceBase, SpaceDescription, SpecFile

ION_BINDING_ENERGY = "ion_binding_energy"
"""The property that such a space is about [kJ/mol]."""

SMILES = "smiles"
"""Key of ``Atoms.info`` that says which molecule a structure is of."""

Smiles = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9@+\-\[\]()=#%/\\.:*]+$"), PLAIN_TEXT]
Smarts = Annotated[str, Field(min_length=1, max_length=400), PLAIN_TEXT]
ElementSymbol = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
ColumnName = Annotated[str, Field(min_length=1, max_length=400), PLAIN_TEXT]
TablePath = Annotated[FilePath, NamesFile("table")]


class GenerationSpec(Spec):
    """Generation of molecules from the known ones, by random choices.

    Attributes:
        number: Largest number of molecules that are generated. There are fewer if no more are found.
        fragments: Most parts that are joined to one molecule. Parts are what is left of the known molecules when bonds that a
            synthesis may make are cut (BRICS, https://doi.org/10.1002/cmdc.200800178); parts are joined by such bonds only.
            0: none.
        edits: Most edits of a molecule, known or joined: an atom added, replaced, removed, or put into a bond; a bond made
            single, double or triple; a ring closed or opened; a part attached or exchanged. 0: none.
    """

    number: Annotated[int, Field(ge=1, le=100_000)] = 1000
    fragments: Annotated[int, Field(ge=0, le=8)] = 3
    edits: Annotated[int, Field(ge=0, le=8)] = 2

    @model_validator(mode="after")
    def _makes_something(self) -> GenerationSpec:
        if not self.fragments and not self.edits:
            raise ValueError("fragments, edits: both are 0; expected at least one, or generate: null")
        return self


class MoleculeRulesSpec(Spec):
    """Rules that every candidate must meet, known or generated.

    Attributes:
        elements: Elements besides hydrogen; null: those of the known molecules.
        min_heavy_atoms: Fewest atoms that are not hydrogen.
        max_heavy_atoms: Largest number of such atoms.
        max_rings: Largest number of rings.
        max_synthesizability: Largest synthetic accessibility score, from 1 (easy) to 10, of
            https://doi.org/10.1186/1758-2946-1-8 as RDKit computes it. It means little for molecules of one or two heavy atoms.
            Null: any.
        unstable: Whether unstable groups are allowed: peroxides, hemiacetals, enols, allenes and the like; the guide
            lists them.
        exclude: SMARTS patterns that no candidate may contain.
    """

    elements: Annotated[tuple[ElementSymbol, ...], Field(min_length=1)] | None = None
    min_heavy_atoms: Annotated[int, Field(ge=1, le=60)] = 1
    max_heavy_atoms: Annotated[int, Field(ge=1, le=60)] = 12
    max_rings: Annotated[int, Field(ge=0, le=10)] | None = None
    max_synthesizability: Annotated[float, Field(ge=1, le=10)] | None = 4.5
    unstable: bool = False
    exclude: Annotated[tuple[Smarts, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _sizes_fit(self) -> MoleculeRulesSpec:
        if self.min_heavy_atoms > self.max_heavy_atoms:
            raise ValueError(f"min_heavy_atoms: {self.min_heavy_atoms}, above max_heavy_atoms {self.max_heavy_atoms}")
        return self


class MoleculeRefinementSpec(Spec):
    """Candidates around the best ones found, besides those that are made beforehand.

    Attributes:
        around: Best candidates that get neighbours: molecules that one edit makes of them.
        neighbours: Largest number of neighbours of each.
    """

    around: Annotated[int, Field(ge=1, le=20)] = 3
    neighbours: Annotated[int, Field(ge=1, le=1000)] = 100


class MoleculesSpaceSpec(SpaceBase):
    """Molecules: known ones, and others made of their parts and by edits of them. An id is the SMILES of its molecule.

    Attributes:
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

    description: ClassVar[SpaceDescription] = SpaceDescription(
        properties=(ION_BINDING_ENERGY,), jobs={"ion_binding": "binding"}
    )

    first_key: ClassVar[str] = "file"
    opener: ClassVar[str] = "tansaku.spaces.molecules.space:MoleculesSpace"
    type: Literal["molecules"] = "molecules"
    file: TablePath | None = None
    column: ColumnName = "smiles"
    sha256: Sha256 | None = None
    seeds: Annotated[tuple[Smiles, ...], Field(max_length=10_000)] = ()
    known: bool = True
    generate: GenerationSpec | None = GenerationSpec()
    rules: MoleculeRulesSpec = MoleculeRulesSpec()
    refine: MoleculeRefinementSpec | None = MoleculeRefinementSpec()
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    cost: AtomsCostSpec = AtomsCostSpec()
    scale: ColumnScale | None = None

    @model_validator(mode="after")
    def _has_molecules(self) -> Self:
        if self.file is None and not self.seeds:
            raise ValueError("file, seeds: neither names a molecule; expected at least one")
        if not self.known and self.generate is None:
            raise ValueError("known, generate: without either there are no candidates; expected at least one")
        if self.sha256 is not None and self.file is None:
            raise ValueError("sha256: given without file; remove it")
        return self

    @model_validator(mode="after")
    def _cost_is_of_atoms(self) -> Self:
        if self.cost.kpoint_density is not None:
            raise ValueError("cost.kpoint_density: molecules have no k-points; remove it")
        return self

    def cost_prior(self) -> CostPrior | None:
        """Cost by the number of atoms."""
        return self.cost.prior()

    @property
    def one_problem(self) -> bool:
        """Yes: all molecules are one system."""
        return True

    def files(self) -> tuple[SpecFile, ...]:
        """The table of known molecules."""
        return () if self.file is None else (SpecFile(("file",), self.file, self.sha256),)

    def with_hashes(self, hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the hash of its file."""
        return self if self.file is None else self.model_copy(update={"sha256": hashes["file",]})
