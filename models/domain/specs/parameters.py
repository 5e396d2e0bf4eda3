"""Spec of a space of parameters: numbers, whole numbers, categories and fractions that add up to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import FILLED_IN, PLAIN_TEXT, PositiveFloat, Spec
from tansaku.models.domain.specs.off_pool import OffPoolSpec
from tansaku.models.domain.specs.prefers import PrefersSpec
from tansaku.models.domain.specs.space_base import SpaceBase, SpaceDescription
from tansaku.models.domain.units import Unit
from tansaku.models.domain.wording import first_twice

ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,40}$")]
TermName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,40}(\.[A-Za-z_][A-Za-z0-9_]{0,40})?$")]
Category = Annotated[str, Field(min_length=1, max_length=80), PLAIN_TEXT]
Categories = Annotated[tuple[Category, ...], Field(min_length=1, max_length=100)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
FunctionName = Literal["hartmann6", "ackley"]

_MOST_STEPS = 1_000_000
_NO_LISTS = ("type", "pool", "refine", "seed", "prefers", "function")
"""Keys of a space whose values are no lists: a list is meant for a parameter of this name."""


class NumberSpec(Spec):
    """A number between two bounds.

    Attributes:
        low: Smallest value.
        high: Largest value.
        step: Distance of two values, counted from the smallest; null: every value between.
        log: Whether values are drawn evenly on a logarithmic scale.
        unit: Unit that tables show.
        tolerance: Largest difference between what was proposed and what was done [unit] at which a reported value counts as
            that of the proposal; null: none. What differs by more is a candidate of its own.
    """

    type: Literal["number"] = "number"
    low: Number
    high: Number
    step: PositiveFloat | None = None
    log: bool = False
    unit: Unit = "1"
    tolerance: PositiveFloat | None = None

    @model_validator(mode="after")
    def _bounds_fit(self) -> NumberSpec:
        if self.low >= self.high:
            raise ValueError(f"low: {self.low:g}; expected less than high, which is {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low:g}: with log expected a positive number")
        if self.step is not None and not 1 <= (self.high - self.low) / self.step <= _MOST_STEPS:
            raise ValueError(f"step {self.step:g}: expected 1 to {_MOST_STEPS:,} steps between low and high")
        return self


class WholeNumberSpec(Spec):
    """A whole number between two bounds, both included.

    Attributes:
        low: Smallest value.
        high: Largest value.
        unit: Unit that tables show.
    """

    type: Literal["integer"] = "integer"
    low: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
    high: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
    unit: Unit = "1"

    @model_validator(mode="after")
    def _bounds_fit(self) -> WholeNumberSpec:
        if self.low >= self.high:
            raise ValueError(f"low: {self.low}; expected less than high, which is {self.high}")
        return self


class CategorySpec(Spec):
    """One of several names, which are equal or not and nothing else.

    Attributes:
        values: The names.
    """

    type: Literal["category"] = "category"
    values: Annotated[tuple[Category, ...], Field(min_length=2, max_length=100)]

    @model_validator(mode="after")
    def _each_once(self) -> CategorySpec:
        if (twice := first_twice(self.values)) is not None:
            raise ValueError(f"values: {twice!r} is listed twice")
        return self


class FractionsSpec(Spec):
    """Fractions that add up to one.

    Attributes:
        parts: Names of the components; constraints call one ``name.part``.
        step: Fractions are multiples of this, a divisor of one; null: any.
    """

    type: Literal["fractions"] = "fractions"
    parts: Annotated[tuple[ParameterName, ...], Field(min_length=2, max_length=20)]
    step: Annotated[float, Field(gt=0, le=0.5)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> FractionsSpec:
        if (twice := first_twice(self.parts)) is not None:
            raise ValueError(f"parts: {twice!r} is listed twice")
        if self.step is not None and abs(round(1 / self.step) * self.step - 1) > 1e-9:
            raise ValueError(f"step {self.step:g}: expected a divisor of one, such as 0.05")
        return self


ParameterSpec = Annotated[NumberSpec | WholeNumberSpec | CategorySpec | FractionsSpec, Field(discriminator="type")]


class ConstraintSpec(Spec):
    """A rule that all candidates obey. One of ``terms``, ``ratio``, ``nonzero`` and ``exclude`` is given.

    Attributes:
        terms: A weighted sum between the bounds: weights by the name of a number, or ``name.part`` of fractions.
        ratio: Two such names: the first divided by the second lies between the bounds.
        nonzero: Numbers that may be zero, or parts of fractions; the bounds are for how many of them are not zero.
        exclude: Values of categories that never occur together: a list for each of the categories.
        at_least: Lower bound, or null.
        at_most: Upper bound, or null.
    """

    terms: Annotated[dict[TermName, Number], Field(min_length=1, max_length=100)] | None = None
    ratio: tuple[TermName, TermName] | None = None
    nonzero: Annotated[tuple[TermName, ...], Field(min_length=2, max_length=100)] | None = None
    exclude: Annotated[dict[ParameterName, Categories], Field(min_length=1)] | None = None
    at_least: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> ConstraintSpec:
        given = [key for key in _RULES if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"{' and '.join(given) or 'no rule'}; expected one of {', '.join(_RULES)}")
        bounds = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        if self.exclude is not None and bounds:
            raise ValueError("exclude has no bounds; remove at_least and at_most")
        if self.exclude is None and not bounds:
            raise ValueError("give at_least, at_most or both")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise ValueError(f"at_least {bounds[0]:g} is above at_most {bounds[1]:g}")
        return self

    @model_validator(mode="after")
    def _counts_are_possible(self) -> ConstraintSpec:
        if self.nonzero is None:
            return self
        if (twice := first_twice(self.nonzero)) is not None:
            raise ValueError(f"nonzero: {twice!r} is listed twice")
        for key, bound in (("at_least", self.at_least), ("at_most", self.at_most)):
            if bound is not None and (not bound.is_integer() or not 0 <= bound <= len(self.nonzero)):
                raise ValueError(
                    f"{key}: {bound:g}; expected a whole number from 0 to {len(self.nonzero)}, the length of nonzero"
                )
        return self

    @property
    def rule(self) -> str:
        """The key of its rule."""
        return next(key for key in _RULES if getattr(self, key) is not None)

    @property
    def named(self) -> tuple[str, ...]:
        """The terms that it names."""
        return tuple(self.terms or self.ratio or self.nonzero or ())


_RULES = ("terms", "ratio", "nonzero", "exclude")


class RefinementSpec(Spec):
    """Candidates around the best ones found, besides those that are drawn beforehand.

    Attributes:
        around: Best candidates that get neighbours.
        neighbours: Number of neighbours of each.
        reach: Standard deviation of the largest displacements, in units of a parameter's range; others are shorter, down to a
            thousandth.
    """

    around: Annotated[int, Field(ge=1, le=20)] = 3
    neighbours: Annotated[int, Field(ge=1, le=999)] = 300
    reach: Annotated[float, Field(gt=0, le=0.5)] = 0.2


def _written_out(name: str, value: object) -> object:
    """The mapping that a short form of a parameter means; a mapping as it is. Raises ConfigurationError for anything else."""
    if hasattr(value, "tolist"):  # an array or a column of a frame
        value = value.tolist()
    if isinstance(value, range) and len(value) > 1 and value.step > 0:
        bounds = {"low": value[0], "high": value[-1]}
        return {"type": "integer", **bounds} if value.step == 1 else {"type": "number", **bounds, "step": value.step}
    if isinstance(value, list) and any(isinstance(item, int | float) for item in value):
        raise ConfigurationError(
            f"space.parameters.{name}: {shown(value)}, a list of numbers; expected names, such as ['1', '2'], or for numbers "
            "(low, high), a rising range, or {'type': 'number', 'low': 1, 'high': 3, 'step': 1}"
        )
    if isinstance(value, list):
        return {"type": "category", "values": value}
    if isinstance(value, tuple) and len(value) in (2, 3):
        return {"type": "number", **dict(zip(("low", "high", "unit"), value, strict=False))}
    if isinstance(value, Mapping):
        return value
    raise ConfigurationError(
        f"space.parameters.{name}: {shown(value)}; expected (low, high), (low, high, unit), a list of names or a rising range"
    )


class ParametersSpaceSpec(SpaceBase):
    """Parameters of an experiment or a computation. Candidates are drawn quasi-randomly, and later around the best ones.

    Attributes:
        parameters: Parameters by name.
        constraints: Constraints on their values.
        pool: Candidates that are drawn beforehand.
        refine: Candidates around the best ones, from the first proposal after the initial design; null: none.
        seed: Start of every draw.
        prefers: Where good candidates are expected; null: nothing is. Proposer ``gp`` only.
        function: A function of the parameters in their order that is computed on the spot, for examples and benchmarks; null:
            the values are to be measured.
        off_pool: Candidates that were measured although nothing drew them; filled in by ``tansaku tell``.
    """

    description: ClassVar[SpaceDescription] = SpaceDescription(polished=True, figures="parameters")

    first_key: ClassVar[str] = "parameters"
    further_keywords: ClassVar[str] = (
        "tuple[float, float] | tuple[float, float, str] | list[str] | range | Mapping[str, object]"
    )
    opener: ClassVar[str] = "tansaku.spaces.parameters:open_parameters"
    type: Literal["parameters"] = "parameters"
    parameters: Annotated[dict[ParameterName, ParameterSpec], Field(min_length=1, max_length=100)]
    constraints: Annotated[tuple[ConstraintSpec, ...], Field(max_length=100)] = ()
    pool: Annotated[int, Field(ge=2, le=1_000_000)] = 1024
    refine: RefinementSpec | None = RefinementSpec()
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    prefers: PrefersSpec | None = None
    function: FunctionName | None = None
    off_pool: Annotated[tuple[OffPoolSpec, ...], FILLED_IN] = ()

    @classmethod
    def from_keywords(cls, keys: Mapping[str, object]) -> Mapping[str, object]:
        """The keys of a campaign file, where each keyword that is no key is a parameter, and parameters may be short.

        Short are ``(low, high)`` and ``(low, high, unit)`` for a number, ``range(low, above)`` for a whole number or one with a
        step, and a list for a category.

        Raises:
            ConfigurationError: A short form has another length.
        """
        own = {name: value for name, value in keys.items() if name in cls.model_fields}
        taken = next((name for name in _NO_LISTS if isinstance(own.get(name), list | tuple | range)), None)
        if taken is not None:
            raise ConfigurationError(
                f"space.{taken}: {shown(own[taken])}; it is a key of the space; "
                f"a parameter of this name is given as Parameters({{'{taken}': …}})"
            )
        listed = own.get(cls.first_key, {})
        if not isinstance(listed, Mapping):
            return own
        named = {**listed, **{name: value for name, value in keys.items() if name not in own}}
        return own | {cls.first_key: {name: _written_out(name, value) for name, value in named.items()}}

    @model_validator(mode="after")
    def _terms_are_numbers(self) -> Self:
        known = self.terms
        for i, constraint in enumerate(self.constraints):
            unknown = next((name for name in constraint.named if name not in known), None)
            if unknown is not None:
                where = f"constraints[{i}].{constraint.rule}"
                raise ValueError(f"{where}: {unknown!r} is no number; expected one of {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _counted_may_be_zero(self) -> Self:
        for i, constraint in enumerate(self.constraints):
            parameters = {self.terms[name][0] for name in constraint.nonzero or ()}
            mixed = [kind for name in parameters if isinstance(kind := self.parameters[name], FractionsSpec)]
            if mixed and len(parameters) > 1:
                raise ValueError(f"constraints[{i}].nonzero: expected parts of one parameter, or numbers")
            if constraint.at_most == 0 and any(len(constraint.named) == len(kind.parts) for kind in mixed):
                raise ValueError(f"constraints[{i}].at_most: 0; fractions add up to one, so expected at least 1")
            other = next(
                (name for name, kind in self.parameters.items() if name in parameters and getattr(kind, "low", 0) != 0), None
            )
            if other is not None:
                raise ValueError(f"constraints[{i}].nonzero: {other!r} is never zero; expected numbers with low: 0")
        return self

    @model_validator(mode="after")
    def _excluded_are_known(self) -> Self:
        for i, constraint in enumerate(self.constraints):
            for name, values in (constraint.exclude or {}).items():
                kind = self.parameters.get(name)
                if not isinstance(kind, CategorySpec):
                    known = ", ".join(key for key, kind in self.parameters.items() if isinstance(kind, CategorySpec))
                    raise ValueError(
                        f"constraints[{i}].exclude: {name!r} is no category; expected one of {known or 'none here'}"
                    )
                unknown = next((value for value in values if value not in kind.values), None)
                if unknown is not None:
                    expected = ", ".join(kind.values)
                    raise ValueError(f"constraints[{i}].exclude.{name}: {unknown!r} is not known; expected some of {expected}")
        return self

    @model_validator(mode="after")
    def _function_fits(self) -> Self:
        if self.function is None:
            return self
        other = next((name for name, kind in self.parameters.items() if not isinstance(kind, NumberSpec)), None)
        if other is not None:
            raise ValueError(f"function: {self.function} is one of numbers, and {other} is none")
        if self.function == "hartmann6" and len(self.parameters) != 6:
            raise ValueError(f"function: hartmann6 is one of 6 numbers, and there are {len(self.parameters)}")
        return self

    @property
    def terms(self) -> Mapping[str, tuple[str, str | None]]:
        """Terms that constraints can name: the parameter, and the part of fractions."""
        found: dict[str, tuple[str, str | None]] = {}
        for name, kind in self.parameters.items():
            if isinstance(kind, FractionsSpec):
                found |= {f"{name}.{part}": (name, part) for part in kind.parts}
            elif not isinstance(kind, CategorySpec):
                found[name] = (name, None)
        return found

    @property
    def one_problem(self) -> bool:
        """Yes: settings are one search problem."""
        return True

    @property
    def preferred(self) -> PrefersSpec | None:
        """The expectation of where good candidates lie."""
        return self.prefers

    def with_off_pool(self, rows: Sequence[JsonDict]) -> Self:
        """The spec with candidates that were measured although nothing drew them."""
        return self.model_copy(update={"off_pool": tuple(OffPoolSpec.model_validate(row) for row in rows)})

    def recorded_source(self) -> JsonDict | None:
        """The function; None where values are to be measured."""
        return None if self.function is None else {"function": self.function}
