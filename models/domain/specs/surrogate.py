"""Surrogate specs: which predictor, with which hyper-parameters, trained on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.door import one_of, spec_kinds
from tansaku.models.domain.specs.base import PLAIN_TEXT, Name, NonNegativeFloat, PositiveInt, Spec
from tansaku.models.domain.specs.descriptors import (
    Descriptors,
    RadialDescriptorSpec,
    SoapDescriptorSpec,
    StructureDescriptorSpec,
)
from tansaku.models.domain.specs.surrogate_base import PropertyName, SurrogateBase

DeviceChoice = Literal["cpu", "cuda", "auto"]
"""Device of a surrogate; ``auto``: a GPU where there is one."""


class LocalEnergiesSpec(SurrogateBase):
    """Energy of each atom as a sparse linear function of its surroundings (LASSO).

    Attributes:
        descriptors: Descriptors of an atom's surroundings.
        total_weights: Weights μ of the cells' total energies relative to the atoms' energies; cross-validation selects one.
        path_points: Number of penalties λ that are tried, downwards from the one at which all coefficients are zero.
        path_ratio: Smallest penalty divided by the largest.
        patience: The path ends when the cross-validated error has not fallen for this number of penalties.
        max_iterations: Largest number of sweeps of the solver for one penalty.
        tolerance: Duality gap, relative to the spread of the energies, at which the solver stops.
        solver: Features among which the solver looks for those that matter. ``working_set``: the selected ones, to which it
            adds those that may improve the fit most; ``strong_rule``: all that may be selected at the next penalty, which takes
            three times as long for two elements. null: ``working_set``, filled in when a file is loaded; ``strong_rule`` in
            campaigns that were stored before this key.
    """

    opener: ClassVar[str] = "tansaku.models.surrogates.local_energies.training:LocalEnergiesTrainer"
    restore: ClassVar[str] = "tansaku.models.surrogates.local_energies.model:LocalEnergies.from_weights"
    type: Literal["local_energies"] = "local_energies"
    descriptors: Descriptors = (RadialDescriptorSpec(), SoapDescriptorSpec())
    total_weights: Annotated[tuple[NonNegativeFloat, ...], Field(min_length=1, max_length=8)] = (0.0, 1.0, 10.0)
    path_points: Annotated[int, Field(ge=2, le=400)] = 41
    path_ratio: Annotated[float, Field(gt=0.0, lt=1.0)] = 1e-5
    patience: PositiveInt = 8
    max_iterations: PositiveInt = 3000
    tolerance: Annotated[float, Field(gt=0.0, lt=1.0)] = 1e-5
    solver: Literal["strong_rule", "working_set"] | None = None

    def of_new(self) -> Self:
        """The spec with the solver of new models, unless it names one."""
        return self if self.solver is not None else self.model_copy(update={"solver": "working_set"})


class SparseSpec(SurrogateBase):
    """A property of the whole structure by linear models of few columns, averaged over which columns.

    Attributes:
        property: Name of the property in the data set.
        per_atom: Whether it grows with the number of atoms and is learned per atom.
        columns: Keys of the structures' metadata, such as those of an extended XYZ file's comment line, whose numbers are
            columns, or shell-style patterns of them. Every structure must have them.
        descriptors: Descriptors of an atom's surroundings, averaged over the atoms, or of the whole structure; the fractions of
            the elements are added. None are needed where ``columns`` are given.
        max_features: Largest number of columns in a model.
        folds: Number of trainings without a part of the groups, from which its error is estimated.
    """

    opener: ClassVar[str] = "tansaku.models.surrogates.sparse.training:SparseTrainer"
    restore: ClassVar[str] = "tansaku.models.surrogates.sparse.model:SparseAverage.from_weights"
    type: Literal["sparse"] = "sparse"
    property: PropertyName = "energy"
    per_atom: bool = True
    columns: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100), PLAIN_TEXT], ...], Field(max_length=1000)] = ()
    descriptors: Annotated[tuple[StructureDescriptorSpec, ...], Field(max_length=8)] = ()
    max_features: Annotated[int, Field(ge=1, le=6)] = 3
    folds: Annotated[int, Field(ge=2, le=50)] = 10

    @model_validator(mode="after")
    def _sees_something(self) -> SparseSpec:
        if not self.columns and not self.descriptors:
            raise ValueError("columns, descriptors: both are empty; expected at least one")
        if self.property in self.columns:
            raise ValueError(f"columns: {self.property!r} is the property that is learned; remove it")
        return self

    def learned_properties(self) -> tuple[str, ...]:
        """The property."""
        return (self.property,)


SURROGATE_SPECS = spec_kinds("surrogates", SurrogateBase)
"""Classes of specs by type."""

if TYPE_CHECKING:
    SurrogateSpec = SurrogateBase
else:
    SurrogateSpec = one_of(SURROGATE_SPECS.values())


class ModelSpec(Spec):
    """A model file.

    Attributes:
        schema_version: Version of this format.
        name: Name of the model in the registry; every training is a new version of it.
        dataset: Name of a stored data set (its latest version) or the SHA-256 of one.
        learns: Whose energies are learned: those of the calculator that relaxed the structures, or of the data set's label.
        seed: Start of every random choice of the training; ``local_energies``, ``kernel_ridge`` and ``sparse`` make none.
        start: A model of the registry, ``NAME`` or ``NAME@VERSION``, whose weights the training begins with, of the same
            hyper-parameters but for the trainer's; null: weights drawn at random. Only ``potential`` has a use for it.
        surrogate: What is trained.
    """

    schema_version: Literal[1]
    name: Name
    dataset: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,62}|[0-9a-f]{64})$")]
    learns: Literal["calculator", "label"] = "calculator"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    start: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}(@[1-9][0-9]{0,8})?$")] | None = None
    surrogate: SurrogateSpec = LocalEnergiesSpec()
