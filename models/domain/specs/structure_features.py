"""Specs of descriptors of structures, which surrogates and kernels see as groups of features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tansaku.models.domain.plugins import with_plugins
from tansaku.models.domain.specs.base import PositiveFloat, Spec
from tansaku.models.domain.specs.column_scale import ColumnScale

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


class CompositionFeaturesSpec(Spec):
    """Mean, deviation and range of properties of the elements, weighted by their shares of the atoms.

    Attributes:
        properties: Properties from pymatgen's table of elements.
        scale: How proposers with the preset ``default`` compare groups of more than eight columns. ``range``: each column in
            units of its range, as columns of different units need; ``none``: as they are, as the bins of a histogram need;
            ``auto``: ``range``. null: ``auto``; in a campaign
            that was created before there was this key, ``none``.
    """

    type: Literal["composition"] = "composition"
    properties: Annotated[tuple[ElementProperty, ...], Field(min_length=1)] = (
        "electronegativity",
        "group",
        "period",
        "atomic_radius",
    )
    scale: ColumnScale | None = None


class DensityFeaturesSpec(Spec):
    """Mass density and volume of an atom."""

    type: Literal["density"] = "density"


class SymmetryFeaturesSpec(Spec):
    """The space group by spglib, as a category.

    Attributes:
        tolerance: Distance within which atoms count as equivalent [Å].
    """

    type: Literal["symmetry"] = "symmetry"
    tolerance: PositiveFloat = 0.01


class SoapFeaturesSpec(Spec):
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

    type: Literal["soap"] = "soap"
    cutoff: Annotated[float, Field(ge=1.5, le=12)] = 5.0
    radial: Annotated[int, Field(ge=1, le=16)] = 6
    angular: Annotated[int, Field(ge=0, le=12)] = 4
    smearing: PositiveFloat = 0.5
    compression: Literal["mu2", "mu1nu1", "off"] = "mu2"
    components: Annotated[int, Field(ge=1, le=100)] = 8


class InfoFeaturesSpec(Spec):
    """Metadata of the files.

    Attributes:
        keys: Keys; every structure must have them.
        categorical: Whether the values are categories, which are equal or not and nothing else; else they must be numbers.
        scale: How proposers with the preset ``default`` compare groups of more than eight columns. ``range``: each column in
            units of its range, as columns of different units need; ``none``: as they are, as the bins of a histogram need;
            ``auto``: ``none`` if the keys are numbered (``d1``, ``d2``, …), else ``range``. null: ``auto``; in a campaign
            that was created before there was this key, ``none``.
    """

    type: Literal["info"] = "info"
    keys: Annotated[tuple[InfoKey, ...], Field(min_length=1, max_length=1000)]
    categorical: bool = False
    scale: ColumnScale | None = None


StructureFeaturesSpec = Annotated[
    CompositionFeaturesSpec | DensityFeaturesSpec | SymmetryFeaturesSpec | SoapFeaturesSpec | InfoFeaturesSpec,
    Field(discriminator="type"),
]
"""The registry of descriptors; ``spaces/structure_features.py`` has the code of each."""

if not TYPE_CHECKING:
    StructureFeaturesSpec = with_plugins(StructureFeaturesSpec, "features", Spec)
