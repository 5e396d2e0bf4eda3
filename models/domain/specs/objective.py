"""Specs of the objective: goals, stop rule and constraints."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from tansaku.models.domain.specs.base import PositiveFloat, PositiveInt, Spec
from tansaku.models.domain.units import Unit, parse_quantity, quantity_in

Direction = Literal["minimize", "maximize"]

PROPERTY_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
"""Pattern of the names of properties."""


def _with_unit(value: object) -> object:
    parse_quantity(value)
    return value


QuantityText = Annotated[str, BeforeValidator(_with_unit), StringConstraints(strip_whitespace=True)]
"""A number with its unit, such as ``0.3 eV``."""


AcquisitionName = Literal[
    "ei", "log_ei", "pi", "ucb", "thompson", "expected_found", "straddle", "probability", "ehvi", "dominance"
]

_OF_A_BEST: tuple[AcquisitionName, ...] = ("ei", "log_ei", "pi", "ucb", "thompson")


class GoalBase(Spec):
    """Base class of the specs of goals."""

    acquisitions: ClassVar[tuple[AcquisitionName, ...]] = _OF_A_BEST
    """Acquisitions that serve it, the usual one first."""

    gridded: ClassVar[bool] = False
    """Whether it needs a space whose candidates are points of one periodic grid."""

    view: ClassVar[str] = ""
    """View of a campaign's results instead of the table of systems; ``models/domain/rooms.py`` has all views."""

    @property
    def further(self) -> tuple[FurtherObjectiveSpec, ...]:
        """Objectives besides the campaign's first one."""
        return ()

    def check(self, _unit: Unit) -> None:
        """Raises ValueError unless the goal's own quantities suit the objective's unit."""

    def threshold_in(self, _unit: Unit) -> float | None:
        """The value that a candidate has to meet, in a unit; None where candidates are only compared with each other."""
        return None


class BestPerSystemSpec(GoalBase):
    """The best candidate of every system."""

    type: Literal["best_per_system"] = "best_per_system"


class BestOverallSpec(GoalBase):
    """The best candidate of all, whichever system it is in."""

    type: Literal["best_overall"] = "best_overall"


class TopKSpec(GoalBase):
    """The best few candidates of all systems together.

    Attributes:
        k: How many.
    """

    type: Literal["top_k"] = "top_k"
    k: PositiveInt


class AllBelowSpec(GoalBase):
    """All candidates at or below a threshold; at or above it with ``direction: maximize``.

    Attributes:
        threshold: A number with its unit, such as ``0.3 eV``; it is converted to the objective's unit.
    """

    acquisitions: ClassVar[tuple[AcquisitionName, ...]] = ("expected_found", "straddle", "probability")

    type: Literal["all_below"] = "all_below"
    threshold: QuantityText

    def check(self, unit: Unit) -> None:
        """Raises ValueError unless the threshold converts to the objective's unit."""
        try:
            quantity_in(self.threshold, unit)
        except ValueError as error:
            raise ValueError(f"threshold: {error}, the objective's unit") from error

    def threshold_in(self, unit: Unit) -> float:
        """The threshold in a unit."""
        return quantity_in(self.threshold, unit)


class FurtherObjectiveSpec(Spec):
    """A further property of the same evaluation that is to be minimised or maximised.

    Attributes:
        property: What the calculation gives besides the objective (``barrier_3d``, ``expansion``), a quantity that a table's
            ``space.columns.quantities`` names, or, with ``calculator: {type: manual}``, a further column of a report.
        direction: Whether low or high values are wanted.
        unit: Unit in which its values are shown and compared.
    """

    property: Annotated[str, Field(pattern=PROPERTY_PATTERN)]
    direction: Direction = "minimize"
    unit: Unit


class ParetoSpec(GoalBase):
    """All candidates that no other one beats in every respect: the objective, and further ones.

    Attributes:
        also: The further objectives.
        reference: Reference point of the dominated volume: a number with its unit for the objective and for each of ``also``,
            in that order. Null: the worst value observed of each.
    """

    acquisitions: ClassVar[tuple[AcquisitionName, ...]] = ("ehvi",)

    type: Literal["pareto"] = "pareto"
    also: Annotated[tuple[FurtherObjectiveSpec, ...], Field(min_length=1, max_length=3)]
    reference: tuple[QuantityText, ...] | None = None

    @model_validator(mode="after")
    def _each_once(self) -> ParetoSpec:
        names = [objective.property for objective in self.also]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"also: {twice!r} is named twice")
        return self

    @property
    def further(self) -> tuple[FurtherObjectiveSpec, ...]:
        """The objectives that are wanted beside the first."""
        return self.also

    def check(self, unit: Unit) -> None:
        """Raises ValueError unless the reference has one quantity of the right kind for each objective.

        Args:
            unit: Of the first objective.
        """
        if self.reference is None:
            return
        units = (unit, *(objective.unit for objective in self.also))
        if len(self.reference) != len(units):
            raise ValueError(f"reference: {len(self.reference)} values for {len(units)} objectives, expected one for each")
        for i, (text, own) in enumerate(zip(self.reference, units, strict=True)):
            try:
                quantity_in(text, own)
            except ValueError as error:
                raise ValueError(f"reference[{i}]: {error}, the unit of that objective") from error


class BottleneckSpec(GoalBase):
    """The barrier of the best path between a minimum of an energy surface and its images: minimum and bottleneck.

    Attributes:
        dimensions: Number of independent directions in which the path must lead.
        connectivity: Neighbours of a grid point: 6 (across faces) or 26 (across faces, edges and corners).
        sampling: Where more than 1,500 points may lie below the bottleneck: ``lowest`` draws the lowest 1,500 exactly and the
            others stay at their expected values; ``pathwise`` draws all, the prior by random frequencies.
    """

    acquisitions: ClassVar[tuple[AcquisitionName, ...]] = ("dominance",)
    gridded: ClassVar[bool] = True
    view: ClassVar[str] = "surface"

    type: Literal["bottleneck"] = "bottleneck"
    dimensions: Literal[1, 2, 3] = 1
    connectivity: Literal[6, 26] = 26
    sampling: Literal["lowest", "pathwise"] = "lowest"


class StopRuleSpec(Spec):
    """Condition under which the answer counts as known.

    Attributes:
        within: A number with its unit, such as ``5 mJ/m2``: an improvement smaller than this is not worth further evaluations.
        probability: The search stops when nothing better by more than ``within`` remains with this probability, in all systems
            together.
        every: Proposals between two checks.
    """

    within: QuantityText
    probability: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    every: PositiveInt = 10


class ConstraintsSpec(Spec):
    """Candidates that are never proposed.

    Attributes:
        max_cost: Candidates above this predicted cost are skipped [the space's cost unit].
        avoid_failures: Learn from failed calculations (not converged, atoms overlap) which other candidates are likely to fail,
            and multiply the acquisition by the probability of success. Proposer ``gp`` only.
    """

    max_cost: PositiveFloat | None = None
    avoid_failures: bool = False


GoalSpec = Annotated[
    BestPerSystemSpec | BestOverallSpec | TopKSpec | AllBelowSpec | ParetoSpec | BottleneckSpec, Field(discriminator="type")
]
"""The registry of goals: each class describes its kind. Plug-ins that bring a goal add its class here."""
