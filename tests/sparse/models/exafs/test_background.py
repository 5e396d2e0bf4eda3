"""From absorption to fine structure."""

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.exafs.background import extracted
from tansaku.sparse.models.exafs.scattering import SQUARE_PER_ENERGY

EDGE, STEP = 9000.0, 2.5
ENERGY = np.concatenate(
    [np.arange(8800.0, 8980.0, 5.0), np.arange(8980.0, 9040.0, 0.5), EDGE + np.arange(3.3, 17.0, 0.05) ** 2 / SQUARE_PER_ENERGY]
)


def wave(k):
    return 0.3 * np.sin(2.0 * k * 2.4) * np.exp(-0.01 * k**2)


def absorption():
    above = np.maximum(ENERGY - EDGE, 0.0)
    rise = 0.5 + np.arctan((ENERGY - EDGE) / 0.8) / np.pi
    line = 1.0 - 4e-4 * (ENERGY - EDGE)
    atom = STEP * rise * (1.0 - 1e-4 * above + 2e-8 * above**2)
    return line + atom + STEP * rise * wave(np.sqrt(above * SQUARE_PER_ENERGY))


def test_the_fine_structure_is_what_was_put_in():
    found = extracted(ENERGY, absorption())
    assert found.edge == pytest.approx(EDGE, abs=1.0)
    assert found.step == pytest.approx(STEP, rel=0.05)
    inner = (found.k > 4.0) & (found.k < 15.0)
    true = wave(np.sqrt(found.k**2 + (found.edge - EDGE) * SQUARE_PER_ENERGY))
    rest = (found.chi - true)[inner]
    assert np.sqrt(np.mean(rest**2)) < 0.1 * np.sqrt(np.mean(true[inner] ** 2))


def test_a_stated_edge_moves_the_wavenumbers():
    found = extracted(ENERGY, absorption(), EDGE + 10.0)
    assert found.edge == EDGE + 10.0
    assert found.k[-1] == pytest.approx(np.sqrt((ENERGY[-1] - EDGE - 10.0) * SQUARE_PER_ENERGY))


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_a_factor_and_a_line_do_not_matter(factor):
    first, second = extracted(ENERGY, absorption()), extracted(ENERGY, factor * absorption() + 3.0 - 1e-3 * ENERGY)
    assert second.chi == pytest.approx(first.chi, abs=1e-8)
    assert second.step == pytest.approx(factor * first.step)


@pytest.mark.parametrize(("edge", "match"), [(8801.0, "before it"), (1e4, "beyond"), (None, "its height is")])
def test_what_has_no_edge_is_refused(edge, match):
    values = absorption() if edge is not None else -absorption()
    with pytest.raises(ConfigurationError, match=match):
        extracted(ENERGY, values, edge if edge is not None else EDGE)
