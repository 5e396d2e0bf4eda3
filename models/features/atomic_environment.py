"""Descriptors of atomic environments: a row of features for each atom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, assert_never

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.descriptors import DescriptorSpec, RadialDescriptorSpec, SoapDescriptorSpec
from tansaku.models.domain.surrogates import sum_by
from tansaku.models.features.neighbours import check_neighbours, distances_within
from tansaku.models.features.soap import compressed_soap, load_soap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms


_NEEDS = "descriptor soap needs"


def environment_features(structure: Atoms, descriptors: Sequence[DescriptorSpec], species: Sequence[str]) -> FloatArray:
    """Computes the features of every atom's environment, with the descriptors' columns side by side.

    Args:
        structure: Periodic or not.
        species: Elements that neighbours may be of; the features of different elements stand beside each other.

    Returns:
        Shape ``(n_atoms, n_features)``.

    Raises:
        MissingComponentError: A descriptor's package is not installed.
    """
    return np.hstack([_features(structure, descriptor, tuple(species)) for descriptor in descriptors])


def feature_counts(descriptors: Sequence[DescriptorSpec], species: Sequence[str]) -> tuple[int, ...]:
    """Returns the number of features of each descriptor in :func:`environment_features`.

    Raises:
        MissingComponentError: A descriptor's package is not installed.
    """
    return tuple(
        len(species) * sum(len(_centres(descriptor, width)) for width in descriptor.widths)
        if isinstance(descriptor, RadialDescriptorSpec)
        else int(compressed_soap(_NEEDS, species, descriptor).get_number_of_features())
        for descriptor in descriptors
    )


def check_descriptors(descriptors: Sequence[DescriptorSpec]) -> None:
    """Raises MissingComponentError when a descriptor's package is not installed."""
    if any(isinstance(descriptor, RadialDescriptorSpec) for descriptor in descriptors):
        check_neighbours()
    if any(isinstance(descriptor, SoapDescriptorSpec) for descriptor in descriptors):
        load_soap(_NEEDS)


def radial_features(structure: Atoms, spec: RadialDescriptorSpec, species: Sequence[str]) -> FloatArray:
    """Sums over the neighbours of Gaussians of their distance, at several widths, times a cosine cutoff.

    The sums are those of Behler and Parrinello 2007 (doi:10.1103/PhysRevLett.98.146401), equation 5, with centres that lie one
    width apart.

    Returns:
        Shape ``(n_atoms, n_species * n_functions)``.

    Raises:
        MissingComponentError: matscipy is not installed.
    """
    owner, other, distance = distances_within(structure, spec.cutoff)
    fade = 0.5 * (1.0 + np.cos(math.pi * distance / spec.cutoff))
    blocks = []
    for symbol in species:
        mine = np.asarray(structure.symbols == symbol)[other]
        for width in spec.widths:
            functions = np.exp(-0.5 * ((distance[mine, None] - _centres(spec, width)) / width) ** 2) * fade[mine, None]
            blocks.append(sum_by(functions, owner[mine], len(structure)))
    return np.hstack(blocks)


def soap_features(structure: Atoms, spec: SoapDescriptorSpec, species: Sequence[str]) -> FloatArray:
    """Power spectrum of the density around each atom, as dscribe computes it.

    Bartók, Kondor and Csányi 2013 (doi:10.1103/PhysRevB.87.184115).

    Returns:
        Shape ``(n_atoms, n_features)``.

    Raises:
        MissingComponentError: dscribe is not installed.
    """
    soap = compressed_soap(_NEEDS, species, spec, periodic=bool(structure.pbc.any()))
    return np.asarray(soap.create(structure), dtype=np.float64)


def _centres(spec: RadialDescriptorSpec, width: float) -> FloatArray:
    """Centres of the functions of a width [Å]."""
    # The tolerance keeps their number where the cutoff is a multiple of the width up to rounding.
    return np.asarray(spec.shortest + width * np.arange(math.ceil((spec.cutoff - spec.shortest) / width - 1e-9)))


def _features(structure: Atoms, descriptor: DescriptorSpec, species: tuple[str, ...]) -> FloatArray:
    match descriptor:
        case RadialDescriptorSpec():
            return radial_features(structure, descriptor, species)
        case SoapDescriptorSpec():
            return soap_features(structure, descriptor, species)
        case _:
            assert_never(descriptor)
