"""Rows of whole structures for surrogates that learn one property: descriptors, fractions of the elements, values, groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.descriptors import CoulombMatrixDescriptorSpec, DescriptorSpec, StructureDescriptorSpec
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.specs.surrogate import SparseSpec
from tansaku.models.domain.surrogates import Example
from tansaku.models.features.atomic_environment import environment_features
from tansaku.models.features.coulomb_matrix import coulomb_spectrum


def structure_features(descriptors: Sequence[StructureDescriptorSpec], example: Example, species: Sequence[str]) -> FloatArray:
    """Mean of the atoms' features, features of the structure and fractions of the elements, shape ``(n_features,)``.

    Raises:
        FitError: An element that is none of ``species``, or more atoms than a Coulomb matrix has room for.
    """
    symbols = example.structure.get_chemical_symbols()
    unknown = sorted(set(symbols) - set(species))
    if unknown:
        raise FitError(
            f"{example.id}: {', '.join(unknown)} was not in the training data; this model knows {', '.join(species)}"
        )
    fractions = [symbols.count(symbol) / len(symbols) for symbol in species]
    atoms = example.structure
    surroundings = surroundings_of(descriptors)
    parts = [environment_features(atoms, surroundings, species).mean(axis=0)] if surroundings else []
    parts += [
        coulomb_spectrum(atoms, descriptor.size)
        for descriptor in descriptors
        if isinstance(descriptor, CoulombMatrixDescriptorSpec)
    ]
    return np.concatenate((*parts, fractions))


def surroundings_of(descriptors: Sequence[StructureDescriptorSpec]) -> list[DescriptorSpec]:
    """Returns the descriptors of atomic environments."""
    return [descriptor for descriptor in descriptors if not isinstance(descriptor, CoulombMatrixDescriptorSpec)]


def known_value(spec: KernelRidgeSpec | SparseSpec, example: Example) -> float:
    """The value of the property that a spec names, per atom if it says so.

    Raises:
        FitError: It is not known.
    """
    if spec.property not in example.properties:
        raise FitError(f"{example.id}: no {spec.property} is known")
    return float(example.properties[spec.property]) / (len(example.structure) if spec.per_atom else 1)


def unit_of(spec: KernelRidgeSpec | SparseSpec) -> str:
    """The unit of :func:`known_value`; empty for a property whose unit is not known."""
    return ("eV/atom" if spec.per_atom else "eV") if spec.property == "energy" else ""


def groups_of(spec: KernelRidgeSpec | SparseSpec, examples: Sequence[Example]) -> list[str]:
    """The groups of training data, sorted.

    Raises:
        FitError: There is only one, so that cross-validation cannot leave one out.
    """
    groups = sorted({example.group for example in examples})
    if len(groups) < 2:
        raise FitError(f"{spec.type}: {len(groups)} group of training data; cross-validation leaves one out of at least 2")
    return groups
