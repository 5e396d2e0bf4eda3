"""Transformations of a file's structure that are applied before its sites are named, through pymatgen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

from tansaku.calculators.structures.ion_data import load_pymatgen
from tansaku.models.domain.specs.composition import PrimitiveCellSpec, SupercellSpec, TransformationSpec

_STANDARD = "pymatgen.transformations.standard_transformations"


class Transformation(Protocol):
    """Transforms a structure. Its atoms keep or get labels, because sites are named by label."""

    @property
    def copies(self) -> int:
        """Largest number of copies that it makes of an atom."""
        ...

    def apply(self, structure: Any) -> Any:  # noqa: ANN401 - pymatgen Structures
        """The other structure; the one given stays as it is."""
        ...


@dataclass(frozen=True)
class Supercell:
    """A larger cell whose copies of an atom have different labels."""

    spec: SupercellSpec

    @property
    def copies(self) -> int:
        """Product of the repeats."""
        return prod(self.spec.repeats)

    def apply(self, structure: Any) -> Any:  # noqa: ANN401
        """Applies the transformation to a structure of pymatgen."""
        made = load_pymatgen(_STANDARD).SupercellTransformation.from_scaling_factors(*self.spec.repeats)
        larger = made.apply_transformation(structure)
        # All copies of an atom come before those of the next one.
        for index, site in enumerate(larger):
            site.label = f"{structure[index // self.copies].label}.{index % self.copies + 1}"
        return larger


@dataclass(frozen=True)
class PrimitiveCell:
    """The smallest cell."""

    spec: PrimitiveCellSpec

    @property
    def copies(self) -> int:
        """One: the cell becomes smaller."""
        return 1

    def apply(self, structure: Any) -> Any:  # noqa: ANN401
        """Applies the transformation to a structure of pymatgen."""
        return load_pymatgen(_STANDARD).PrimitiveCellTransformation(self.spec.tolerance).apply_transformation(structure)


_KINDS: Mapping[str, Callable[[Any], Transformation]] = {"supercell": Supercell, "primitive_cell": PrimitiveCell}
"""A transformation by the ``type`` of its spec; a new one is a spec class, a class here and a line here."""


def build_transformation(spec: TransformationSpec) -> Transformation:
    """The transformation of a spec."""
    return _KINDS[spec.type](spec)
