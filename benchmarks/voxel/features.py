"""Inputs of the methods: atomic environments, a matrix of nuclei, shells of the field, and atoms with field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.neighborlist import neighbor_list
from dscribe.descriptors import SOAP
from pymatgen.core.periodic_table import Element
from scipy.fft import ifftn

from benchmarks.voxel.data import GRID, TARGETS, Row, half_indices
from tansaku.calculators.engines.energy_partition import COULOMB, ion_energy
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.surrogates import Example
from tansaku.models.features.coulomb_matrix import coulomb_spectrum
from tansaku.models.features.species import species_of

SHELLS = 32
_POWER = 4
"""Power of the SOAP kernel."""
_SOFT = 0.25
"""Width of the Gaussian charge that represents an ion where the field meets it [Å]."""
_REACH = 3.2
"""Bonds are looked for up to here [Å]."""
_BONDED = 1.25
"""A cation is bonded to oxygens that are at most so many times as far as the nearest one."""


@dataclass(frozen=True)
class Oxides:
    """Descriptors of all oxides, computed once.

    Attributes:
        rows: The oxides.
        valence_electrons: Of an atom, by element.
    """

    rows: Sequence[Row]
    valence_electrons: Mapping[str, float]

    @cached_property
    def atoms(self) -> FloatArray:
        """Numbers of atoms."""
        return np.array([float(len(row.structure)) for row in self.rows])

    @cached_property
    def values(self) -> FloatArray:
        """Targets: energies per atom, and the gap [eV], shape ``(n, n_targets)``."""
        return np.array([[row.targets[name] / row.extent(name) for name in TARGETS] for row in self.rows])

    @cached_property
    def examples(self) -> list[Example]:
        """Examples for surrogates, of no known properties; the fields are put together from their Bragg peaks."""
        return [Example(row.id, row.formula, row.structure, {}, {"density": field_of(row)}) for row in self.rows]

    def example(self, place: int, values: FloatArray) -> Example:
        """An oxide to learn from.

        Args:
            place: Which one.
            values: Of its targets, as :attr:`values` has them or what is left of them.
        """
        extents = [self.rows[place].extent(name) for name in TARGETS]
        properties = {name: np.asarray(value * extent) for name, value, extent in zip(TARGETS, values, extents, strict=True)}
        return replace(self.examples[place], properties=properties)

    def families(self, places: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
        """Groups of equal composition among some oxides, as indices."""
        formulas = np.array([self.rows[place].formula for place in places])
        return [np.flatnonzero(formulas == name) for name in dict.fromkeys(formulas.tolist())]

    @cached_property
    def species(self) -> tuple[str, ...]:
        """Elements."""
        return species_of(row.structure for row in self.rows)

    @cached_property
    def fractions(self) -> FloatArray:
        """Fractions of the elements, shape ``(n, n_species)``."""
        counts = [[row.structure.get_chemical_symbols().count(item) for item in self.species] for row in self.rows]
        return np.array(counts, dtype=np.float64) / self.atoms[:, None]

    @cached_property
    def cations(self) -> FloatArray:
        """Mean, least and greatest of :func:`element_properties` among an oxide's cations, shape ``(n, 30)``."""
        known = np.array([element_properties(symbol) for symbol in self.species])
        others = np.array([symbol != "O" for symbol in self.species])
        rows = []
        for shares in self.fractions * others:
            mine = known[shares > 0]
            rows.append([*(shares @ known / shares.sum()), *mine.min(axis=0), *mine.max(axis=0)])
        return np.array(rows)

    @cached_property
    def bonds(self) -> FloatArray:
        """Descriptors of the cations' bonds, shape ``(n, 8)``.

        Mean, least and greatest of their shortest bonds [Å] and of the numbers of oxygens around them; the shortest distance of
        two oxygens [Å]; the logarithm of the volume per atom [Å^3].
        """
        return np.array([_bonds(row.structure) for row in self.rows])

    @cached_property
    def soap(self) -> FloatArray:
        """Mean power spectrum of the atoms, of length 1; compressed (Darby et al. 2022, doi:10.1038/s41524-022-00847-y)."""
        soap = SOAP(species=self.species, periodic=True, r_cut=5.0, n_max=6, l_max=4, sigma=0.5, compression={"mode": "mu1nu1"})
        found = np.array([np.asarray(soap.create(row.structure)).mean(axis=0) for row in self.rows])
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))

    @cached_property
    def soap_kernel(self) -> FloatArray:
        """Similarities of all oxides by :attr:`soap`, shape ``(n, n)``."""
        return np.asarray((self.soap @ self.soap.T) ** _POWER)

    @cached_property
    def coulomb_spectra(self) -> FloatArray:
        """Sorted eigenvalues of the sine matrix, a Coulomb matrix of crystals (Faber et al. 2015, doi:10.1002/qua.24917)."""
        return np.array([coulomb_spectrum(row.structure, int(self.atoms.max())) for row in self.rows])

    @cached_property
    def shells(self) -> FloatArray:
        """Power spectrum of the field in shells of |g|, each as its part of the Hartree energy per atom [eV]."""
        found = np.zeros((len(self.rows), SHELLS))
        for place, row in enumerate(self.rows):
            peaks = row.peaks
            lengths = np.linalg.norm(peaks.vectors[1:], axis=1)
            shell = np.minimum((lengths / GRID.cut * SHELLS).astype(int), SHELLS - 1)
            found[place] = np.bincount(shell, (np.abs(peaks.amplitudes[1:]) / lengths) ** 2, SHELLS)
            found[place] *= 2.0 * np.pi * COULOMB * row.structure.get_volume() / self.atoms[place]
        return found

    @cached_property
    def electrostatics(self) -> FloatArray:
        """Energy per atom of the field with itself, of ions with each other and of ions with the field [eV], shape ``(n, 5)``.

        The second and fourth column count wave vectors up to half the sphere's radius only; the fifth is the volume per atom.
        """
        return np.array([self._electrostatics(row) for row in self.rows])

    def _electrostatics(self, row: Row) -> list[float]:
        peaks, volume, atoms = row.peaks, row.structure.get_volume(), len(row.structure)
        waves, field = peaks.vectors[1:], peaks.amplitudes[1:]
        squares = (waves**2).sum(axis=1)
        near = squares <= (0.5 * GRID.cut) ** 2
        charges = np.array([self.valence_electrons[symbol] for symbol in row.structure.get_chemical_symbols()])
        ions = np.exp(-1j * waves @ row.structure.positions.T) @ charges * np.exp(-0.5 * _SOFT**2 * squares) / volume
        with_itself = 2.0 * np.pi * volume * COULOMB * np.abs(field) ** 2 / squares
        with_ions = -4.0 * np.pi * volume * COULOMB * (field * ions.conj()).real / squares
        found = [with_itself.sum(), with_itself[near].sum(), with_ions.sum(), with_ions[near].sum()]
        return [*(item / atoms for item in found), ion_energy(row.structure, list(charges)) / atoms, volume / atoms]


