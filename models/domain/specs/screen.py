"""Screen files: many boundaries whose energies a trained model predicts, and of which the promising ones are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import Name, PositiveInt, Spec, set_default
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.table import AtomicCalculatorSpec, CalculatorSpec
from tansaku.models.domain.specs.execution import ExecutionSpec
from tansaku.models.domain.specs.space import SpaceSpec


class ScreenLabelSpec(Spec):
    """Computation of the promising structures of a screen by the calculator whose energies the model learned.

    A sample calibrates the model's errors; then the structure that most likely is one of the lowest is computed, one after the
    other, until the rest are unlikely to change them.

    Attributes:
        calculator: What computes the structures as they are, in the screen's own process.
        lowest: Number of the lowest boundaries that are wanted, with their energies.
        probability: That no other structure changes them, at which the computations end.
        sample: Structures that are computed first, spread over the predicted energies.
        most: Structures that are computed, at most.
    """

    calculator: AtomicCalculatorSpec
    lowest: PositiveInt = 10
    probability: Annotated[float, Field(ge=0.5, lt=1.0)] = 0.95
    sample: Annotated[int, Field(ge=5)] = 20
    most: PositiveInt = 200

    @model_validator(mode="after")
    def _computed_here(self) -> Self:
        if workflow_of(self.calculator) is not None:
            raise ValueError("calculator.workflow: a label is an energy of a structure; remove it")
        if self.most < self.sample:
            raise ValueError(f"most: {self.most}; expected at least sample, {self.sample}")
        return self


class ScreenSpec(Spec):
    """A screen file.

    Attributes:
        schema_version: Version of this format.
        name: Name of the screen; the campaign of an axis is called by it and the axis, ``NAME-110``.
        seed: Start of every random choice.
        model: What predicts: NAME@VERSION of the registry, or a name alone for the version that is promoted.
        space: The space of the boundaries. In that of an element ``axes`` replaces ``axis``; boundaries of a compound are those
            of its keys ``planes`` and ``boundaries``.
        axes: Tilt axes of an element; the space is searched for each. Null: [1, 1, 0].
        calculator: Calculator that relaxes the structures, as it did those on which the model was trained. Results list its
            boundary energies with the predicted ones.
        per_system: Structures of each boundary, chosen at random.
        label: Computation of the promising structures; null: all are predicted alone.
        execution: How the relaxations run; ``polish`` has no meaning here.
    """

    schema_version: Literal[1]
    name: Annotated[Name, Field(max_length=48)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    model: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}(@[1-9][0-9]{0,8})?$")]
    space: SpaceSpec
    axes: Annotated[tuple[tuple[int, int, int], ...], Field(min_length=1, max_length=64)] | None = None
    calculator: CalculatorSpec
    per_system: PositiveInt = 1
    label: ScreenLabelSpec | None = None
    execution: ExecutionSpec = ExecutionSpec(polish=0)

    @model_validator(mode="after")
    def _structures_alone_are_wanted(self) -> ScreenSpec:
        set_default(self, execution=self.execution.without_polish("a screen"))
        if workflow_of(self.calculator) is not None:
            raise ValueError("calculator.workflow: boundaries are relaxed as they are; remove it")
        self.space.check_use(self.calculator, "model")
        return self

    @model_validator(mode="after")
    def _boundaries_to_screen(self) -> ScreenSpec:
        self.searched()
        return self

    def searched(self) -> Mapping[str, SpaceSpec]:
        """The spaces of its campaigns, by the end of their names."""
        return self.space.screens(self.axes)
