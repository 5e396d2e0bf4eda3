"""Specs of the kernel and mean of a Gaussian process, which a campaign file may compose."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tansaku.models.domain.specs.base import PLAIN_TEXT, PositiveFloat, Spec

GroupPattern = Annotated[str, StringConstraints(min_length=1, max_length=200), PLAIN_TEXT]
Groups = GroupPattern | Annotated[tuple[GroupPattern, ...], Field(min_length=1, max_length=100)]
Combine = Literal["product", "sum"]


class DistanceKernelSpec(Spec):
    """Correlation that falls with the distance in feature groups: squared exponential, or Matérn-½, -3/2 and -5/2.

    In a group of categories (ions of a site) the distance is the number of columns that differ, as in ``categorical``.

    Attributes:
        type: Shape of the fall.
        over: Feature groups, by name; ``*`` in a name matches anything, so that ``*`` alone is every group.
        ard: One lengthscale per column; null: for groups of up to eight columns.
        normalise: Without ``ard``: divide each column by its range in the pool first.
        combine: Kernels of several groups are multiplied, or added with a variance each.
        long: For candidates of many columns: lengthscales by column are expected to be longer, by the square root of the number
            of columns that are multiplied.
    """

    type: Literal["rbf", "matern12", "matern32", "matern52"]
    over: Groups = "*"
    ard: bool | None = None
    normalise: bool = True
    combine: Combine = "product"
    long: bool = False


class PeriodicKernelSpec(Spec):
    """Squared exponential of the chord: values one period apart are the same, as angles and shifts of a lattice are.

    Attributes:
        over: Feature groups, by name; ``*`` in a name matches anything.
        period: Period in the columns' own unit; one for all columns, or one for each.
        ard: One lengthscale per column; null: for groups of up to eight columns.
        combine: Kernels of several groups are multiplied, or added with a variance each.
    """

    type: Literal["periodic"] = "periodic"
    over: Groups
    period: PositiveFloat | Annotated[tuple[PositiveFloat, ...], Field(min_length=1, max_length=1000)]
    ard: bool | None = None
    combine: Combine = "product"


class CategoricalKernelSpec(Spec):
    """Overlap kernel: the correlation falls with the number of columns that differ; the size of the difference has no effect.

    Attributes:
        over: Feature groups, by name; ``*`` in a name matches anything.
        ard: One lengthscale per column; null: for groups of up to eight columns.
        combine: Kernels of several groups are multiplied, or added with a variance each.
    """

    type: Literal["categorical"] = "categorical"
    over: Groups
    ard: bool | None = None
    combine: Combine = "product"


class SameKernelSpec(Spec):
    """Random effect: 1 where two candidates are of the same system, surface or feature row, else 0.

    Attributes:
        of: ``system``, ``surface``, or the name of a feature group.
    """

    type: Literal["same"] = "same"
    of: GroupPattern = "system"


class TaskKernelSpec(Spec):
    """Learned correlations between systems, never negative.

    Attributes:
        of: ``system``, ``surface``, or the name of a feature group whose distinct rows are the tasks.
        rank: Number of shared traits; more can tell more groups of like tasks apart.
    """

    type: Literal["task"] = "task"
    of: GroupPattern = "system"
    rank: Annotated[int, Field(ge=1, le=10)] = 1


class LinearKernelSpec(Spec):
    """A linear function of the columns of feature groups, each column centred and divided by its range in the pool.

    Attributes:
        over: Feature groups, by name; ``*`` in a name matches anything. Several groups are added, with a variance each.
    """

    type: Literal["linear"] = "linear"
    over: Groups = "*"


class ConstantKernelSpec(Spec):
    """1 everywhere: an unknown constant."""

    type: Literal["constant"] = "constant"


class ScaleKernelSpec(Spec):
    """A kernel multiplied by a variance.

    Attributes:
        kernel: The kernel that is multiplied.
    """

    type: Literal["scale"] = "scale"
    kernel: KernelSpec


class SumKernelSpec(Spec):
    """A sum of kernels; each term without a variance of its own is given one.

    Attributes:
        terms: What is added.
    """

    type: Literal["sum"] = "sum"
    terms: Annotated[tuple[KernelSpec, ...], Field(min_length=1, max_length=32)]


class ProductKernelSpec(Spec):
    """A product.

    Attributes:
        factors: What is multiplied.
    """

    type: Literal["product"] = "product"
    factors: Annotated[tuple[KernelSpec, ...], Field(min_length=1, max_length=32)]


KernelSpec = Annotated[
    DistanceKernelSpec
    | PeriodicKernelSpec
    | CategoricalKernelSpec
    | SameKernelSpec
    | TaskKernelSpec
    | LinearKernelSpec
    | ConstantKernelSpec
    | ScaleKernelSpec
    | SumKernelSpec
    | ProductKernelSpec,
    Field(discriminator="type"),
]


class ConstantMeanSpec(Spec):
    """An unknown constant, the same for all candidates."""

    type: Literal["constant"] = "constant"


class EachMeanSpec(Spec):
    """A constant for each system, surface or distinct row of a feature group, drawn about the common one.

    Attributes:
        of: ``system``, ``surface``, or the name of a feature group: an effect of its categories shared by all systems.
    """

    type: Literal["each"] = "each"
    of: GroupPattern = "system"


class LinearMeanSpec(Spec):
    """A linear effect of feature groups, the same in all systems.

    Attributes:
        over: Feature groups, by name; ``*`` in a name matches anything.
    """

    type: Literal["linear"] = "linear"
    over: Groups = "*"


class SmoothMeanSpec(Spec):
    """A smooth effect of feature groups, the same in all systems: a Matérn-5/2 of each.

    Attributes:
        over: Feature groups, by name; ``*`` in a name matches anything.
    """

    type: Literal["smooth"] = "smooth"
    over: Groups = "*"


MeanSpec = Annotated[ConstantMeanSpec | EachMeanSpec | LinearMeanSpec | SmoothMeanSpec, Field(discriminator="type")]

for _recursive in (ScaleKernelSpec, SumKernelSpec, ProductKernelSpec):
    _recursive.model_rebuild()
