"""Dynamic modes: against PyDMD, against brute force, and against damped oscillations that are known."""

from itertools import combinations

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.modes.dynamics import Snapshots, decomposed, usual_delays
from tansaku.sparse.models.modes.path import Path
from tansaku.sparse.models.modes.problem import amplitude_problem, shape_problem, vandermonde
from tansaku.sparse.models.modes.refine import refined
from tansaku.sparse.models.modes.relaxation import relaxed
from tansaku.sparse.models.modes.score import RATIOS, ModeScore

pytestmark = pytest.mark.needs("pydmd")


def silent(share):
    assert 0.0 <= share <= 1.0


def field(seed=0, channels=30, times=60, noise=0.02):
    """Two travelling waves and a decay on a line."""
    rng = np.random.default_rng(seed)
    x, t = np.linspace(0.0, 1.0, channels)[:, None], 0.1 * np.arange(times)
    values = np.exp(-0.1 * t) * np.cos(2 * np.pi * (x - 0.7 * t)) + 0.5 * np.cos(2 * np.pi * (2 * x - 1.6 * t))
    values = values + 0.3 * np.exp(-0.8 * t) * x
    return Snapshots(0.0, 0.1, values + noise * rng.normal(size=values.shape))


def trace(seed=0, noise=0.05):
    t = 0.02 * np.arange(300)
    y = np.exp(-0.3 * t) * np.cos(2 * np.pi * 2.9 * t + 0.4) + 0.5 * np.exp(-0.5 * t) * np.cos(2 * np.pi * 4.1 * t - 1.0)
    return Snapshots(0.0, 0.02, (y + noise * np.random.default_rng(seed).normal(size=len(t)))[None])


def test_eigenvalues_and_the_loss_are_those_of_pydmd():
    from pydmd import DMD

    snapshots = field()
    theirs = DMD(svd_rank=9, exact=True, opt=True).fit(snapshots.values)
    modes = decomposed(snapshots, 1, 9)
    both = np.concatenate([modes.eigenvalues, modes.eigenvalues[modes.oscillating].conj()])
    assert np.sort_complex(both) == pytest.approx(np.sort_complex(theirs.eigs), abs=1e-9)
    gram, target = theirs._optimal_dmd_matrices()
    least = np.sum(snapshots.values**2) - (target.conj() @ np.linalg.solve(gram, target)).real
    problem = amplitude_problem(modes)
    everything = np.arange(problem.n_units)
    assert problem.losses(everything[None])[0] == pytest.approx(least, rel=1e-8)
    assert np.sum(np.abs(snapshots.values - theirs.reconstructed_data) ** 2) == pytest.approx(least, rel=1e-6)


def test_losses_and_weights_are_those_of_least_squares():
    modes = decomposed(field(), 1, 9)
    powers = vandermonde(modes.eigenvalues, modes.matrix.shape[1])
    functions = modes.shapes.T[:, :, None] * powers[:, None, :]
    problem = amplitude_problem(modes)
    for support in ([0], [1, 2], [0, 2, 3]):
        columns = np.array([part.ravel() for unit in support for part in (functions[unit].real, -functions[unit].imag)]).T
        weights, *_ = np.linalg.lstsq(columns, modes.matrix.ravel(), rcond=1e-12)
        left = np.sum((modes.matrix.ravel() - columns @ weights) ** 2)
        assert problem.losses(np.array([support]))[0] == pytest.approx(left, rel=1e-9)
        factor = np.repeat(np.where(modes.oscillating[support], 2.0, 1.0), 2)
        assert factor * problem.weights(np.array(support))[:, 0] == pytest.approx(weights, abs=1e-8)


def test_the_search_of_all_sets_is_brute_force_and_single_moves_reach_the_same():
    modes = decomposed(trace(), 100, 14)
    problem = amplitude_problem(modes)
    every, moved = (Path(problem, modes.counts, 14) for _ in range(2))
    every.search_all(problem.n_units, silent)
    moved.improve(silent)
    best = {}
    for size in range(problem.n_units + 1):
        for support in combinations(range(problem.n_units), size):
            loss = problem.losses(np.array([support], dtype=np.int64).reshape(1, size))[0]
            number = every.number(support)
            best[number] = min(best.get(number, np.inf), loss)
    assert {every.number(held.support): held.loss for held in every.best} == pytest.approx(best, rel=1e-6)
    assert {moved.number(held.support): held.loss for held in moved.best} == pytest.approx(best, rel=1e-6)


def test_the_relaxation_is_solved():
    """At its solution the gradient of each chosen unit balances the penalty; with one unit the solution is known."""
    modes = decomposed(trace(noise=0.2), 100, 12)
    problem = amplitude_problem(modes)
    found = relaxed(problem, modes.oscillating)
    assert found[0] == ()
    assert len(found[1]) == 1
    best = Path(problem, modes.counts, 2)
    best.search_all(1, silent)
    assert found[1] == best.best[-1].support
    sizes = [len(support) for support in found]
    assert max(sizes) >= 4


