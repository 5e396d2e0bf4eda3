"""EMT over all pairs at once is ASE's EMT: energies, forces and stresses, while atoms move and cells change."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.emt import EMT

from tansaku.calculators.engines.emt import PairwiseEMT


def alloy():
    atoms = bulk("Cu", cubic=True) * (2, 3, 1)
    atoms.symbols = np.random.default_rng(2).choice(["Al", "Cu", "Ni", "Pt"], len(atoms))
    return atoms


def outside_its_cell():
    """One atom whose neighbours are its own images, and one far from the cell that it is in."""
    atoms = bulk("Al") * (2, 1, 1)
    atoms.positions[1] += 3 * atoms.cell[0] - 2 * atoms.cell[1] + [0.0, 0.1, 0.0]
    return atoms


def slab_without_a_third_period():
    atoms = fcc111("Pd", (1, 2, 3), vacuum=6.0)
    atoms.positions[:, 0] -= 9.0
    return atoms


STRUCTURES = {
    "primitive": bulk("Cu"),
    "alloy": alloy(),
    "outside": outside_its_cell(),
    "slab": slab_without_a_third_period(),
    "molecule": Atoms("Cu2H", [(0, 0, 0), (0, 0, 2.3), (1.5, 0, 1.0)]),
    "apart": Atoms("Cu2", [(0, 0, 0), (0, 0, 30)]),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_equals_the_emt_of_ase_while_atoms_move_and_the_cell_changes(name):
    expected, found = (STRUCTURES[name].copy() for _ in range(2))
    expected.calc, found.calc = EMT(), PairwiseEMT()
    rng = np.random.default_rng(1)
    for step in range(8):
        shown = []
        for atoms in (expected, found):
            values = [atoms.get_potential_energy(), atoms.get_potential_energies(), atoms.get_forces()]
            shown.append([*values, atoms.get_stress()] if atoms.cell.rank == 3 else values)
        for one, other in zip(*shown, strict=True):
            np.testing.assert_allclose(other, one, rtol=0, atol=1e-12)
        moves = rng.normal(0.0, 0.3 if step == 4 else 0.03, expected.positions.shape)
        for atoms in (expected, found):
            atoms.positions += moves
            if step == 6 and atoms.cell.rank:
                atoms.set_cell(atoms.cell * [[1.03], [0.99], [1.0]], scale_atoms=True)


def test_a_molecule_has_no_stress():
    atoms = STRUCTURES["molecule"].copy()
    atoms.calc = PairwiseEMT()
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()
