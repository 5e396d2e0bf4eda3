"""Hosts from published crystals, against pymatgen's reading of the same numbers and what chemistry says of distances."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from ase.neighborlist import neighbor_list

from benchmarks.paths.crystals import CRYSTALS, Crystal
from benchmarks.paths.hosts import HOSTS

BONDS = {
    "fepo4": {"P": (4, 1.50, 1.58), "Fe": (6, 2.0, 2.3), "Li": (6, 2.05, 2.25)},
    "cr2p3o12": {"P": (4, 1.50, 1.55), "Cr": (6, 1.9, 2.1), "Na": (6, 2.4, 2.55)},
    "la3zr2o12": {"Zr": (6, 2.05, 2.15), "La": (8, 2.45, 2.65), "Li": (4, 1.85, 1.98)},
}
"""Oxygen neighbours of each cation, and the range of their distances [Å]."""

IONS = {"fepo4": 4, "cr2p3o12": 2, "la3zr2o12": 12}
"""Sites of the mobile ion in a primitive cell: 4a, a third of 6b, half of 24d."""


@pytest.fixture(params=CRYSTALS, ids=lambda item: item.name)
def item(request) -> Crystal:
    return request.param


def test_the_file_is_what_another_program_makes_of_the_numbers(item, require):
    require("pymatgen")
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Lattice, Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    elements, places = zip(*item.sites, strict=True)
    lattice = Lattice.from_parameters(*item.cell)
    theirs = Structure.from_spacegroup(item.space_group, lattice, elements, places).get_primitive_structure()
    ours = AseAtomsAdaptor.get_structure(read(item.file))
    assert len(ours) == len(theirs)
    assert ours.volume == pytest.approx(theirs.volume, rel=1e-6)
    exact = StructureMatcher(ltol=1e-3, stol=1e-3, angle_tol=0.01, primitive_cell=False, scale=False)
    assert exact.fit(ours, theirs)
    assert read(item.file).positions == pytest.approx(item.host().positions, abs=1e-6)


def test_cations_have_the_oxygen_neighbours_that_they_should(item):
    from ase.spacegroup import crystal

    whole = crystal(
        [*(element for element, _ in item.sites), item.ion[0]],
        [*(place for _, place in item.sites), item.ion[1]],
        spacegroup=item.space_group,
        cellpar=item.cell,
        primitive_cell=True,
    )
    host = Atoms(read(item.file))
    assert len(whole) == len(host) + IONS[item.name]
    symbols = np.array(whole.get_chemical_symbols())
    for cation, (count, low, high) in BONDS[item.name].items():
        first, second, distance = neighbor_list("ijd", whole, high + 0.15)
        bonds = distance[(symbols[first] == cation) & (symbols[second] == "O")]
        assert len(bonds) == count * (symbols == cation).sum()
        assert bonds.min() > low
        assert bonds.max() < high


def test_no_setting_was_chosen_with_them_and_their_grids_are_fine_enough():
    """Small hosts have a limit of 40 evaluations, which is 5 % of 800 points."""
    fresh = [host for host in HOSTS if not host.cations]
    assert [host.prototype for host in fresh] == ["cr2p3o12.extxyz", "fepo4.extxyz", "la3zr2o12.extxyz"]
    assert not any(host.chosen_on for host in fresh)
    assert all(len(host.space().pool()) >= 800 for host in fresh)
