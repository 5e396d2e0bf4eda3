import json
from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.history import computed_only
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import PRESETS
from tansaku.models.engine.transfer.data import KEY, FrozenSources
from tansaku.models.engine.transfer.proposer import TransferProposer

SETTINGS = PRESETS["default"]
MODES = ("none", "hyperparameters", "posterior", "joint", "auto")
SEED = 3


def _proposer(pair, mode, settings=SETTINGS):
    return TransferProposer(settings, mode, FrozenSources([pair.source]))


def _campaign(pair, proposer, count, failures=(), seed=SEED):
    """Candidates in order, and refits as (number, data) that went through JSON."""
    chosen: list[int] = []
    refits: list[tuple[int, dict]] = []
    for number in range(1, count + 1):
        history = _history(pair, chosen, failures)
        if number > 1 and proposer.refit_due(len(history.observed), [one["n_observed"] for _, one in refits]):
            previous = refits[-1][1] if refits else None
            refits.append((number, json.loads(json.dumps(proposer.fit(pair.pool, history, previous)))))
        fitted = refits[-1][1] if refits else None
        choice = proposer.propose(pair.pool, history, number, proposal_rng(seed, number), fitted)
        chosen.append(choice.position)
    return chosen, refits


def _history(pair, chosen, failures=()):
    done = np.array(chosen, dtype=np.intp)
    failed = np.isin(done, failures)
    return History(observed=done[~failed], values=pair.values[done[~failed]], failed=done[failed])


def _regret(pair, chosen):
    return np.minimum.accumulate(pair.values[chosen]) - pair.values.min()


def test_mode_none_is_a_proposer_without_transfer(pair):
    plain = _campaign(pair, GPProposer(SETTINGS), 14)
    assert _campaign(pair, _proposer(pair, "none"), 14) == plain


@pytest.mark.parametrize("mode", MODES)
def test_a_resume_at_any_number_makes_the_same_choice_and_the_same_refit(pair, mode):
    failures = np.random.default_rng(0).permutation(60)[:12]
    chosen, refits = _campaign(pair, _proposer(pair, mode), 14, failures)
    assert len(set(chosen)) == 14
    for number in range(1, 15):
        history = _history(pair, chosen[: number - 1], failures)
        before = [fitted for at, fitted in refits if at < number]
        here = [fitted for at, fitted in refits if at == number]
        resumed = _proposer(pair, mode)
        if here:
            again = resumed.fit(pair.pool, history, before[-1] if before else None)
            assert json.loads(json.dumps(again)) == here[0]
            resumed = _proposer(pair, mode)
        fitted = (here or before[-1:] or [None])[0]
        choice = resumed.propose(pair.pool, history, number, proposal_rng(SEED, number), fitted)
        assert choice.position == chosen[number - 1], number


def test_modes_choose_differently_and_say_which_they_are(pair):
    sequences = {}
    for mode in MODES:
        proposer = _proposer(pair, mode)
        assert proposer.name == f"default+{mode}"
        chosen, refits = _campaign(pair, proposer, 10)
        sequences[mode] = tuple(chosen)
        if mode not in ("none", "auto"):
            assert {fitted[KEY]["mode"] for _, fitted in refits} == {mode}
            assert list(refits[0][1][KEY]["correlation"]) == ([] if mode == "hyperparameters" else ["other"])
    assert len({sequences[mode] for mode in ("none", "hyperparameters", "posterior")}) == 3


def test_a_source_that_resembles_the_target_is_used_and_saves_evaluations(pair):
    plain, known = [], []
    for seed in range(8):
        plain.append(_regret(pair, _campaign(pair, GPProposer(SETTINGS), 5, seed=seed)[0]))
        chosen, refits = _campaign(pair, _proposer(pair, "auto"), 5, seed=seed)
        known.append(_regret(pair, chosen))
        assert {fitted[KEY]["mode"] for _, fitted in refits} <= {"posterior", "joint"}
    assert np.mean(known, axis=0)[1:].mean() < 0.6 * np.mean(plain, axis=0)[1:].mean()


def test_shuffled_values_are_never_used(pair):
    bad = pair.with_source(np.random.default_rng(1).permutation(pair.source.values))
    _, refits = _campaign(bad, _proposer(bad, "auto"), 12)
    assert {fitted[KEY]["mode"] for _, fitted in refits} == {"none"}
    chosen, _ = _campaign(bad, _proposer(bad, "auto"), 12)
    assert chosen == _campaign(bad, GPProposer(SETTINGS), 12)[0]


def test_a_reversed_source_is_left_and_the_change_has_its_evidence(pair):
    bad = pair.with_source(-pair.source.values)
    chosen, refits = _campaign(bad, _proposer(bad, "auto"), 25)
    last = refits[-1][1][KEY]
    if last["mode"] in ("posterior", "joint"):
        assert last["correlation"]["other"] < 0.2
    assert last["evidence"].keys() == {"none", "hyperparameters", "posterior", "joint"}
    assert _regret(bad, chosen)[-1] <= _regret(bad, _campaign(bad, GPProposer(SETTINGS), 25)[0])[-1] + 1e-9


