"""Sobol' sequences equal SciPy's in every bit: ids of stored campaigns mean their points."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy.stats import qmc

from tansaku.models.features.sobol import MOST_OWN, scrambled_sobol


@pytest.mark.parametrize("dimensions", [1, 2, 8, 19, MOST_OWN, MOST_OWN + 1])
@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_they_equal_those_of_scipy(dimensions, seed):
    own = scrambled_sobol(dimensions, np.random.default_rng(seed))
    other = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    for n in (1, 1, 7, 1024, 100):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = other.random(n)
        assert own(n).tobytes() == expected.tobytes(), n


def test_few_dimensions_need_no_scipy():
    code = (
        "import sys, numpy\nfrom tansaku.models.features.sobol import MOST_OWN, scrambled_sobol\n"
        "scrambled_sobol(MOST_OWN, numpy.random.default_rng(0))(8)\nassert 'scipy' not in sys.modules\n"
        "scrambled_sobol(MOST_OWN + 1, numpy.random.default_rng(0))(8)\nassert 'scipy' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
