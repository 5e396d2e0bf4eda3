"""Specs of descriptors of structures, which surrogates and kernels see as groups of features."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import KindSpec, PositiveFloat
from tansaku.models.domain.specs.column_scale import ColumnScale
from tansaku.models.domain.specs.limits import LimitName

InfoKey = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,62}$")]
"""A key of a structure's metadata: of an extended XYZ's comment line, an ASE database's row or an OPTIMADE entry."""

ElementProperty = Literal[
    "atomic_number",
    "atomic_mass",
    "electronegativity",
    "group",
    "period",
    "mendeleev_number",
    "atomic_radius",
    "melting_point",
    "molar_volume",
    "bulk_modulus",
]


STATISTICS = ("mean", "deviation", "range")
"""Statistics of a property over the atoms of a structure."""


class FeaturesBase(KindSpec):
    """Base class of the specs of descriptors; ``opener`` is called with spec and structures and returns a row for each.

    Where the numbers are codes of categories, the key or class variable ``categorical`` is true.
    """

    limit: ClassVar[LimitName | None] = None
    """Limit of the atoms of all structures."""

    def column_names(self, count: int) -> tuple[str, ...]:
        """Names of the columns.

        Args:
            count: How many there are.
        """
        return tuple(f"{self.type} {number}" for number in range(1, count + 1))


class CompositionFeaturesSpec(FeaturesBase):
    """Mean, deviation and range of properties of the elements, weighted by their shares of the atoms.

    Attributes:
        properties: Properties from pymatgen's table of elements.
        scale: How proposers with the preset ``default`` compare groups of more than eight columns. ``range``: each column in
            units of its range, as columns of different units need; ``none``: as they are, as the bins of a histogram need;
            ``auto``: ``range``. null: ``auto``; in a campaign
            that was created before there was this key, ``none``.
    """

    opener: ClassVar[str] = "tansaku.spaces.structures:composition_columns"
    type: Literal["composition"] = "composition"
    properties: Annotated[tuple[ElementProperty, ...], Field(min_length=1)] = (
        "electronegativity",
        "group",
        "period",
        "atomic_radius",
    )
    scale: ColumnScale | None = None

    def column_names(self, _count: int) -> tuple[str, ...]:
        """Statistic and property."""
        return tuple(f"{statistic} {what}" for statistic in STATISTICS for what in self.properties)


class DensityFeaturesSpec(FeaturesBase):
    """Mass density and volume of an atom."""

    opener: ClassVar[str] = "tansaku.spaces.structures:density_columns"
    type: Literal["density"] = "density"

    def column_names(self, _count: int) -> tuple[str, ...]:
        """Both, with their units."""
        return ("density [g/cm^3]", "volume [Å^3/atom]")


class SymmetryFeaturesSpec(FeaturesBase):
    """The space group by spglib, as a category.

    Attributes:
        tolerance: Distance within which atoms count as equivalent [Å].
    """

    opener: ClassVar[str] = "tansaku.spaces.structures:symmetry_columns"
    categorical: ClassVar[bool] = True
    type: Literal["symmetry"] = "symmetry"
    tolerance: PositiveFloat = 0.01

    def column_names(self, _count: int) -> tuple[str, ...]:
        """The only column."""
        return ("space group",)


class SoapFeaturesSpec(FeaturesBase):
    """Smooth overlap of atomic positions, averaged over the atoms (needs the extra ``soap``).

    Attributes:
        cutoff: [Å]
        radial: Number of radial functions.
        angular: Largest degree of the spherical harmonics.
        smearing: Width of an atom's Gaussian [Å].
        compression: ``mu2``: elements are summed over, so that the length does not depend on how many there are;
            ``mu1nu1``: one of the two elements of a pair is; ``off``: none.
        components: Principal components over the pool that are kept, at most.
    """

    opener: ClassVar[str] = "tansaku.spaces.structures:soap_columns"
    limit: ClassVar[LimitName] = "soap_atoms"
    type: Literal["soap"] = "soap"
    cutoff: Annotated[float, Field(ge=1.5, le=12)] = 5.0
    radial: Annotated[int, Field(ge=1, le=16)] = 6
    angular: Annotated[int, Field(ge=0, le=12)] = 4
    smearing: PositiveFloat = 0.5
    compression: Literal["mu2", "mu1nu1", "off"] = "mu2"
    components: Annotated[int, Field(ge=1, le=100)] = 8

    def column_names(self, count: int) -> tuple[str, ...]:
        """Numbered."""
        return tuple(f"component {number}" for number in range(1, count + 1))


class InfoFeaturesSpec(FeaturesBase):
    """Metadata of the files.

    Attributes:
        keys: Keys; every structure must have them.
        categorical: Whether the values are categories, which are equal or not and nothing else; else they must be numbers.
        scale: How proposers with the preset ``default`` compare groups of more than eight columns. ``range``: each column in
            units of its range, as columns of different units need; ``none``: as they are, as the bins of a histogram need;
            ``auto``: ``none`` if the keys are numbered (``d1``, ``d2``, …), else ``range``. null: ``auto``; in a campaign
            that was created before there was this key, ``none``.
    """

    opener: ClassVar[str] = "tansaku.spaces.structures:info_columns"
    type: Literal["info"] = "info"
    keys: Annotated[tuple[InfoKey, ...], Field(min_length=1, max_length=1000)]
    categorical: bool = False
    scale: ColumnScale | None = None

    def column_names(self, _count: int) -> tuple[str, ...]:
        """The keys."""
        return self.keys
