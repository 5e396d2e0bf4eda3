"""Every trainer lowers the loss, goes on where it was, and every knob of it matters."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from pydantic import TypeAdapter

from tansaku.models.domain.errors import FitError
from tansaku.potentials.specs.network import AnnealedSpec, PotentialTrainerSpec

pytest.importorskip("torch")

from tansaku.potentials.network.trainers import Stage, anneal, open_cycle

QUICK = {
    "conjugate_gradient": {"iterations": 10, "cycles": 6},
    "annealed": {"iterations": 10, "cycles": 6, "moves": 20},
    "lbfgs": {"iterations": 10, "cycles": 6},
    "adam": {"epochs": 10, "batch": 8, "rate": 0.03, "cycles": 6},
    "levenberg_marquardt": {"cycles": 8},
}
HOT, SMALL = {"hottest": 5.0}, {"damping": 1e-9}
KNOBS = [
    ("conjugate_gradient", {"iterations": 5}),
    ("conjugate_gradient", {"restart": 3}),
    ("annealed", {"iterations": 5}),
    ("annealed", {"restart": 3}),
    ("annealed", {"moves": 5}),
    ("annealed", HOT),
    ("annealed", {"coldest": 1.0} | HOT),
    ("annealed", {"stride": 0.2}),
    ("annealed", {"moved": 1.0}),
    ("lbfgs", {"iterations": 5}),
    ("lbfgs", {"memory": 1}),
    ("adam", {"epochs": 2}),
    ("adam", {"batch": 3}),
    ("adam", {"rate": 0.05}),
    ("adam", {"last_rate": 1.0}),
    ("adam", {"cycles": 3}),
    ("levenberg_marquardt", {"damping": 1.0}),
    ("levenberg_marquardt", {"lower": 0.7}),
    ("levenberg_marquardt", {"increase": 50.0} | SMALL),
]


def spec_of(name: str, **changes: object) -> PotentialTrainerSpec:
    return TypeAdapter(PotentialTrainerSpec).validate_python({"type": name} | QUICK[name] | changes)


def trained(spec, problem, stage: Stage | None = None, until: int | None = None) -> Stage:
    cycle = open_cycle(spec)
    stage = stage or Stage(problem.architecture.drawn(np.random.default_rng(5)))
    while stage.cycle < (until or spec.cycles) and not stage.converged:
        stage = cycle(problem, stage, np.random.default_rng([7, stage.cycle]))
    return stage


@pytest.fixture(scope="module")
def problem(small_problem):
    return small_problem()


@pytest.fixture(scope="module")
def weights_of(problem):
    """``weights_of(name, keys, until)``: what a training ends with, which several tests compare with."""

    @cache
    def found(name: str, keys: tuple[tuple[str, float], ...] = (), until: int | None = None) -> np.ndarray:
        return trained(spec_of(name, **dict(keys)), problem, until=until).weights

    return found


@pytest.mark.parametrize("name", QUICK)
def test_the_loss_falls(problem, weights_of, name):
    start = problem.loss(problem.architecture.drawn(np.random.default_rng(5)))
    assert problem.loss(weights_of(name)) < 0.35 * start


@pytest.mark.parametrize("name", QUICK)
def test_a_stage_is_all_that_is_needed_to_go_on(problem, weights_of, name):
    spec = spec_of(name)
    half = trained(spec, problem, until=3)
    again = Stage(half.weights.copy(), {key: array.copy() for key, array in half.memory.items()}, half.cycle, half.converged)
    assert np.array_equal(trained(spec, problem, again).weights, weights_of(name))


@pytest.mark.parametrize(("name", "change"), KNOBS)
def test_every_knob_matters(weights_of, name, change):
    # Where a knob shows only beside another one.
    base = next((known for known in (HOT, SMALL) if known.items() < change.items()), {})
    one, other = (weights_of(name, tuple(keys.items()), until=2) for keys in (base, change))
    assert not np.array_equal(one, other)


def test_damping_that_does_not_help_ends_the_training(problem):
    impatient = trained(spec_of("levenberg_marquardt", damping=1e-12, attempts=1), problem)
    assert impatient.converged
    assert impatient.cycle == 1
    assert not trained(spec_of("levenberg_marquardt", damping=1e-12, attempts=40), problem, until=1).converged


def test_networks_too_large_for_least_squares_are_refused(problem):
    with pytest.raises(FitError, match="weights; a matrix of more than 10000 squared"):
        trained(spec_of("levenberg_marquardt"), problem, Stage(np.zeros(10_001)))


def test_without_moves_annealing_is_conjugate_gradients_with_restarts(problem):
    plain = trained(spec_of("conjugate_gradient", cycles=1), problem)
    still = trained(spec_of("annealed", moves=0, cycles=1), problem)
    assert np.array_equal(plain.weights, still.weights)


def test_hot_annealing_takes_every_move_and_cold_annealing_only_better_ones(problem):
    weights = problem.architecture.drawn(np.random.default_rng(5))
    hot, cold = AnnealedSpec(moves=60, hottest=1e6, coldest=1.0), AnnealedSpec(moves=60, hottest=1e-12, coldest=1.0)
    assert anneal(hot, problem, weights, np.random.default_rng(0))[1] == 60
    found, accepted = anneal(cold, problem, weights, np.random.default_rng(0))
    assert 0 < accepted < 60
    assert problem.loss(found) < problem.loss(weights)
