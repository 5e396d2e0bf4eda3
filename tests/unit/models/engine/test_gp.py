import json

import numpy as np
import pytest

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer

OBSERVED = np.array([3, 40, 60, 77, 100, 118])


def _values(pool):
    group = pool.groups["translation"]
    x = group.values[group.index]
    return 250.0 + 60.0 * np.sin(9.0 * x[:, 0]) * np.cos(3.0 * x[:, 1]) + 20.0 * pool.system_codes


def _history(pool, observed=OBSERVED, **more):
    return History(observed, _values(pool)[observed], **more)


def _propose(pool, spec, history=None, number=20, fitted=None):
    history = history or _history(pool)
    return build_proposer(spec).propose(pool, history, number, proposal_rng(0, number), fitted)


def test_refits_follow_the_growth_of_the_data():
    fitted = build_proposer(GPProposerSpec(refit_growth=1.5))
    assert fitted.refit_due(10, [])
    assert not fitted.refit_due(14, [10])
    assert fitted.refit_due(15, [10])
    assert not fitted.refit_due(0, [])
    published = build_proposer(GPProposerSpec(preset="published"))
    assert published.refit_due(10, [])
    assert not published.refit_due(1000, [10])


def test_a_fit_is_plain_data_with_exact_floats(grid_pool):
    fitted = build_proposer(GPProposerSpec()).fit(grid_pool, _history(grid_pool), None)
    assert json.loads(json.dumps(fitted)) == fitted
    assert fitted["n_observed"] == len(OBSERVED)


def test_a_warm_start_reaches_at_least_the_density_it_began_with(grid_pool):
    proposer = build_proposer(GPProposerSpec())
    first = proposer.fit(grid_pool, _history(grid_pool), None)
    again = proposer.fit(grid_pool, _history(grid_pool), first)
    assert again["log_density"] >= first["log_density"] - 1e-9


def test_values_that_are_no_numbers_raise_a_fit_error(grid_pool):
    with pytest.raises(FitError):
        build_proposer(GPProposerSpec()).fit(grid_pool, History(OBSERVED, np.full(6, np.nan)), None)


def test_hyperparameters_change_what_is_predicted(grid_pool):
    spec = GPProposerSpec()
    fitted = build_proposer(spec).fit(grid_pool, _history(grid_pool), None)
    with_fit, without = _propose(grid_pool, spec, fitted=fitted), _propose(grid_pool, spec)
    assert (with_fit.mean, with_fit.deviation) != (without.mean, without.deviation)


def test_dear_candidates_are_chosen_less_when_cost_counts(grid_pool):
    def spent(exponent):
        observed = OBSERVED
        total = 0.0
        proposer = build_proposer(GPProposerSpec(cost_exponent=exponent, hyperparameters="median"))
        for number in range(20, 35):
            choice = proposer.propose(grid_pool, _history(grid_pool, observed), number, proposal_rng(0, number))
            observed = np.append(observed, choice.position)
            total += grid_pool.cost[choice.position]
        return total

    assert spent(2.0) < spent(0.0)


def test_pending_candidates_turn_the_choice_elsewhere(grid_pool):
    spec = GPProposerSpec(preset="published")
    first = _propose(grid_pool, spec)
    second = _propose(grid_pool, spec, _history(grid_pool, pending=np.array([first.position])))
    assert second.position != first.position


@pytest.mark.parametrize(
    "override",
    [
        {"acquisition": "log_ei"},
        {"acquisition": "pi"},
        {"acquisition": "ucb"},
        {"acquisition": "thompson"},
        {"transform": {"log": True, "standardise": "system"}},
        {"transform": {"standardise": "none"}},
        {"transform": {"compress": 0.3}},
        {"hyperparameters": "median"},
        {"cost_exponent": 0.0},
        {"preset": "published"},
        {"preset": "single-task"},
        {"preset": "obo"},
        {"preset": "abo"},
        {"kernel": {"type": "rbf"}},
        {"mean": [{"type": "linear"}]},
        {"hyperparameters": "bayes"},
    ],
)
def test_every_key_changes_the_answer(grid_pool, override):
    def answer(spec):
        proposer = build_proposer(spec)
        history = _history(grid_pool)
        return proposer.propose(grid_pool, history, 20, proposal_rng(0, 20), proposer.fit(grid_pool, history, None))

    plain, changed = answer(GPProposerSpec()), answer(GPProposerSpec(**override))
    assert (plain.position, plain.acquisition, plain.mean) != (changed.position, changed.acquisition, changed.mean)


def test_the_model_learns_the_landscape(grid_pool):
    """After a few proposals the best value of every system is among its lowest tenth."""
    values = _values(grid_pool)
    proposer, observed, fitted, at = build_proposer(GPProposerSpec()), [], None, []
    for number in range(1, 31):
        history = History(np.array(observed, dtype=np.intp), values[observed])
        if number > 3 and proposer.refit_due(len(observed), at):
            fitted = proposer.fit(grid_pool, history, fitted)
            at.append(len(observed))
        observed.append(proposer.propose(grid_pool, history, number, proposal_rng(1, number), fitted).position)
    for system in range(3):
        members = values[grid_pool.system_codes == system]
        found = min(values[p] for p in observed if grid_pool.system_codes[p] == system)
        assert found <= np.quantile(members, 0.1)
