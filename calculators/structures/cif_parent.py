"""A parent structure from a CIF, and the transformations applied before its sites are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tansaku.calculators.structures.cif_file import read_cif
from tansaku.calculators.structures.ion_data import load_pymatgen
from tansaku.calculators.structures.parent import Parent
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import HYDROXIDE, Ion
from tansaku.models.domain.specs.composition import PrimitiveCellSpec, SupercellSpec, TransformationSpec
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec, check_limit

_KEY = "space.parent.cif"


@dataclass(frozen=True)
class SiteRequest:
    """Atoms of a file that make a site.

    Attributes:
        labels: Only the atoms with these labels; empty: every atom of the element that no other site names by label.
    """

    ion: Ion
    labels: tuple[str, ...] = ()


def parent_from_cif(
    path: Path,
    sites: Mapping[str, SiteRequest],
    mobile: str | None = None,
    transformations: Sequence[Transformation] = (),
    limits: LimitsSpec | None = DEFAULT_LIMITS,
) -> Parent:
    """Reads a CIF and names its sites.

    Args:
        sites: Sites by name; together they must take every atom, each once.
        mobile: Site of the mobile ion.
        transformations: Applied in this order before the sites are named.
        limits: What the file may hold; None: it was judged before.

    Raises:
        ConfigurationError: The file cannot be read, is too large, has partly occupied sites, an atom belongs to no site or
            to two, a label is not in the file, or the charges do not balance.
        MissingComponentError: pymatgen is not installed.
    """
    structure = read_cif(path, limits, _KEY)
    for transformation in transformations:
        check_limit(
            limits, "cif_atoms", len(structure) * transformation.copies, f"{_KEY}: atoms in the cell made of {path.name!r}"
        )
        structure = transformation.apply(structure)
    symbols = [_element(site, path) for site in structure]
    labels = [str(site.label) for site in structure]
    owners: list[str | None] = [None] * len(symbols)
    for name, request in sorted(sites.items(), key=lambda site: not site[1].labels):
        if request.ion == HYDROXIDE:
            raise ConfigurationError(f"space.sites.{name}.replaces: 'OH-'; expected an ion of one element, its hydrogens apart")
        for index in _members(name, request, symbols, labels, sites):
            if owners[index] is not None:
                raise ConfigurationError(f"space.sites.{name}: atom {labels[index]} belongs to site {owners[index]} already")
            owners[index] = name
    left = sorted({label for label, owner in zip(labels, owners, strict=True) if owner is None})
    if left:
        raise ConfigurationError(
            f"space.sites: {', '.join(left[:8])} of {path.name!r} belong to no site; expected every atom on one",
            hint="a site whose ion stays needs only 'replaces', e.g. O: {replaces: O2-}",
        )
    charge = sum(sites[owner].ion.charge for owner in owners if owner is not None)
    if charge:
        raise ConfigurationError(f"space.sites: the ions that {path.name!r} is said to hold sum up to {charge:+d}; expected 0")
    return Parent(
        name=path.stem,
        cell=np.array(structure.lattice.matrix),
        fractions=np.array(structure.frac_coords),
        sites=tuple(owner for owner in owners if owner is not None),
        ions={name: request.ion for name, request in sites.items()},
        mobile=mobile,
    )


def _element(site: Any, path: Path) -> str:  # noqa: ANN401 - a pymatgen PeriodicSite
    species = list(site.species.items())
    if len(species) != 1 or abs(species[0][1] - 1.0) > 1e-3:
        raise ConfigurationError(
            f"space.parent.cif: site {site.label} of {path.name!r} holds {site.species_string}; expected one ion, fully"
        )
    symbol = getattr(species[0][0], "symbol", None) or species[0][0].element.symbol
    return str(symbol)


def _members(
    name: str, request: SiteRequest, symbols: Sequence[str], labels: Sequence[str], sites: Mapping[str, SiteRequest]
) -> list[int]:
    if request.labels:
        for label in request.labels:
            if label not in labels:
                raise ConfigurationError(
                    f"space.sites.{name}.labels: no atom {label!r}; the file has {', '.join(dict.fromkeys(labels))}"
                )
        found = [index for index, label in enumerate(labels) if label in request.labels]
        wrong = [labels[index] for index in found if symbols[index] != request.ion.element]
        if wrong:
            raise ConfigurationError(
                f"space.sites.{name}: {wrong[0]} is no {request.ion.element}; expected what 'replaces' says"
            )
        return found
    by_label = {label for other in sites.values() for label in other.labels}
    found = [i for i, symbol in enumerate(symbols) if symbol == request.ion.element and labels[i] not in by_label]
    if not found:
        known = ", ".join(dict.fromkeys(symbols))
        raise ConfigurationError(f"space.sites.{name}.replaces: no {request.ion.element} left in the file, which holds {known}")
    return found


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
