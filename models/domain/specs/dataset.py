"""Data-set specs: structures that a campaign computes, or that a user brings, and how they are divided."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import (
    PLAIN_TEXT,
    FilePath,
    Name,
    NamesFile,
    PositiveFloat,
    PositiveInt,
    Sha256,
    Spec,
    set_default,
)
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.descriptors import Descriptors, RadialDescriptorSpec, SoapDescriptorSpec
from tansaku.models.domain.specs.execution import ExecutionSpec
from tansaku.models.domain.specs.label import LabelSpec
from tansaku.models.domain.specs.space import SPACE_SPECS, SpaceSpec
from tansaku.models.domain.specs.surrogate_base import PropertyName

LABELS = "-labels"
"""End of the name of the campaign that computes chosen labels."""

Key = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$")]


class ChoiceSpec(Spec):
    """Choice of the structures of the training groups that are labelled.

    All held-out structures are labelled, because errors are measured on them.

    Attributes:
        by: ``information``: the most informative structures for their cost about the atoms of all structures, held-out ones
            included, one after the other, before any label is known; ``size``: the smallest first; ``random``.
        share: Share of the cost of labelling all training structures.
        power: A label's cost is the number of atoms to this power; 3 suits density-functional theory.
        descriptors: Descriptors of an atom's surroundings for ``information``.
    """

    by: Literal["information", "size", "random"] = "information"
    share: Annotated[float, Field(gt=0.0, le=1.0)]
    power: PositiveFloat = 1.0
    descriptors: Descriptors = (RadialDescriptorSpec(), SoapDescriptorSpec())


class ComputedSourceSpec(Spec):
    """Structures of a space, computed by a calculator: a campaign of the data set's name computes them.

    Attributes:
        space: The space of the structures, not a table or compositions. Boundaries are relaxed, crystals
            and oxides computed as they stand.
        calculator: Calculator that computes them; its energies and forces are stored.
        label: A further calculator whose energies of the same structures are also stored, None: none. Boundaries only.
        per_system: Structures of each system, chosen at random; None: all.
        choice: Which of the structures get a label, None: all. The others are relaxed and then left out.
        group: Structures that are kept together, in training or in held-out data: all of a ``system`` (a boundary, a crystal's
            scan, the oxides of one structure), or all of one ``composition`` (named ``SiO2``), in whatever structure; None:
            ``composition`` for oxides, else ``system``.
        force_consistent: Store as ``energy`` the free energy of the electrons, whose derivatives the forces are, if the
            calculator reports it besides the energy extrapolated to zero smearing. Crystals only.
        reuse: Whether results that other campaigns of the database have computed before, of the same structures and calculator,
            are adopted instead of computed again.
        execution: How the calculations run; ``polish`` has no meaning here.
    """

    type: Literal["computed"] = "computed"
    space: SpaceSpec
    calculator: CalculatorSpec
    label: LabelSpec | None = None
    per_system: PositiveInt | None = 3
    choice: ChoiceSpec | None = None
    group: Literal["system", "composition"] | None = None
    force_consistent: bool = False
    # Added after the first release: without this key, specs and their hashes are unchanged.
    reuse: Annotated[bool, Field(exclude_if=lambda reuse: not reuse)] = False
    execution: ExecutionSpec = ExecutionSpec(polish=0)

    @property
    def grouped_by(self) -> Literal["system", "composition"]:
        """Groups of structures that are never divided."""
        return self.group or self.space.description.groups[0]

    @model_validator(mode="after")
    def _structures_to_learn(self) -> ComputedSourceSpec:
        if not self.space.description.learnable:
            known = ", ".join(name for name, space in SPACE_SPECS.items() if space.description.learnable)
            raise ValueError(f"space.type: a {self.space.type} space has no structures to learn from; expected one of {known}")
        self.space.check_use(self.calculator, "type: computed")
        return self

    @model_validator(mode="after")
    def _several_compositions(self) -> ComputedSourceSpec:
        if self.group is not None and self.group not in self.space.description.groups:
            raise ValueError(f"group: all of a {self.space.type} space is of one composition; expected system")
        return self

    @model_validator(mode="after")
    def _nothing_is_polished(self) -> ComputedSourceSpec:
        set_default(self, execution=self.execution.without_polish("a data set"))
        return self

    @model_validator(mode="after")
    def _label_has_a_boundary(self) -> ComputedSourceSpec:
        if self.label is not None:
            self.space.check_label(relaxed=self.label.relaxed)
        if self.force_consistent and not self.space.description.keeps_free_energy:
            raise ValueError(f"force_consistent: a {self.space.type} space keeps no free energy; remove it")
        return self

    @model_validator(mode="after")
    def _something_to_choose(self) -> ComputedSourceSpec:
        if self.choice is not None and self.label is None:
            raise ValueError("choice: it selects structures to label, but there is no label; remove it or add label")
        return self


class FileSourceSpec(Spec):
    """Structures of a user's extended XYZ file (plain or .gz), e.g. with atomic energies of density-functional theory.

    Attributes:
        path: The file.
        energies: Array with the energy of each atom [eV]; None: the file has none.
        energy: Key of the total energy of a structure [eV]; None: the sum of the atoms' energies.
        forces: Array with the force on each atom [eV/Å]; None: there are none to learn from. Of structures without it no forces
            are known.
        properties: Keys of further numbers that each structure has (a barrier, a gap); they are learned by these names.
        group: Key whose value is a structure's group; structures of one group are never divided.
        sha256: Content hash of the file; filled in when the spec is resolved.
    """

    type: Literal["file"] = "file"
    path: Annotated[FilePath, NamesFile("structure")]
    energies: Key | None = "energies"
    energy: Key | None = None
    forces: Key | None = None
    properties: Annotated[tuple[PropertyName, ...], Field(max_length=32)] = ()
    group: Key = "system"
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _something_known(self) -> FileSourceSpec:
        if self.energies is None and self.energy is None and not self.properties:
            raise ValueError("energies, energy: both are null; expected at least one, or properties")
        for name in ("energy", "energies", "forces", "stress"):
            if name in self.properties:
                raise ValueError(f"properties: {name!r} is not a further number; energies and forces have keys of their own")
        return self


class ObservedSourceSpec(Spec):
    """Results of a campaign that trains its own surrogate; written by the campaign, not allowed in a file.

    Attributes:
        campaign: Its name.
        horizon: Largest proposal number whose result is in it.
    """

    type: Literal["observed"] = "observed"
    campaign: Name
    horizon: PositiveInt


class ShareSplitSpec(Spec):
    """A share of the groups is held out, drawn by the data set's seed; adding groups does not move the others.

    Attributes:
        held_out: About this share of the groups.
    """

    type: Literal["share"] = "share"
    held_out: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.25


class AboveSplitSpec(Spec):
    """Groups with a large value of a number are held out, e.g. all boundaries above a Σ.

    Attributes:
        key: Key of the number in the structures' metadata; the smallest number of a group's members counts.
        above: Groups above it are held out.
    """

    type: Literal["above"] = "above"
    key: Key
    above: float


class GroupsSplitSpec(Spec):
    """Groups that are named are held out, e.g. whole scans of a crystal.

    Attributes:
        held_out: Names of groups, or shell-style patterns such as ``*-rattle-0.2``; each must fit a group.
    """

    type: Literal["groups"] = "groups"
    held_out: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200), PLAIN_TEXT], ...], Field(min_length=1)]


SplitSpec = Annotated[ShareSplitSpec | AboveSplitSpec | GroupsSplitSpec, Field(discriminator="type")]
DatasetSourceSpec = Annotated[ComputedSourceSpec | FileSourceSpec | ObservedSourceSpec, Field(discriminator="type")]


class DatasetSpec(Spec):
    """A data-set file.

    Attributes:
        schema_version: Version of this format.
        name: Name of the data set, and of the campaign that computes it.
        seed: Start of every random choice.
        source: Source of the structures and energies.
        split: Rule for the structures that are held out of every training.
    """

    schema_version: Literal[1]
    name: Name
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    source: DatasetSourceSpec
    split: SplitSpec = ShareSplitSpec()

    @model_validator(mode="after")
    def _labels_can_be_named(self) -> DatasetSpec:
        longest = 63 - len(LABELS)
        if isinstance(self.source, ComputedSourceSpec) and self.source.choice is not None and len(self.name) > longest:
            raise ValueError(
                f"name: {self.name!r} has {len(self.name)} characters; expected at most {longest} with source.choice"
            )
        return self
