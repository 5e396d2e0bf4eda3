"""Elements of structures."""

from ase import Atoms

from tansaku.models.features.species import species_of


def test_species_are_told_once_and_in_alphabetical_order():
    assert species_of([Atoms("O2"), Atoms("MgO"), Atoms("Al2O3")]) == ("Al", "Mg", "O")


def test_structures_may_come_one_by_one():
    assert species_of(Atoms(name) for name in ("Ti", "O")) == ("O", "Ti")


def test_no_structure_has_no_element():
    assert species_of([]) == ()
