"""How much structures count by their forces."""

from __future__ import annotations

import numpy as np

from tansaku.potentials.network.softening import shares


def test_one_of_the_size_of_the_softening_counts_half():
    np.testing.assert_allclose(shares(0.5, np.array([0.0, 0.25, 4.75])), [1.0, 0.5, 0.05])


def test_without_softening_all_count_alike():
    assert (shares(None, np.array([0.0, 1e6])) == 1.0).all()
