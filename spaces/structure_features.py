"""Feature groups of structures from files, by the descriptors that a spec names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms

from tansaku.calculators.structures.structure_reader import FoundStructure
from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.pool import FeatureGroup, FloatArray
from tansaku.models.domain.specs.column_scale import have_different_units
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.specs.structure_features import (
    CompositionFeaturesSpec,
    FeaturesBase,
    InfoFeaturesSpec,
    SoapFeaturesSpec,
    SymmetryFeaturesSpec,
)
from tansaku.models.features.structure_descriptors import (
    averaged_soap,
    composition_statistics,
    densities,
    space_groups,
)


class Structures(list[Atoms]):
    """Structures that a descriptor sees, in the pool's order.

    Args:
        several: Candidates and what was found of them.
        key: Key of the spec that asks, for messages.
    """

    def __init__(self, several: Sequence[tuple[str, FoundStructure]], key: str) -> None:
        super().__init__(found.atoms for _, found in several)
        self.several = several
        self.key = key


def check_features(specs: Mapping[str, FeaturesBase], atoms: int, limits: LimitsSpec | None) -> None:
    """Raises ConfigurationError if a descriptor would be computed for more atoms than the machine allows."""
    for name, spec in specs.items():
        if spec.limit is not None:
            check_limit(limits, spec.limit, atoms, f"space.features.{name}: atoms of all structures")


def structure_groups(
    specs: Mapping[str, FeaturesBase], several: Sequence[tuple[str, FoundStructure]]
) -> dict[str, FeatureGroup]:
    """The feature groups of a pool.

    Args:
        specs: Descriptors by the name of their group.
        several: Candidates and their structures, in the pool's order.

    Raises:
        ConfigurationError: A structure lacks what a descriptor needs.
        MissingComponentError: A package is not installed.
    """
    return {name: _group(name, spec, several) for name, spec in specs.items()}


def _group(name: str, spec: FeaturesBase, several: Sequence[tuple[str, FoundStructure]]) -> FeatureGroup:
    key = f"space.features.{name}"
    rows = np.asarray(opened("features", spec.type, spec.opener)(spec, Structures(several, key)), dtype=np.float64)
    if rows.ndim != 2 or len(rows) != len(several) or not rows.shape[1]:
        raise ConfigurationError(f"{key}: its plug-in returned an array of shape {rows.shape}; expected ({len(several)}, n)")
    if not np.isfinite(rows).all():
        raise ConfigurationError(f"{key}: its plug-in returned numbers that are not finite")
    categorical, columns = bool(getattr(spec, "categorical", False)), spec.column_names(rows.shape[1])
    mixed = not categorical and have_different_units(getattr(spec, "scale", None), columns)
    group = FeatureGroup.compact(name, rows, np.arange(len(several)), columns, categorical=categorical)
    return replace(group, mixed=mixed)


def composition_columns(spec: CompositionFeaturesSpec, structures: Structures) -> FloatArray:
    """Statistics of the elements' properties, shape ``(n, 3 * n_properties)``."""
    return composition_statistics(structures, spec.properties, structures.key)


def density_columns(_spec: FeaturesBase, structures: Structures) -> FloatArray:
    """Mass density [g/cm^3] and volume of an atom [Å^3], shape ``(n, 2)``."""
    return densities(structures)


def symmetry_columns(spec: SymmetryFeaturesSpec, structures: Structures) -> FloatArray:
    """Numbers of the space groups, shape ``(n, 1)``."""
    return np.array(space_groups(structures, spec.tolerance), dtype=np.float64)[:, None]


def soap_columns(spec: SoapFeaturesSpec, structures: Structures) -> FloatArray:
    """Principal components of averaged SOAP, shape ``(n, n_components)``."""
    return averaged_soap(structures, spec)


def info_columns(spec: InfoFeaturesSpec, structures: Structures) -> FloatArray:
    """Metadata, shape ``(n, n_keys)``; categories as codes in the order of their texts."""
    asking = f"{structures.key}.keys"
    columns = []
    for key in spec.keys:
        values = [info_of(candidate, found, key, asking) for candidate, found in structures.several]
        if spec.categorical:
            known = {text: float(code) for code, text in enumerate(sorted({str(value) for value in values}))}
            columns.append([known[str(value)] for value in values])
            continue
        for (candidate, _), value in zip(structures.several, values, strict=True):
            if isinstance(value, str):
                raise ConfigurationError(
                    f"{asking}: {key} of {candidate} is {shown(value)}, not a number",
                    hint="categorical: true takes texts as categories",
                )
        columns.append([float(value) for value in values])
    return np.array(columns).T


def info_of(candidate: str, found: FoundStructure, name: str, key: str) -> str | float:
    """A value of a structure's metadata.

    Args:
        candidate: Its id.
        name: Key of the metadata.
        key: Key of the spec that asks, for messages.

    Raises:
        ConfigurationError: The structure has no such value.
    """
    if name not in found.info:
        there = ", ".join(sorted(found.info)[:12]) or "none"
        raise ConfigurationError(f"{key}: {candidate} has no {name!r}; its keys are {there}")
    value: str | float = found.info[name]
    return value
