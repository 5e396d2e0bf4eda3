"""Spec of a space of precomputed data: tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tansaku.models.domain.objectives import Need
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import FILLED_IN, PLAIN_TEXT, FilePath, NamesFile, PositiveFloat, Sha256, Spec
from tansaku.models.domain.specs.column_scale import ColumnScale
from tansaku.models.domain.specs.objective import PROPERTY_PATTERN, QuantityColumnSpec
from tansaku.models.domain.specs.off_pool import DescribedSpec, OffPoolSpec
from tansaku.models.domain.specs.prefers import PrefersSpec
from tansaku.models.domain.specs.proposer import ProposerBase
from tansaku.models.domain.specs.space_base import KeyPath, SpaceBase, SpaceDescription, SpecFile
from tansaku.models.domain.units import Unit

_EXAMPLE, _SHOWN = 3, 60  # columns of an example, and letters of what was given

Text = Annotated[str, Field(min_length=1, max_length=400), PLAIN_TEXT]
TablePath = Annotated[FilePath, NamesFile("table")]


class TableColumnsSpec(Spec):
    """Columns of the candidates table.

    Attributes:
        id: Unique id of a candidate.
        system: Search problem it belongs to; None: one system.
        surface: Surface it belongs to; None: one surface per system.
        value: Objective; NaN is a failed evaluation. None: the candidates are to be measured (``calculator: {type: manual}``).
        cost: None: every candidate costs 1.
        formula: Chemical formula of a candidate, for the goal ``on_hull``.
        quantities: Further results of an evaluation by name, which the goal ``pareto`` may want; NaN: this one has none.
    """

    id: Text
    system: Text | None = None
    surface: Text | None = None
    value: Text | None = None
    cost: Text | None = None
    formula: Text | None = None
    quantities: dict[Annotated[str, Field(pattern=PROPERTY_PATTERN)], QuantityColumnSpec] = Field(default_factory=dict)


class FeatureColumnsSpec(Spec):
    """A feature group whose columns are in the candidates table.

    Attributes:
        columns: Column names, or one shell-style pattern such as ``d*``.
        categorical: Whether the numbers are codes of categories, which are equal or not and nothing else.
        categories: Of columns that hold text, or true and false. ``one_hot``: two categories are equal or not. A list: all
            categories in their order, each as far from the next as any other (``[low, medium, high]``). null: the columns hold
            numbers.
        units: Units of columns; a reported candidate may use others of the same dimension.
        tolerance: Largest differences between what was proposed and what was done, by column [its unit], at which a reported
            value counts as that of the proposal. What differs by more is a candidate of its own.
        prices: Prices of one number, by column, where a value costs 1. Only these columns may have empty cells: numbers that a
            campaign with ``calculator: {type: manual}`` and ``proposer: {type: sparse}`` may ask for.
        scale: How proposers with the preset ``default`` compare groups of more than eight columns. ``range``: each column in
            units of its range, as columns of different units need; ``none``: as they are, as the bins of a histogram need;
            ``auto``: ``none`` if the columns are numbered (``d1``, ``d2``, …), else ``range``. null: ``auto``; in a campaign
            that was created before there was this key, ``none``.
    """

    columns: tuple[Text, ...] | Text
    categorical: bool = False
    categories: Literal["one_hot"] | Annotated[tuple[Text, ...], Field(min_length=2, max_length=1000)] | None = None
    units: dict[Text, Unit] = Field(default_factory=dict)
    tolerance: dict[Text, PositiveFloat] = Field(default_factory=dict)
    prices: dict[Text, PositiveFloat] = Field(default_factory=dict)
    scale: ColumnScale | None = None

    @model_validator(mode="after")
    def _categories_fit(self) -> FeatureColumnsSpec:
        if self.prices and (self.categorical or self.categories is not None):
            raise ValueError("prices: of numbers only; remove it, or categorical and categories")
        if self.categories is None:
            return self
        if self.categorical or self.units or self.tolerance:
            raise ValueError("categories: not with categorical, units or tolerance, which are of numbers; remove one")
        if len(set(self.categories)) < len(self.categories) and self.categories != "one_hot":
            raise ValueError("categories: a category is listed twice")
        return self


class FeatureLookupSpec(Spec):
    """A feature group in a table of its own, joined by a key.

    Attributes:
        lookup: The table (CSV or Parquet).
        key: Column present in both tables.
        columns: Column names, or one shell-style pattern such as ``d*``.
        categorical: Whether the numbers are codes of categories, which are equal or not and nothing else.
        sha256: Content hash of the table; filled in when the spec is resolved.
        scale: How proposers with the preset ``default`` compare groups of more than eight columns. ``range``: each column in
            units of its range, as columns of different units need; ``none``: as they are, as the bins of a histogram need;
            ``auto``: ``none`` if the columns are numbered (``d1``, ``d2``, …), else ``range``. null: ``auto``; in a campaign
            that was created before there was this key, ``none``.
    """

    lookup: TablePath
    key: Text
    columns: tuple[Text, ...] | Text
    categorical: bool = False
    sha256: Sha256 | None = None
    scale: ColumnScale | None = None


class TableSpaceSpec(SpaceBase):
    """Precomputed data as a space; no structure is needed.

    Attributes:
        candidates: One row per candidate (CSV or Parquet); in Python also a DataFrame.
        columns: Which column means what.
        features: Feature groups by name.
        prefers: Where good candidates are expected; null: nothing is. Proposer ``gp`` only.
        sha256: Content hash of the table; filled in when the spec is resolved.
        off_pool: Candidates that were measured although the table does not list them; filled in by ``tansaku tell``.
        described: Numbers that the table lacks and reports gave; filled in by ``tansaku tell``.
    """

    description: ClassVar[SpaceDescription] = SpaceDescription(polished=True, figures="parameters")
    without_values: ClassVar[str] = (
        " unless space.columns.value names the column of the values; expected calculator: {type: manual}"
    )

    first_key: ClassVar[str] = "candidates"
    opener: ClassVar[str] = "tansaku.spaces.table:open_table"
    type: Literal["table"] = "table"
    candidates: TablePath
    columns: TableColumnsSpec
    features: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")], FeatureLookupSpec | FeatureColumnsSpec] = Field(
        min_length=1
    )
    prefers: PrefersSpec | None = None
    sha256: Sha256 | None = None
    off_pool: Annotated[tuple[OffPoolSpec, ...], FILLED_IN] = ()
    described: Annotated[tuple[DescribedSpec, ...], FILLED_IN] = ()

    @field_validator("features", mode="before")
    @classmethod
    def _columns_are_in_groups(cls, given: object) -> object:
        # The plainest ways to name columns, for which the error of the type would be a riddle.
        groups = given if isinstance(given, Mapping) else {"settings": given}
        for name, group in groups.items():
            columns = [group] if isinstance(group, str) else group
            if isinstance(columns, Sequence) and columns and all(isinstance(column, str) for column in columns):
                example = {str(name): {"columns": list(columns[:_EXAMPLE])}}
                raise ValueError(f"{str(columns)[:_SHOWN]}; expected groups of columns by name, such as {example}")
        return given

    @model_validator(mode="after")
    def _prices_are_compared(self) -> TableSpaceSpec:
        priceless = [column for item in self.described for column in item.numbers if column not in self.prices]
        if priceless:
            raise ValueError(f"described: column {priceless[0]!r} has no price")
        if not self.prices:
            return self
        if self.columns.value is not None:
            raise ValueError("features: prices, but the values are known; remove columns.value or the prices")
        for key in ("system", "surface", "cost"):
            if getattr(self.columns, key) is not None:
                raise ValueError(
                    f"columns.{key}: numbers are bought for one system whose values cost 1 each; remove it or prices"
                )
        return self

    @property
    def prices(self) -> Mapping[str, float]:
        """Prices of numbers that can be bought, by column."""
        groups = [group for group in self.features.values() if isinstance(group, FeatureColumnsSpec)]
        return {column: price for group in groups for column, price in group.prices.items()}

    def check_proposer(self, proposer: ProposerBase, goal: str, *, transfer: bool) -> None:
        """Prices of numbers are weighed by the sparse proposer alone; arguments and errors as of the base class."""
        if not self.prices:
            return
        if not proposer.weighs_prices():
            raise ValueError("space.features: prices need proposer {type: sparse}, without residual and transform")
        if goal == "all_below" or transfer:
            raise ValueError("space.features: prices are weighed by expected improvement; remove goal all_below and transfer")

    @property
    def competes(self) -> bool:
        """Whether the table has formulas."""
        return self.columns.formula is not None

    @property
    def spent_on_descriptors(self) -> float:
        """Cost of the descriptors whose numbers were reported."""
        prices = self.prices
        return sum(prices[column] for item in self.described for column in item.numbers)

    def with_described(self, numbers: Mapping[str, Mapping[str, float]]) -> Self:
        """The spec with numbers that reports gave, by candidate and column."""
        rows = tuple(DescribedSpec(id=name, numbers=dict(own)) for name, own in numbers.items())
        return self.model_copy(update={"described": rows})

    @model_validator(mode="after")
    def _off_pool_is_measured(self) -> TableSpaceSpec:
        if self.columns.value is not None and self.off_pool:
            raise ValueError("off_pool: the values of this table are known; nothing else can be measured")
        if self.columns.value is None and self.columns.quantities:
            raise ValueError("columns.quantities: results of candidates that are to be measured; remove it")
        return self

    @property
    def preferred(self) -> PrefersSpec | None:
        """The expectation of where good candidates lie."""
        return self.prefers

    @property
    def one_problem(self) -> bool:
        """Whether no column names systems."""
        return self.columns.system is None

    @property
    def value_name(self) -> str | None:
        """The column of the values; None where they are to be measured."""
        return self.columns.value

    @property
    def has_costs(self) -> bool:
        """Whether the table has a column of costs."""
        return self.columns.cost is not None

    def at_level(self, column: str | None, cost: str | None = None) -> Self:
        """The table whose values are those of another column; arguments as of the base class."""
        columns = self.columns.model_copy(update={"value": column, "quantities": {}} | ({"cost": cost} if cost else {}))
        return self.model_copy(update={"columns": columns})

    def with_off_pool(self, rows: Sequence[JsonDict]) -> Self:
        """The spec with candidates that were measured although the table does not list them."""
        return self.model_copy(update={"off_pool": tuple(OffPoolSpec.model_validate(row) for row in rows)})

    def recorded_source(self) -> JsonDict | None:
        """Content of the table, whatever its path, and the column of the values; None where they are to be measured."""
        if self.columns.value is None:
            return None
        return {"table": self.sha256 or self.candidates, "column": self.columns.value}

    def further_properties(self, _met: frozenset[Need], _workflow: str | None = None) -> Mapping[str, Unit]:
        """The quantities that the table has columns of."""
        return {name: column.unit for name, column in self.columns.quantities.items()}

    def files(self) -> tuple[SpecFile, ...]:
        """The table, and those that are joined to it."""
        lookups = (
            SpecFile(("features", name, "lookup"), group.lookup, group.sha256)
            for name, group in self.features.items()
            if isinstance(group, FeatureLookupSpec)
        )
        return (*lookups, SpecFile(("candidates",), self.candidates, self.sha256))

    def with_hashes(self, hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the hashes of its tables."""
        features = {
            name: group.model_copy(update={"sha256": hashes["features", name, "lookup"]})
            if isinstance(group, FeatureLookupSpec)
            else group
            for name, group in self.features.items()
        }
        return self.model_copy(update={"features": features, "sha256": hashes["candidates",]})
