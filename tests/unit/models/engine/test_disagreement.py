"""The proposer that goes by a committee: what it takes, in which order, and what each key is for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.disagreement import CommitteeProposer, Disagreement
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import DisagreementProposerSpec
from tansaku.models.engine.disagreement import left_over
from tansaku.models.engine.proposer_registry import build_proposer
from tests.support.pools import pool_of

SIZE = 24
SYSTEMS = ("a", "b", "c", "d")


@pytest.fixture
def pool() -> CandidatePool:
    codes = np.repeat(np.arange(4), SIZE // 4)
    return pool_of(np.where(np.arange(SIZE) % 2, 8.0, 1.0), systems=SYSTEMS, codes=codes)


@pytest.fixture
def known(pool) -> Disagreement:
    rng = np.random.default_rng(3)
    return Disagreement(
        version="m@1",
        spread=rng.uniform(1.0, 2.0, SIZE),
        mean=np.linspace(-1, 1, SIZE),
        deviation=np.full(SIZE, 0.3),
        places=rng.normal(size=(SIZE, 3)),
        judging=pool.system_codes == 3,
        known=np.array([0, 6]),
    )


def spec(**keys: object) -> DisagreementProposerSpec:
    return DisagreementProposerSpec.model_validate({"judging": 0.0} | keys)


def nth(pool, known, chosen, number=None, **keys):
    """The next proposal after some whose results are known."""
    history = History(np.array(chosen, dtype=np.intp), np.zeros(len(chosen)))
    number = number or len(chosen) + 1
    return build_proposer(spec(**keys)).informed(known).propose(pool, history, number, proposal_rng(1, number))


def test_before_the_first_version_systems_take_turns(pool):
    proposer = build_proposer(spec())
    assert isinstance(proposer, CommitteeProposer)
    chosen: list[int] = []
    for number in range(1, 9):
        history = History(np.array(chosen, dtype=np.intp), np.zeros(len(chosen)))
        chosen.append(proposer.propose(pool, history, number, proposal_rng(1, number)).position)
    assert pool.system_codes[chosen].tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_the_largest_disagreement_for_its_cost_is_taken_and_told(pool, known):
    learnable = ~known.judging
    learnable[known.known] = False
    for exponent in (0.0, 1.0):
        choice = nth(pool, known, [0, 6], cost_exponent=exponent)
        worth = np.where(learnable, known.spread / pool.cost**exponent, 0.0)
        assert choice.position == int(np.argmax(worth))
        assert choice.acquisition == pytest.approx(worth.max())
        assert (choice.mean, choice.deviation) == (known.mean[choice.position], 0.3)
    assert nth(pool, known, [0, 6], cost_exponent=0.0).position != nth(pool, known, [0, 6]).position


def test_systems_take_turns_where_they_are_to(pool, known):
    spread = np.where(pool.system_codes == 0, 9.0, known.spread)
    chosen, free = [0, 6], [0, 6]
    for _ in range(7):
        chosen.append(nth(pool, replace(known, spread=spread), chosen, by_system=True).position)
        free.append(nth(pool, replace(known, spread=spread), free, cost_exponent=0.0, correlation=0.0).position)
    assert sorted(pool.system_codes[chosen].tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert pool.system_codes[free[2:7]].tolist() == [0] * 5
    turn = chosen[2]
    worth = known.spread / pool.cost
    assert worth[turn] == worth[pool.system_codes == 2].max()


def test_ties_go_to_the_lowest_id(pool, known):
    level = replace(known, spread=np.where(np.arange(SIZE) > 9, 1.0 + 1e-12 * np.arange(SIZE), 0.5))
    assert nth(pool, level, [0, 6], cost_exponent=0.0).position == 10


def test_neighbours_of_what_was_asked_since_are_left_until_it_is_learned(pool, known):
    places = np.arange(SIZE)[:, None] * 1.0
    spread = np.where(np.isin(np.arange(SIZE), (9, 10)), 3.0, 1.0)
    beside = replace(known, places=places, spread=spread)
    assert nth(pool, beside, [0, 6], cost_exponent=0.0).position == 9
    assert nth(pool, beside, [0, 6, 9], cost_exponent=0.0, correlation=0.0).position == 10
    assert nth(pool, beside, [0, 6, 9], cost_exponent=0.0, correlation=3.0).position != 10
    learned = replace(beside, known=np.array([0, 6, 9]))
    assert nth(pool, learned, [0, 6, 9], cost_exponent=0.0, correlation=3.0).position == 10


def test_what_is_left_of_a_deviation_is_that_of_a_conditioned_gaussian_process(known):
    there, asked = known.places[:10], known.places[[2, 15, 20]]

    def kernel(one, other):
        return np.exp(-0.5 * ((one[:, None] - other[None]) ** 2).sum(-1) / 0.8**2)

    covariance = kernel(there, there) - kernel(there, asked) @ np.linalg.inv(kernel(asked, asked)) @ kernel(asked, there)
    assert left_over(there, asked, 0.8) == pytest.approx(np.sqrt(np.maximum(np.diag(covariance), 0.0)), abs=1e-3)
    assert left_over(there, asked, 0.8)[2] == pytest.approx(0.0, abs=1e-3)


def test_a_result_and_one_still_awaited_count_alike(pool, known):
    proposer = build_proposer(spec(correlation=1.0)).informed(known)
    sequence = []
    for done in ([0, 6, 9, 12], [0, 6]):
        waited = [one for one in (0, 6, 9, 12) if one not in done]
        history = History(np.array(done), np.zeros(len(done)), pending=np.array(waited, dtype=np.intp))
        sequence.append(proposer.propose(pool, history, 5, proposal_rng(1, 5)))
    assert sequence[0] == sequence[1]


@pytest.mark.parametrize(("share", "judges"), [(0.0, 0), (0.25, 5), (0.1, 2)])
def test_a_share_of_the_proposals_judges_by_the_groups_that_nobody_learns_from(pool, known, share, judges):
    two = replace(known, judging=np.isin(pool.system_codes, (2, 3)))
    chosen = [0, 6]
    proposer = build_proposer(spec(judging=share)).informed(two)
    for number in range(1, 21):
        history = History(np.array(chosen), np.zeros(len(chosen)))
        if two.judging[np.setdiff1d(np.arange(SIZE), chosen)].all():
            break
        chosen.append(proposer.propose(pool, history, number, proposal_rng(1, number)).position)
    judged = [place for place in chosen if two.judging[place]]
    expected = min(judges, sum(int(number * share) > int((number - 1) * share) for number in range(1, len(chosen) - 1)))
    assert len(judged) == expected
    # In turn.
    assert abs(np.bincount(pool.system_codes[judged], minlength=4)[2:] @ [1, -1]) <= 1 if judged else True


def test_what_nobody_can_say_anything_of_comes_first_and_what_has_no_structure_last(pool, known):
    spread = known.spread.copy()
    spread[[4, 13]], spread[8] = np.nan, 0.0
    partial = replace(known, spread=spread, mean=np.where(np.isnan(spread), np.nan, known.mean))
    chosen = [0, 6]
    while (choice := nth(pool, partial, chosen)) is not None:
        chosen.append(choice.position)
        assert choice.mean is None or np.isfinite(choice.mean)
    assert sorted(chosen) == list(range(SIZE))
    assert set(chosen[2:4]) == {4, 13}
    learnable = [place for place in chosen if not known.judging[place]]
    assert learnable[-1] == 8
