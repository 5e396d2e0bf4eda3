"""Screen files: many boundaries whose energies a trained model predicts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import Name, PositiveInt, Spec, set_default
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.execution import ExecutionSpec
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec


class ScreenSpec(Spec):
    """A screen file.

    Attributes:
        schema_version: Version of this format.
        name: Name of the screen; the campaign of an axis is called by it and the axis, ``NAME-110``.
        seed: Start of every random choice.
        model: What predicts: NAME@VERSION of the registry, or a name alone for the version that is promoted.
        space: The space of the boundaries; ``axes`` replaces its ``axis``.
        axes: Tilt axes; the space is searched for each.
        calculator: Calculator that relaxes the structures, as it did those on which the model was trained. Results list its
            boundary energies with the predicted ones.
        per_system: Structures of each boundary, chosen at random.
        execution: How the relaxations run; ``polish`` has no meaning here.
    """

    schema_version: Literal[1]
    name: Annotated[Name, Field(max_length=48)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    model: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}(@[1-9][0-9]{0,8})?$")]
    space: GrainBoundarySpaceSpec
    axes: Annotated[tuple[tuple[int, int, int], ...], Field(min_length=1, max_length=64)] = ((1, 1, 0),)
    calculator: CalculatorSpec
    per_system: PositiveInt = 1
    execution: ExecutionSpec = ExecutionSpec(polish=0)

    @model_validator(mode="after")
    def _structures_alone_are_wanted(self) -> ScreenSpec:
        set_default(self, execution=self.execution.without_polish("a screen"))
        if workflow_of(self.calculator) is not None:
            raise ValueError("calculator.workflow: boundaries are relaxed as they are; remove it")
        self.space.check_use(self.calculator, "model")
        return self

    @model_validator(mode="after")
    def _axes_differ(self) -> ScreenSpec:
        names = [axis_name(axis) for axis in self.axes]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise ValueError(f"axes: {list(self.axes[place])} is listed twice")
        return self


def axis_name(axis: tuple[int, int, int]) -> str:
    """An axis in letters that are safe in names: ``110``, ``m110``; ``1-1-12`` where digits alone are ambiguous."""
    parts = [f"{'m' if index < 0 else ''}{abs(index)}" for index in axis]
    return ("-" if any(abs(index) > 9 for index in axis) else "").join(parts)
