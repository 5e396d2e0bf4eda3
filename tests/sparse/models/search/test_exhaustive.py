"""An interrupted search continues, threads change nothing, and posteriors are sums over all supports."""

import numpy as np
import pytest

from tansaku.models.averaging.design import Constraints, Design
from tansaku.models.averaging.subsets import log_prior, unrank
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.search import state_file
from tansaku.sparse.models.search.exhaustive import Running, search_all
from tansaku.sparse.models.search.landscape import landscape, members
from tansaku.sparse.models.search.scores import linear_score


@pytest.fixture
def score():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 8))
    return linear_score("free_energy", Design.of(x, x[:, 1] + 0.5 * x[:, 4] + 0.4 * rng.normal(size=30)))


class KilledError(Exception):
    pass


def test_an_interrupted_search_continues(score, tmp_path, monkeypatch):
    monkeypatch.setattr(state_file, "_INTERVAL", 0.0)
    monkeypatch.setattr(state_file, "_SHARE", 0.0)
    calls = []
    whole = score.sweep_pass

    def counted(number, largest):
        calls.append(number)
        if len(calls) == 20:
            raise KilledError
        return whole(number, largest)

    expected = search_all(score, 3)
    monkeypatch.setattr(score, "sweep_pass", counted)
    with pytest.raises(KilledError):
        search_all(score, 3, Running(state=tmp_path / "s.npz"), "key")
    found = search_all(score, 3, Running(state=tmp_path / "s.npz"), "key")
    assert len(calls) == score.passes + 1
    assert all(np.array_equal(a, b) for a, b in zip(found.by_size, expected.by_size, strict=True))
    search_all(score, 3, Running(state=tmp_path / "s.npz"), "another table")
    assert len(calls) == 2 * score.passes + 1


def test_threads_change_nothing(score):
    one, two = search_all(score, 3), search_all(score, 3, Running(jobs=2))
    assert all(np.array_equal(a, b) for a, b in zip(one.by_size, two.by_size, strict=True))


def test_a_damaged_state_is_not_used(score, tmp_path):
    (tmp_path / "s.npz").write_bytes(b"PK\x03\x04 damaged")
    assert len(search_all(score, 1, Running(state=tmp_path / "s.npz"))) == 9


def test_too_many_supports_are_refused():
    x = np.random.default_rng(0).normal(size=(20, 60))
    with pytest.raises(ConfigurationError, match="sampled"):
        search_all(linear_score("bic", Design.of(x, x[:, 0])), 10)


def test_posteriors_are_sums_over_all_supports(score):
    found = search_all(score, 2)
    scene = landscape(found, bins=10)
    prior = log_prior(8, 2)
    weights = [np.exp(prior[size] - energies) for size, energies in enumerate(found.by_size)]
    total = sum(w.sum() for w in weights)
    pairs = unrank(np.arange(28), 8, 2)
    of_four = weights[1][4] + weights[2][(pairs == 4).any(axis=1)].sum()
    assert scene.feature_posterior[4] == pytest.approx(of_four / total)
    assert scene.size_posterior == pytest.approx([w.sum() / total for w in weights])
    assert scene.log_evidence == pytest.approx(np.log(total))
    assert np.exp(scene.log_density).sum() == pytest.approx(37)
    assert members(scene.supports[0]) == (1, 4)
    assert scene.weights.sum() == pytest.approx(1.0)


def test_required_columns_are_in_every_model():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 5))
    design = Design.of(x, x[:, 1], Constraints(required=(0,), excluded=(2,)))
    assert design.units == ((1,), (3,), (4,))
    assert design.columns(np.array([[0, -1]])).tolist() == [[0, 1, -1]]
