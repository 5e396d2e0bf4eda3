"""Specs of the objective: goals, stop rule and constraints."""

from __future__ import annotations

import functools
import math
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from tansaku.models.domain.specs.base import PLAIN_TEXT, PositiveFloat, PositiveInt, Spec
from tansaku.models.domain.states import StopReason
from tansaku.models.domain.units import Unit, difference_in, parse_quantity, quantity_in
from tansaku.models.domain.wording import first_twice

Direction = Literal["minimize", "maximize"]

PROPERTY_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
"""Pattern of the names of properties, such as ``strength_MPa``."""


def _with_unit(value: object) -> object:
    parse_quantity(value)
    return value


QuantityText = Annotated[str, BeforeValidator(_with_unit), StringConstraints(strip_whitespace=True)]
"""A number with its unit, such as ``0.3 eV``."""


AcquisitionName = Literal[
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

FORMATION_ENERGY = "formation_energy"
"""Energy of a crystal above its elements."""

BY_SYSTEM = ("best_per_system", "hull")
"""Goals at which each system has its own value to beat."""

_OF_A_BEST: tuple[AcquisitionName, ...] = ("ei", "log_ei", "pi", "ucb", "thompson")


class GoalBase(Spec):
    """Base class of the specs of goals."""

    acquisitions: ClassVar[tuple[AcquisitionName, ...]] = _OF_A_BEST
    """Acquisitions that serve it, the usual one first."""

    gridded: ClassVar[bool] = False
    """Whether it needs a space whose candidates are points of one periodic grid."""

    properties: ClassVar[tuple[str, ...]] = ()
    """Properties that it is about; empty: any."""

    exchanging: ClassVar[bool] = False
    """Whether it needs candidates that exchange a neutral unit with their surroundings."""

    joint: ClassVar[bool] = False
    """Whether the answer follows from all energies together: low ones are wanted, without transfer and rehearsals."""

    limited: ClassVar[tuple[AcquisitionName, ...]] = ("log_ei", "ei", "pi")
    """Acquisitions that serve it where further quantities have limits, the usual one first; empty: it allows no limits."""

    view: ClassVar[str] = ""
    """View of a campaign's results instead of the table of systems; ``models/domain/rooms.py`` has all views."""

    @property
    def further(self) -> tuple[FurtherObjectiveSpec, ...]:
        """Objectives besides the campaign's first one."""
        return ()

    def describe(self, _name: str, _direction: Direction) -> str:
        """Returns what is wanted of several objectives in words; empty where there is one.

        Args:
            _name: Of the first objective.
            _direction: Of the first objective.
        """
        return ""

    @property
    def rank(self) -> int:
        """Further candidates are compared with the known one of this rank."""
        return 1

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

    @property
    def rank(self) -> int:
        """The number of wanted ones: a further one has to be better than the last of them."""
        return self.k


class AllBelowSpec(GoalBase):
    """All candidates at or below a threshold; at or above it with ``direction: maximize``.

    Attributes:
        threshold: A number with its unit, such as ``0.3 eV``; it is converted to the objective's unit.
    """

    acquisitions: ClassVar[tuple[AcquisitionName, ...]] = ("expected_found", "straddle", "probability")
    limited: ClassVar[tuple[AcquisitionName, ...]] = ()

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


class QuantityColumnSpec(Spec):
    """A column of a table with a further quantity of results.

    Attributes:
        column: Its name.
        unit: Unit of its numbers.
    """

    column: Annotated[str, Field(min_length=1, max_length=400), PLAIN_TEXT]
    unit: Unit


class LimitSpec(Spec):
    """A limit that a further quantity of the same evaluation must keep; a candidate that exceeds it is no answer.

    Attributes:
        property: The quantity, as of a further objective.
        at_most: Largest value, a number with its unit such as ``5 %``.
        at_least: Smallest value.
    """

    property: Annotated[str, Field(pattern=PROPERTY_PATTERN)]
    at_most: QuantityText | None = None
    at_least: QuantityText | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> LimitSpec:
        if self.at_most is None and self.at_least is None:
            raise ValueError("at_most, at_least: both are missing; expected at least one, such as at_most: 5 %")
        try:
            low, high = self.bounds
        except ValueError as error:
            raise ValueError(f"at_least: {error}, the unit of at_most") from error
        if low > high:
            raise ValueError(f"at_least: {self.at_least} is above at_most, {self.at_most}; no value keeps both")
        return self

    @functools.cached_property
    def quantity(self) -> FurtherObjectiveSpec:
        """The quantity in the unit of its limit."""
        return FurtherObjectiveSpec(property=self.property, unit=parse_quantity(self.at_most or self.at_least)[1])

    @functools.cached_property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value that keep it [unit of its quantity]."""
        unit = self.quantity.unit
        low = -math.inf if self.at_least is None else quantity_in(self.at_least, unit)
        return low, math.inf if self.at_most is None else quantity_in(self.at_most, unit)

    def describe(self) -> str:
        """Returns it as people write it, such as ``impurity <= 5 %``."""
        least = "" if self.at_least is None else f"{self.at_least} <= "
        return f"{least}{self.property}" + ("" if self.at_most is None else f" <= {self.at_most}")


class DesiredSpec(Spec):
    """A measured quantity and how desirable its values are: 0 at ``worthless`` and beyond, 1 at ``ideal`` and beyond.

    Attributes:
        property: A further column of a report.
        worthless: A number with its unit at which a sample is of no use, such as ``10 J``.
        ideal: A number at which more is worth nothing; below ``worthless`` where low values are wanted.
        weight: Exponent of its desirability in the mean, relative to those of the others.
    """

    property: Annotated[str, Field(pattern=PROPERTY_PATTERN)]
    worthless: QuantityText
    ideal: QuantityText
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0

    @model_validator(mode="after")
    def _is_a_range(self) -> DesiredSpec:
        try:
            low, high = self.ends
        except ValueError as error:
            raise ValueError(f"ideal: {error}, the unit of worthless") from error
        if low == high:
            raise ValueError(f"ideal: {self.ideal} is also worthless; expected another number")
        return self

    @functools.cached_property
    def quantity(self) -> FurtherObjectiveSpec:
        """The quantity in the unit of ``worthless``."""
        return FurtherObjectiveSpec(property=self.property, unit=parse_quantity(self.worthless)[1])

    @functools.cached_property
    def ends(self) -> tuple[float, float]:
        """Values of desirability 0 and 1 [unit of its quantity]."""
        unit = self.quantity.unit
        return quantity_in(self.worthless, unit), quantity_in(self.ideal, unit)

    def describe(self) -> str:
        """Returns it as people write it, such as ``toughness 10 J to 60 J (weight 2)``."""
        return f"{self.property} {self.worthless} to {self.ideal} (weight {self.weight:g})"


class ParetoSpec(GoalBase):
    """All candidates that no other one beats in every respect: the objective, and further ones.

    Attributes:
        also: The further objectives.
        reference: Reference point of the dominated volume: a number with its unit for the objective and for each of ``also``,
            in that order. Null: the worst value observed of each.
    """

    acquisitions: ClassVar[tuple[AcquisitionName, ...]] = ("ehvi", "log_nehvi")
    limited: ClassVar[tuple[AcquisitionName, ...]] = ("ehvi", "log_nehvi")

    type: Literal["pareto"] = "pareto"
    also: Annotated[tuple[FurtherObjectiveSpec, ...], Field(min_length=1, max_length=3)]
    reference: tuple[QuantityText, ...] | None = None

    @model_validator(mode="after")
    def _each_once(self) -> ParetoSpec:
        names = [objective.property for objective in self.also]
        if (twice := first_twice(names)) is not None:
            raise ValueError(f"also: {twice!r} is named twice")
        return self

    @property
    def further(self) -> tuple[FurtherObjectiveSpec, ...]:
        """The objectives that are wanted beside the first."""
        return self.also

    def describe(self, name: str, direction: Direction) -> str:
        """Returns the objectives and the reference point in words; arguments as of the base class."""
        objectives = [(direction, name), *((objective.direction, objective.property) for objective in self.also)]
        wanted = ", ".join(f"{towards} {of}" for towards, of in objectives)
        point = "the worst values found" if self.reference is None else ", ".join(self.reference)
        return f"{wanted}; reference point: {point}"

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
    limited: ClassVar[tuple[AcquisitionName, ...]] = ()
    gridded: ClassVar[bool] = True
    joint: ClassVar[bool] = True
    view: ClassVar[str] = "surface"

    type: Literal["bottleneck"] = "bottleneck"
    dimensions: Literal[1, 2, 3] = 1
    connectivity: Literal[6, 26] = 26
    sampling: Literal["lowest", "pathwise"] = "lowest"


class OnHullSpec(GoalBase):
    """All crystals that are stable: on the convex hull of the energies of all candidates and the phases that compete."""

    acquisitions: ClassVar[tuple[AcquisitionName, ...]] = ("hull_gain", "hull_entropy")
    limited: ClassVar[tuple[AcquisitionName, ...]] = ()
    properties: ClassVar[tuple[str, ...]] = ("energy_per_atom", FORMATION_ENERGY)
    joint: ClassVar[bool] = True

    type: Literal["on_hull"] = "on_hull"


class AtPotentialsSpec(GoalBase):
    """The candidates of each group of systems with the lowest energy at some chemical potential of a neutral unit.

    Attributes:
        over: The potential: ``mu_`` and the formula of the unit that candidates exchange, such as ``mu_TiO2``.
    """

    limited: ClassVar[tuple[AcquisitionName, ...]] = ()
    exchanging: ClassVar[bool] = True

    type: Literal["hull"] = "hull"
    over: Annotated[str, Field(pattern=r"^mu_[A-Za-z0-9]{1,60}$")]

    def describe(self, _name: str, _direction: Direction) -> str:
        """Returns the aim in words; arguments as of the base class."""
        return f"the lowest energy at each chemical potential ({self.over})"


Price = Literal["evaluation", "cost", "core_hour"]
"""Prices of a gain: evaluations, the space's own unit of cost, or core-hours where the cost is learned."""

PRICES: tuple[Price, ...] = get_args(Price)


OF_VOLUME = "%"
"""Unit of gains of a front: shares of the volume that it dominates."""


def parse_worth(text: object) -> tuple[str, Price]:
    """Reads what a gain must be at least for what it costs.

    Args:
        text: Such as ``1 mJ/m2 per core_hour``.

    Returns:
        The gain, a number with its unit, and what it is paid with.

    Raises:
        ValueError: It is no such text, or its unit is not known.
    """
    gain, per, price = text.strip().rpartition(" per ") if isinstance(text, str) else ("", "", "")
    known = next((name for name in PRICES if name == price), None)
    if not per or known is None:
        raise ValueError(
            f"{text!r} is no gain for a price; expected a number with its unit per {', '.join(PRICES)}, "
            "such as '1 mJ/m2 per core_hour'"
        )
    parse_quantity(gain)
    return gain, known


def _of_a_price(value: object) -> object:
    parse_worth(value)
    return value


WorthText = Annotated[str, BeforeValidator(_of_a_price), StringConstraints(strip_whitespace=True)]
"""A gain for a price, such as ``1 mJ/m2 per core_hour``."""


class StopRuleSpec(Spec):
    """Condition under which the search ends before its budget is spent.

    Attributes:
        when: ``certain``: the answer is known. ``not_worth_it``: at three checks in a row the next evaluation was expected to
            gain less than ``worth`` for its cost. Every system has five results then, and the model's last fit was accepted.
        within: Of ``certain``: a number with its unit, such as ``5 mJ/m2``: an improvement smaller than this is not worth
            further evaluations.
        probability: Of ``certain``: the search stops when nothing better by more than ``within`` remains with this probability,
            in all systems together.
        worth: Of ``not_worth_it``: what an evaluation must be expected to gain at least, per ``evaluation``, per ``core_hour``
            (where the cost is learned) or per unit of ``cost``, such as ``1 mJ/m2 per core_hour``. With the goal ``pareto`` a
            share of the volume that the front dominates, such as ``1 % per evaluation``.
        every: Proposals between two checks; null: 10, and 1 with ``not_worth_it``.
    """

    when: Literal["certain", "not_worth_it"] = "certain"
    within: QuantityText | None = None
    probability: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    worth: WorthText | None = None
    every: PositiveInt | None = None

    @model_validator(mode="after")
    def _of_its_kind(self) -> StopRuleSpec:
        wanted, other = ("worth", "within") if self.when == "not_worth_it" else ("within", "worth")
        if getattr(self, wanted) is None:
            raise ValueError(f"{wanted}: missing; when: {self.when} needs it")
        if getattr(self, other) is not None:
            raise ValueError(f"{other}: not with when: {self.when}; remove it")
        return self

    @property
    def interval(self) -> int:
        """Proposals between two checks."""
        return self.every or (1 if self.when == "not_worth_it" else 10)

    @property
    def reason(self) -> StopReason:
        """Reason with which it ends a search."""
        return StopReason.NOT_WORTH_IT if self.when == "not_worth_it" else StopReason.CERTAIN

    def check(self, unit: Unit, *, learns_cost: bool, of: str = "the objective's unit") -> None:
        """Raises ValueError unless its quantities suit the unit of gains and the space's cost.

        Args:
            unit: Of gains.
            learns_cost: Whether the space's cost is learned, in core-seconds.
            of: What that unit is, for messages.
        """
        key, text, price = "within", self.within, None
        if self.worth is not None:
            key, (text, price) = "worth", parse_worth(self.worth)
        try:
            value = difference_in(text or "", unit)
        except ValueError as error:
            raise ValueError(f"{key}: {error}, {of}") from error
        if value < 0:
            raise ValueError(f"{key}: {text!r} is negative")
        if price == "core_hour" and not learns_cost:
            raise ValueError(f"{key}: per core_hour, but the costs of this space are no times; expected per evaluation or cost")


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
    BestPerSystemSpec | BestOverallSpec | TopKSpec | AllBelowSpec | ParetoSpec | BottleneckSpec | OnHullSpec | AtPotentialsSpec,
    Field(discriminator="type"),
]
"""The registry of goals: each class describes its kind. Plug-ins that bring a goal add its class here."""
