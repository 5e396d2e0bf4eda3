import numpy as np
import pytest
from ase.build import bulk

from tansaku.models.domain.errors import FitError
from tansaku.models.features.coulomb_matrix import coulomb_spectrum, sine_matrix


@pytest.fixture
def crystal():
    atoms = bulk("MgO", "rocksalt", 4.2).repeat((2, 1, 1))
    atoms.positions += 0.1 * np.random.default_rng(0).normal(size=(4, 3))
    return atoms


def test_the_matrix_of_two_atoms_in_a_cube():
    atoms = bulk("CsCl", "cesiumchloride", 4.0)
    found = sine_matrix(atoms)
    # sin²(π/2) = 1 along each edge.
    assert found[0, 1] == pytest.approx(55 * 17 / (4.0 * np.sqrt(3)))
    np.testing.assert_allclose(np.diag(found), [0.5 * 55**2.4, 0.5 * 17**2.4])


def test_no_turn_shift_image_or_order_changes_the_spectrum(crystal):
    before = coulomb_spectrum(crystal, 6)
    assert before[4:].tolist() == [0.0, 0.0]
    turned, moved, wrapped = crystal.copy(), crystal.copy(), crystal.copy()
    turned.rotate(31.0, (1, 2, 3), rotate_cell=True)
    moved.translate((0.3, 0.2, -0.9))
    wrapped.positions[1] += wrapped.cell[0] - 2 * wrapped.cell[2]
    for changed in (turned, moved, wrapped, crystal[[2, 0, 3, 1]]):
        np.testing.assert_allclose(coulomb_spectrum(changed, 6), before, atol=1e-8)


def test_more_atoms_than_the_training_data_had_are_refused(crystal):
    with pytest.raises(FitError, match="4 atoms; expected at most 3"):
        coulomb_spectrum(crystal, 3)