def test_two_sources_are_told_apart(pair):
    bad = replace(pair.source, name="reversed", values=-pair.source.values)
    proposer = TransferProposer(SETTINGS, "joint", FrozenSources([pair.source, bad]))
    fitted = proposer.fit(pair.pool, pair.history(20), None)
    assert fitted[KEY]["correlation"]["other"] > fitted[KEY]["correlation"]["reversed"] + 0.3


class _Growing:
    """A source that has one more observation each time it is looked at."""

    def __init__(self, source, start):
        self.source, self.count, self.seen = source, start, {}

    def take(self):
        from tansaku.models.engine.transfer.data import observed_source

        here = np.arange(self.count, dtype=np.intp)
        self.count += 1
        taken = observed_source("other", self.source.pool, here, self.source.values[here], "minimize", 500)
        self.seen[taken.sha256] = taken
        return (taken,)

    def at(self, sha256):
        return tuple(self.seen[one] for one in sha256)


def test_a_growing_source_is_read_at_refits_and_fitted_anew_when_it_has_grown_by_a_third(pair):
    sources = _Growing(pair.source, 30)
    by_a_third = replace(SETTINGS, refit_growth=4.0 / 3.0)
    proposer = TransferProposer(by_a_third, "posterior", sources)
    chosen, refits = _campaign(pair, proposer, 45)
    counts = [fitted[KEY]["sources"][0]["observations"] for _, fitted in refits]
    assert counts == list(range(30, 30 + len(refits)))
    fits = [json.dumps(fitted[KEY]["source_fit"]) for _, fitted in refits]
    changes = [i for i in range(1, len(fits)) if fits[i] != fits[i - 1]]
    assert changes == [10]
    number, fitted = refits[4]
    resumed = TransferProposer(by_a_third, "posterior", sources)
    history = _history(pair, chosen[: number - 1])
    assert resumed.propose(pair.pool, history, number, proposal_rng(SEED, number), fitted).position == chosen[number - 1]


def test_after_one_probe_a_reversed_source_is_left_and_a_helpful_one_kept(pair):
    bad = pair.with_source(-pair.source.values)
    for seed in range(4):
        _, refits = _campaign(bad, _proposer(bad, "auto"), 6, seed=seed)
        conditioned = [fitted["n_observed"] for _, fitted in refits if fitted[KEY]["mode"] in ("posterior", "joint")]
        assert conditioned == [1]
        gains = [fitted[KEY]["gain"]["posterior"] for _, fitted in refits if fitted["n_observed"] >= 2]
        assert max(gains) < -0.05
        _, refits = _campaign(pair, _proposer(pair, "auto"), 6, seed=seed)
        assert {fitted[KEY]["mode"] for _, fitted in refits} <= {"posterior", "joint"}
        assert refits[-1][1][KEY]["gain"]["posterior"] > 0.0


def _partly_predicted(pair, chosen, deviation=0.4):
    """Of every three results the last is a surrogate's prediction."""
    history = _history(pair, chosen)
    return replace(history, deviations=np.where(np.arange(len(chosen)) % 3 == 2, deviation, 0.0))


@pytest.mark.parametrize("mode", MODES)
def test_predicted_values_say_nothing_of_the_sources_and_count_by_their_error_bar(pair, mode):
    chosen = [int(one) for one in np.random.default_rng(5).permutation(len(pair.values))[:15]]
    history = _partly_predicted(pair, chosen)
    known = computed_only(history)
    assert len(known.observed) == 10
    assert set(history.observed) == {*known.observed, *known.unavailable}
    fitted = _proposer(pair, mode).fit(pair.pool, history, None)
    # Without sources a fit knows predicted values by their error bar, as a proposer without transfer does.
    assert (fitted == _proposer(pair, mode).fit(pair.pool, known, None)) == (mode != "none")
    at = {}
    for deviation in (1e-3, 0.4, 50.0):
        said = _proposer(pair, mode).expected(pair.pool, _partly_predicted(pair, chosen, deviation), fitted)
        at[deviation] = said[1][chosen[2]]
    without = _proposer(pair, mode).expected(pair.pool, known, fitted)[1][chosen[2]]
    assert at[1e-3] < at[0.4] < at[50.0] == pytest.approx(without, rel=0.05)


@pytest.mark.parametrize("mode", ["none", "posterior"])
def test_a_resume_among_predicted_values_makes_the_same_choice(pair, mode):
    proposer, chosen, fitted = _proposer(pair, mode), [3, 20, 41, 8, 55], None
    for number in range(6, 18):
        history = _partly_predicted(pair, chosen)
        if number % 6 == 0:
            fitted = proposer.fit(pair.pool, history, fitted)
        choice = proposer.propose(pair.pool, history, number, proposal_rng(SEED, number), fitted)
        resumed = _proposer(pair, mode).propose(pair.pool, history, number, proposal_rng(SEED, number), fitted)
        assert resumed == choice
        assert choice.position not in chosen
        chosen.append(choice.position)


def test_without_any_computed_value_there_is_nothing_to_compare_sources_with(pair):
    history = replace(_history(pair, [3, 20]), deviations=np.array([0.3, 0.3]))
    with pytest.raises(FitError, match="no computed value yet"):
        _proposer(pair, "auto").fit(pair.pool, history, None)
