import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell
from ase.utils.xrdebye import waasmaier
from scipy.spatial.transform import Rotation

from tansaku.models.domain.errors import FitError
from tansaku.potentials.features.bragg_frame import canonical_frame
from tansaku.potentials.features.free_atoms import form_factor, free_atom_peaks
from tansaku.potentials.features.voxels import bragg_peaks, voxels

pytestmark = pytest.mark.needs("pymatgen")


@pytest.fixture
def rutile() -> Atoms:
    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0.31, 0.29, 0.02], [0.69, 0.7, 0], [0.19, 0.81, 0.5], [0.81, 0.2, 0.5]]
    return Atoms("Ti2O4", cell=[4.6, 4.7, 2.96], scaled_positions=places, pbc=True)


@pytest.mark.parametrize("symbol", ["C", "O", "S", "Ni", "Pd", "Au"])
def test_form_factors_are_those_of_another_fit(symbol):
    """Waasmaier and Kirfel 1995, doi:10.1107/S0108767394013292, as ASE has them."""
    *gaussians, constant = waasmaier[symbol]
    sines = np.linspace(0.0, 0.6, 9)
    known = constant + np.exp(-np.outer(sines**2, gaussians[1::2])) @ gaussians[::2]
    np.testing.assert_allclose(form_factor(symbol, 4.0 * np.pi * sines), known, atol=0.02 * known[0])


def test_peaks_are_what_a_powder_diffractometer_shows(rutile):
    from pymatgen.analysis.diffraction.xrd import XRDCalculator
    from pymatgen.io.ase import AseAtomsAdaptor

    shown = XRDCalculator(wavelength=0.9).get_pattern(AseAtomsAdaptor.get_structure(rutile), False, (0.1, 60.0))
    peaks = free_atom_peaks(rutile, 0.4)
    lengths = np.linalg.norm(peaks.vectors, axis=1)
    for angle, height in zip(shown.x, shown.y, strict=True):
        theta = np.radians(angle / 2)
        mine = np.abs(lengths - 4.0 * np.pi * np.sin(theta) / 0.9) < 1e-4
        lorentz = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        found = lorentz * (np.abs(peaks.amplitudes[mine] * rutile.get_volume()) ** 2).sum()
        assert found == pytest.approx(height, rel=1e-3, abs=1e-3 * shown.y.max())


def test_they_are_those_of_the_field_itself(rutile):
    """The field put together from them has them again; it holds all electrons."""
    peaks = free_atom_peaks(rutile, 0.5)
    shape = np.array([24, 24, 16])
    axes = np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij")
    points = np.stack(axes, axis=-1).reshape(-1, 3) @ rutile.cell.array
    field = np.exp(1j * points @ peaks.vectors.T) @ peaks.amplitudes
    assert np.abs(field.imag).max() < 1e-9
    assert field.real.mean() * rutile.get_volume() == pytest.approx(2 * 22 + 4 * 8)
    again = bragg_peaks(field.real.reshape(shape), rutile.cell.array, 0.5)
    np.testing.assert_allclose(voxels(again), voxels(peaks), atol=1e-9)


def test_neither_translation_nor_a_supercell_nor_the_order_of_atoms_changes_the_voxels(rutile):
    plain = voxels(free_atom_peaks(rutile, 0.4))
    moved = rutile.copy()
    moved.translate([0.3, -1.2, 0.7])
    larger = make_supercell(moved[[3, 1, 5, 0, 4, 2]], [[1, 1, 0], [0, 1, 0], [0, 0, 2]])
    assert len(free_atom_peaks(larger, 0.4).vectors) == len(free_atom_peaks(rutile, 0.4).vectors)
    np.testing.assert_allclose(voxels(free_atom_peaks(larger, 0.4)), plain, atol=1e-9)


def test_a_turned_crystal_is_the_same_one_in_its_own_frame(rutile):
    rotation = Rotation.random(rng=np.random.default_rng(5)).as_matrix()
    turned = rutile.copy()
    turned.set_cell(rutile.cell.array @ rotation.T, scale_atoms=True)
    own = [one.turned(canonical_frame(one)) for one in (free_atom_peaks(rutile, 0.4), free_atom_peaks(turned, 0.4))]
    np.testing.assert_allclose(voxels(own[1]), voxels(own[0]), atol=1e-9)


def test_an_element_without_a_form_factor_is_named():
    with pytest.raises(FitError, match="no form factor of Lr is known"):
        free_atom_peaks(bulk("Lr", "fcc", a=5.0), 0.4)
