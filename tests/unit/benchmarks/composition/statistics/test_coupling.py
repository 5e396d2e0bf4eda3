from dataclasses import replace

import numpy as np
import pytest

from benchmarks.composition.statistics.coupling import CoupledPrior
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.engine.presets import PRESETS
from tansaku.models.engine.transfer.data import observed_source
from tansaku.models.engine.transfer.extended import COUPLING
from tansaku.models.engine.transfer.modes import Family
from tests.support.pools import pool_of


@pytest.fixture(scope="module")
def place() -> CandidatePool:
    """40 places on a line."""
    return pool_of(40, FeatureGroup("x", np.linspace(0.0, 1.0, 40)[:, None], np.arange(40), ("x",)))


def _family(place: CandidatePool, *shifts: float) -> Family:
    x = place.groups["x"].values[:, 0]
    sources = [observed_source(f"s{i}", place, np.arange(40), np.sin(9 * x + a), "minimize", 99) for i, a in enumerate(shifts)]
    return Family(PRESETS["obo"], place, sources)


@pytest.mark.parametrize("shift", [0.0, 0.6, 1.6, 3.1])
def test_the_correlation_is_that_of_the_whole_model(place, shift):
    family = _family(place, shift)
    source = family.source_fit()
    chosen = np.random.default_rng(0).permutation(40)[:15]
    values = np.sin(9 * place.groups["x"].values[chosen, 0])
    history = History(chosen, values)
    whole = family.fit("posterior", history, source, None)
    targets = family.transform(history).forward(values, np.zeros(15, dtype=np.intp))
    found = CoupledPrior(family, source.parameters).fit(chosen, targets)
    assert found == pytest.approx(whole["parameters"][COUPLING][0], rel=1e-4)


def test_without_correlation_the_prior_is_the_target_s_own(place):
    family = _family(place, 0.0)
    coupled = CoupledPrior(family, family.source_fit().parameters)
    apart, together = coupled.at(0.1), coupled.at(1e6)
    assert apart.mean == pytest.approx(0.0, abs=1e-12)
    assert np.diagonal(apart.covariance) == pytest.approx(apart.covariance[0, 0])
    # What the source tells is the shape; the target's mean stays open.
    assert np.ptp(together.mean) > 1.0
    assert np.linalg.eigvalsh(together.covariance)[-2] < 0.05 * np.linalg.eigvalsh(apart.covariance)[-2]


def test_one_source_is_covered(place):
    family = _family(place, 0.0, 0.3)
    with pytest.raises(ConfigurationError, match="2 sources of transfer, expected one"):
        CoupledPrior(family, replace(family.source_fit()).parameters)