def element_properties(symbol: str) -> list[float]:
    """Properties of an element from pymatgen.

    Electronegativity, radius, period, group, ionisation energy, Mendeleev number; energies of the free atom's outermost s, p
    and d orbital and of its highest one [eV], 0 where there is none.
    """
    element = Element(symbol)
    orbitals = element.atomic_orbitals_eV or {}
    # Shells come in rising order: the last one of a kind is the outermost.
    outermost = {name[-1]: energy for name, energy in orbitals.items()}
    known = [element.X, element.atomic_radius, element.row, element.group, element.ionization_energies[0], element.mendeleev_no]
    return [*map(float, known), *(outermost.get(kind, 0.0) for kind in "spd"), max(orbitals.values(), default=0.0)]


def _bonds(structure: Atoms) -> list[float]:
    centre, other, distance = neighbor_list("ijd", structure, _REACH)
    oxygen = structure.numbers == 8
    bonds = [distance[(centre == cation) & oxygen[other]] for cation in np.flatnonzero(~oxygen)]
    shortest = [bond.min(initial=_REACH) for bond in bonds]
    around = [int((bond < _BONDED * least).sum()) for bond, least in zip(bonds, shortest, strict=True)]
    between = distance[oxygen[centre] & oxygen[other]].min(initial=_REACH)
    spread = [function(values) for values in (shortest, around) for function in (np.mean, np.min, np.max)]
    return [*map(float, spread), float(between), float(np.log(structure.get_volume() / len(structure)))]


def field_of(row: Row) -> FloatArray:
    """The valence density as far as its Bragg peaks are known [1/Å^3]."""
    indices = half_indices(row.structure.cell.array)
    # No coefficient of the sphere meets another one: the field is exactly the one whose other coefficients are zero.
    shape = 2 * np.floor(row.structure.cell.lengths() / (2.0 * GRID.resolution)).astype(int) + 2
    coefficients = np.zeros(shape, dtype=np.complex128)
    coefficients[tuple((indices % shape).T)] = row.half
    coefficients[tuple((-indices % shape).T)] = row.half.conj()
    return np.asarray(ifftn(coefficients).real * coefficients.size)
