"""Feature groups of structures from files, by the descriptors that a spec names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms

from tansaku.calculators.structures.structure_reader import FoundStructure
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.plugins import opened
from tansaku.models.domain.pool import FeatureGroup, FloatArray
from tansaku.models.domain.specs.base import Spec
from tansaku.models.domain.specs.column_scale import have_different_units
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.specs.structure_features import (
    CompositionFeaturesSpec,
    DensityFeaturesSpec,
    InfoFeaturesSpec,
    SoapFeaturesSpec,
    StructureFeaturesSpec,
    SymmetryFeaturesSpec,
)
from tansaku.models.features.structure_descriptors import (
    STATISTICS,
    averaged_soap,
    composition_statistics,
    densities,
    space_groups,
)


def check_features(specs: Mapping[str, StructureFeaturesSpec], atoms: int, limits: LimitsSpec | None) -> None:
    """Raises ConfigurationError if SOAP would be computed for more atoms than the machine allows."""
    for name, spec in specs.items():
        if isinstance(spec, SoapFeaturesSpec):
            check_limit(limits, "soap_atoms", atoms, f"space.features.{name}: atoms of all structures")


def structure_groups(
    specs: Mapping[str, StructureFeaturesSpec], several: Sequence[tuple[str, FoundStructure]]
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


def _group(name: str, spec: StructureFeaturesSpec, several: Sequence[tuple[str, FoundStructure]]) -> FeatureGroup:
    rows, columns, categorical = _rows(name, spec, several)
    # The spec of a plug-in may have this key too.
    mixed = not categorical and have_different_units(getattr(spec, "scale", None), columns)
    group = FeatureGroup.compact(name, rows, np.arange(len(several)), columns, categorical=categorical)
    return replace(group, mixed=mixed)


def _rows(
    name: str, spec: StructureFeaturesSpec, several: Sequence[tuple[str, FoundStructure]]
) -> tuple[FloatArray, tuple[str, ...], bool]:
    structures = [found.atoms for _, found in several]
    if isinstance(spec, CompositionFeaturesSpec):
        rows = composition_statistics(structures, spec.properties, f"space.features.{name}")
        return rows, tuple(f"{statistic} {what}" for statistic in STATISTICS for what in spec.properties), False
    if isinstance(spec, DensityFeaturesSpec):
        return densities(structures), ("density [g/cm^3]", "volume [Å^3/atom]"), False
    if isinstance(spec, SymmetryFeaturesSpec):
        groups = np.array(space_groups(structures, spec.tolerance), dtype=np.float64)[:, None]
        return groups, ("space group",), True
    if isinstance(spec, SoapFeaturesSpec):
        rows = averaged_soap(structures, spec)
        return rows, tuple(f"component {number}" for number in range(1, rows.shape[1] + 1)), False
    if isinstance(spec, InfoFeaturesSpec):
        return _info(name, spec, several), spec.keys, spec.categorical
    return _of_plugin(name, spec, structures)


def _of_plugin(name: str, spec: Spec, structures: Sequence[Atoms]) -> tuple[FloatArray, tuple[str, ...], bool]:
    """Descriptors that the code of an installed plug-in computes; they must be numbers of one length."""
    compute = opened("features", spec)
    if compute is None:
        raise AssertionError(f"no code for features {spec!r}")
    rows = np.asarray(compute(spec, structures), dtype=np.float64)
    if rows.ndim != 2 or len(rows) != len(structures) or not rows.shape[1]:
        raise ConfigurationError(
            f"space.features.{name}: its plug-in returned an array of shape {rows.shape}; expected ({len(structures)}, n)"
        )
    if not np.isfinite(rows).all():
        raise ConfigurationError(f"space.features.{name}: its plug-in returned numbers that are not finite")
    columns = tuple(f"{getattr(spec, 'type', name)} {number}" for number in range(1, rows.shape[1] + 1))
    return rows, columns, bool(getattr(spec, "categorical", False))


def _info(name: str, spec: InfoFeaturesSpec, several: Sequence[tuple[str, FoundStructure]]) -> FloatArray:
    columns = []
    for key in spec.keys:
        values = [info_of(candidate, found, key, f"space.features.{name}.keys") for candidate, found in several]
        if spec.categorical:
            known = {text: float(code) for code, text in enumerate(sorted({str(value) for value in values}))}
            columns.append([known[str(value)] for value in values])
            continue
        for (candidate, _), value in zip(several, values, strict=True):
            if isinstance(value, str):
                raise ConfigurationError(
                    f"space.features.{name}.keys: {key} of {candidate} is {shown(value)}, not a number",
                    hint="categorical: true takes texts as categories",
                )
        columns.append([float(value) for value in values])
    return np.array(columns).T


def info_of(candidate: str, found: FoundStructure, name: str, key: str) -> str | float:
    """A value of a structure's metadata.

    Args:
        candidate: Its id.
        found: The structure.
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