def test_the_free_energy_is_the_integral_over_the_noise():
    snapshots = trace()
    modes = decomposed(snapshots, 100, 8)
    score = ModeScore(snapshots, modes.eigenvalues)
    support, (y,) = [0, 1], snapshots.values
    powers = vandermonde(modes.eigenvalues, len(y))
    columns = np.array([part for unit in support for part in (powers[unit].real, -powers[unit].imag)])
    columns = columns[np.linalg.norm(columns, axis=1) > 1e-6]
    columns /= np.sqrt(np.mean(columns**2, axis=1))[:, None]
    logs, noises = [], np.geomspace(0.03, 3.0, 4000)
    for ratio in RATIOS:
        values, vectors = np.linalg.eigh(np.eye(len(y)) + ratio * columns.T @ columns)
        quadratic = np.sum((vectors.T @ y) ** 2 / values)
        parts = -len(y) * np.log(noises) - 0.5 * quadratic / noises**2 - 0.5 * np.log(values).sum()
        logs.append(np.logaddexp.reduce(parts) + np.log(np.log(noises[1] / noises[0])) - 0.5 * len(y) * np.log(2 * np.pi))
    expected = -np.logaddexp.reduce(logs) + np.log(len(RATIOS))
    assert score.energies(np.array([support]))[0] == pytest.approx(expected, abs=1e-3)


def test_known_oscillations_are_found_within_their_errors_and_so_is_the_noise():
    truth = np.array([[2.9, 0.3, 1.0, 0.4], [4.1, 0.5, 0.5, -1.0]])
    deviations, noises = [], []
    for seed in range(8):
        snapshots = trace(seed)
        rates = -truth[:, 1] * 1.1 + 2j * np.pi * truth[:, 0] * 1.003
        fit = refined(snapshots, rates)
        values = np.column_stack([fit.frequency, fit.damping, fit.amplitude[:, 0], fit.phase[:, 0]])
        deviations.append((values - truth) / fit.errors)
        noises.append(fit.noise)
    assert 0.6 < np.sqrt(np.mean(np.array(deviations) ** 2)) < 1.5
    assert np.abs(deviations).max() < 4.5
    assert np.mean(noises) == pytest.approx(0.05, rel=0.05)


def test_the_evidence_has_its_best_number_at_the_truth():
    snapshots = trace(3)
    modes = decomposed(snapshots, usual_delays(snapshots), 0)
    path = Path(amplitude_problem(modes), modes.counts, 8)
    path.improve(silent)
    fits = {len(held.support): refined(snapshots, modes.rates[list(held.support)]) for held in path.best[::2]}
    assert min(fits, key=lambda size: fits[size].evidence) == 2


def test_many_channels_lose_nothing_by_compression():
    snapshots = field(channels=300, times=40)
    assert snapshots.compressed.shape == (40, 40)
    rates = np.array([-0.1 + 2j * np.pi * 0.7])
    whole = shape_problem(np.exp(0.1 * rates), Snapshots(0.0, 0.1, snapshots.values[:, :]))
    powers = vandermonde(np.exp(0.1 * rates), 40)[0]
    columns = np.array([powers.real, -powers.imag]).T
    left = snapshots.values.T - columns @ np.linalg.lstsq(columns, snapshots.values.T, rcond=None)[0]
    assert whole.losses(np.array([[0]]))[0] == pytest.approx(np.sum(left**2), rel=1e-9)


@pytest.mark.parametrize(
    ("times", "values", "match"),
    [
        (np.arange(10.0), np.ones((1, 10)), "10 times: expected at least 16"),
        (np.arange(30.0) ** 1.1, np.ones((1, 30)), "expected equal steps"),
        (np.zeros(30), np.ones((1, 30)), "expected times that rise"),
        (np.arange(30.0), np.where(np.arange(30) == 4, np.nan, 1.0)[None], "channel 0 at time 4 is not a finite number"),
        (np.arange(30.0), np.ones((2, 30)), "no channel changes"),
        (np.arange(30.0), np.ones((2, 30)) * 1j, "expected real numbers"),
    ],
)
def test_snapshots_that_cannot_be_used(times, values, match):
    with pytest.raises(ConfigurationError, match=match):
        Snapshots.at(times, values)


def test_ranks_and_delays_that_cannot_be_used():
    with pytest.raises(ConfigurationError, match="500 modes: expected 1 to"):
        decomposed(field(), 1, 500)
    with pytest.raises(ConfigurationError, match="58 delays of 60 times"):
        decomposed(field(), 58)


@pytest.mark.filterwarnings("error")
def test_the_powers_of_an_eigenvalue_0_are_one_and_zeros():
    assert vandermonde(np.array([0j, 0.5 + 0j]), 3).real.tolist() == [[1.0, 0.0, 0.0], [1.0, 0.5, 0.25]]
