import numpy as np
import pytest
from ase.build import bulk

from tansaku.models.features.soap import SoapSettings, soap_difference

SETTINGS = SoapSettings(cutoff=4.0, radial=3, angular=2)


@pytest.fixture
def crystal(require):
    require("dscribe")
    return bulk("Al", "fcc", a=4.05, cubic=True)


def test_the_crystal_differs_by_nothing_from_itself(crystal):
    found = soap_difference(crystal * (1, 1, 3), crystal, SETTINGS)
    np.testing.assert_allclose(found, 0.0, atol=1e-9)


def test_a_rattled_cell_differs_and_rotation_does_not_matter(crystal):
    rattled = crystal * (1, 1, 3)
    rattled.rattle(0.1, seed=1)
    found = soap_difference(rattled, crystal, SETTINGS)
    assert np.abs(found).max() > 1e-3
    turned = rattled.copy()
    turned.rotate(37.0, (1.0, 2.0, -1.0), rotate_cell=True)
    np.testing.assert_allclose(soap_difference(turned, crystal, SETTINGS), found, atol=1e-6 * np.abs(found).max())


def test_the_settings_set_the_length(crystal):
    longer = soap_difference(crystal, crystal, SoapSettings(cutoff=4.0, radial=4, angular=2))
    assert len(longer) > len(soap_difference(crystal, crystal, SETTINGS))
