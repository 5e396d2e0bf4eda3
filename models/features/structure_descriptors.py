"""Descriptors of whole crystals: statistics of their elements, density, space group, averaged SOAP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_masses

from tansaku.models.domain.errors import ConfigurationError, installed
from tansaku.models.domain.pool import FloatArray
from tansaku.models.features.soap import compressed_soap

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.models.domain.specs.descriptors import SoapDescriptorSpec
    from tansaku.models.domain.specs.structure_features import SoapFeaturesSpec

_NEEDS = "features of type soap need"

_DALTON = 1.66053906660
"""g/cm³ of one atomic mass unit in one Å³."""

_ATTRIBUTES = {
    "atomic_number": "Z",
    "atomic_mass": "atomic_mass",
    "electronegativity": "X",
    "group": "group",
    "period": "row",
    "mendeleev_number": "mendeleev_no",
    "atomic_radius": "atomic_radius",
    "melting_point": "melting_point",
    "molar_volume": "molar_volume",
    "bulk_modulus": "bulk_modulus",
}


def element_values(symbols: Sequence[str], properties: Sequence[str], key: str) -> dict[str, FloatArray]:
    """Properties of elements from pymatgen's table, each of shape ``(n_properties,)``.

    Args:
        properties: Names of properties.
        key: Key of the spec that asks, for messages.

    Raises:
        ConfigurationError: The table lacks one.
        MissingComponentError: pymatgen is not installed.
    """
    import warnings

    with installed(f"{key} needs pymatgen", hint="pip install 'tansaku[composition]'"):
        from pymatgen.core.periodic_table import Element
    found = {}
    for symbol in symbols:
        values = []
        for name in properties:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = getattr(Element(symbol), _ATTRIBUTES[name])
            if value is None or not np.isfinite(float(value)):
                raise ConfigurationError(f"{key}: there is no {name} of {symbol}; leave out the property or the structures")
            values.append(float(value))
        found[symbol] = np.array(values)
    return found


def composition_statistics(structures: Sequence[Atoms], properties: Sequence[str], key: str) -> FloatArray:
    """Mean, standard deviation and range of the elements' properties over the atoms, shape ``(n, 3 * n_properties)``.

    Ward et al., npj Comput. Mater. 2, 16028 (2016), doi:10.1038/npjcompumats.2016.28.

    Args:
        properties: Names of properties.
        key: Key of the spec that asks, for messages.

    Raises:
        ConfigurationError: The table lacks a property of an element.
        MissingComponentError: pymatgen is not installed.
    """
    symbols = sorted({symbol for atoms in structures for symbol in set(atoms.get_chemical_symbols())})
    table = element_values(symbols, properties, key)
    rows = []
    for atoms in structures:
        values = np.array([table[symbol] for symbol in atoms.get_chemical_symbols()])
        # Sorted, so that the order of the atoms does not change the last digit.
        values = np.sort(values, axis=0)
        rows.append(np.concatenate((values.mean(axis=0), values.std(axis=0), np.ptp(values, axis=0))))
    return np.round(np.array(rows), 10)


def densities(structures: Sequence[Atoms]) -> FloatArray:
    """Mass density [g/cm^3] and volume of an atom [Å^3], shape ``(n, 2)``."""
    rows = [
        [float(atomic_masses[atoms.numbers].sum()) * _DALTON / atoms.get_volume(), atoms.get_volume() / len(atoms)]
        for atoms in structures
    ]
    return np.asarray(np.round(np.array(rows), 10), dtype=np.float64)


def space_groups(structures: Sequence[Atoms], tolerance: float) -> list[int]:
    """Numbers of the space groups; 1 where spglib finds none.

    Args:
        tolerance: Distance within which atoms count as equivalent [Å].

    Raises:
        MissingComponentError: spglib is not installed.
    """
    with installed("the space group needs spglib", hint="pip install 'tansaku[composition]'"):
        import spglib
    found = []
    for atoms in structures:
        cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
        dataset = spglib.get_symmetry_dataset(cell, symprec=tolerance)
        found.append(1 if dataset is None else int(dataset.number))
    return found


def averaged_soap(structures: Sequence[Atoms], spec: SoapFeaturesSpec) -> FloatArray:
    """Mean power spectra of the atoms of each crystal, compressed, shape ``(n, n_components)``.

    Bartók, Kondor, Csányi, Phys. Rev. B 87, 184115 (2013), doi:10.1103/PhysRevB.87.184115; compression of elements: Darby,
    Kermode, Csányi, npj Comput. Mater. 8, 166 (2022), doi:10.1038/s41524-022-00847-y.

    Args:
        spec: Cutoff, basis and compression.

    Raises:
        MissingComponentError: dscribe is not installed.
    """
    soap = compressed_soap(
        _NEEDS, sorted({symbol for atoms in structures for symbol in set(atoms.get_chemical_symbols())}), spec
    )
    spectra = np.array([np.asarray(soap.create(atoms), dtype=np.float64).mean(axis=0) for atoms in structures])
    return principal_components(spectra, spec.components)


def site_soap(atoms: Atoms, positions: FloatArray, spec: SoapDescriptorSpec) -> FloatArray:
    """Power spectra of the surroundings of positions in one structure, shape ``(n, n_features)``.

    Args:
        atoms: Periodic.
        positions: [Å], shape ``(n, 3)``.
        spec: Cutoff and basis.

    Raises:
        MissingComponentError: dscribe is not installed.
    """
    soap = compressed_soap(_NEEDS, sorted(set(atoms.get_chemical_symbols())), spec)
    return np.asarray(soap.create(atoms, centers=positions), dtype=np.float64)


def principal_components(rows: FloatArray, most: int) -> FloatArray:
    """Coordinates of rows along their directions of largest variance; the largest coordinate of each is positive.

    Args:
        rows: Shape ``(n, d)``.
        most: How many directions are kept at most.
    """
    centred = rows - rows.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    kept = max(1, min(most, int((sizes > 1e-9 * max(sizes[0], 1e-300)).sum())))
    found = centred @ directions[:kept].T
    largest = found[np.abs(found).argmax(axis=0), np.arange(kept)]
    return np.asarray(np.round(found * np.where(largest < 0, -1.0, 1.0), 8) + 0.0, dtype=np.float64)
