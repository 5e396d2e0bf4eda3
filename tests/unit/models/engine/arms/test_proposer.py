"""Search by arms on rugged landscapes, where one candidate says little about the next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import ArmsProposerSpec, RandomProposerSpec
from tansaku.models.engine.arms.proposer import ArmsProposer
from tansaku.models.engine.proposer_registry import build_proposer
from tests.support.campaign_files import boundary_space

GRID = 16
ARMS = 24


def pool(costs=None):
    """Two systems with twelve arms each; an arm's minimum depends on its density, its candidates lie anywhere above."""
    codes = np.repeat(np.arange(ARMS), GRID)
    density = np.tile(np.linspace(0, 1, ARMS // 2), 2)[:, None]
    places = np.stack(np.meshgrid(range(4), range(4)), axis=-1).reshape(-1, 2) / 4.0
    owner = np.repeat([0, 1], ARMS // 2)
    return CandidatePool(
        ids=np.array([f"c{i:04d}" for i in range(len(codes))]),
        systems=("a", "b"),
        system_codes=owner[codes],
        surfaces=tuple(f"arm{i:02d}" for i in range(ARMS)),
        surface_codes=codes,
        groups={
            "density": FeatureGroup.compact("density", density, codes, ("n",)),
            "translation": FeatureGroup("translation", places, np.tile(np.arange(GRID), ARMS), ("x", "y")),
        },
        cost=(np.ones(ARMS) if costs is None else np.asarray(costs, dtype=float))[codes],
    )


def landscape(of, seed):
    rng = np.random.default_rng(seed)
    density = of.groups["density"]
    minima = 900 + 600 * (density.values[density.index, 0] - 0.4) ** 2
    return minima + 30 * rng.gamma(2.0, size=len(of))


def searched(proposer, of, values, budget, seed):
    chosen: list[int] = []
    for number in range(1, budget + 1):
        at = np.array(chosen, dtype=np.intp)
        choice = proposer.propose(of, History(observed=at, values=values[at]), number, proposal_rng(seed, number))
        chosen.append(choice.position)
    return np.array(chosen)


def gap(of, values, chosen):
    systems = of.system_codes
    return np.mean([values[chosen][systems[chosen] == s].min() - values[systems == s].min() for s in (0, 1)])


def test_it_beats_random_where_candidates_are_rugged():
    of = pool()
    gaps = {}
    for spec in (ArmsProposerSpec(), RandomProposerSpec()):
        proposer = build_proposer(spec)
        runs = [(landscape(of, seed), seed) for seed in range(12)]
        gaps[spec.type] = np.mean([gap(of, values, searched(proposer, of, values, 60, seed)) for values, seed in runs])
    assert gaps["arms"] < 0.75 * gaps["random"]


def test_every_system_is_begun_with_its_cheapest_arm():
    of = pool(np.linspace(2, 1, ARMS))
    chosen = searched(ArmsProposer(ArmsProposerSpec()), of, landscape(of, 0), 2, 0)
    assert of.surface_codes[chosen].tolist() == [ARMS // 2 - 1, ARMS - 1]


def test_cost_counts_as_much_as_it_is_told():
    costs = np.where(np.arange(ARMS) % 2, 1.0, 8.0)
    of = pool(costs)
    values = landscape(of, 1)
    spent = [
        costs[of.surface_codes[searched(ArmsProposer(ArmsProposerSpec(cost_exponent=power)), of, values, 50, 2)]].mean()
        for power in (0.0, 2.0)
    ]
    assert spent[1] < 0.8 * spent[0]


def test_candidates_of_an_arm_are_spread_over_it():
    of = pool()
    arm = np.flatnonzero(of.surface_codes == 3)
    everything_else = np.flatnonzero(of.surface_codes != 3)
    chosen: list[int] = []
    for number in range(1, 5):
        at = np.array(chosen, dtype=np.intp)
        history = History(observed=at, values=np.zeros(len(at)) + 900, unavailable=everything_else)
        chosen.append(ArmsProposer(ArmsProposerSpec()).propose(of, history, number, proposal_rng(0, number)).position)
    assert set(chosen) <= set(arm)
    places = of.groups["translation"].values[of.groups["translation"].index[chosen]]
    distances = [np.linalg.norm(a - b) for i, a in enumerate(places) for b in places[:i]]
    assert min(distances) >= 0.5


def two_alike():
    """Two systems with four densities; the most expensive one of the first is by far its best, all others are known there."""
    arms = np.repeat(np.arange(8), 4)
    return CandidatePool(
        ids=np.array([f"c{i:02d}" for i in range(len(arms))]),
        systems=("a", "b"),
        system_codes=arms // 4,
        surfaces=tuple(f"{system}{density}" for system in "ab" for density in range(4)),
        surface_codes=arms,
        groups={"density": FeatureGroup("density", np.arange(4.0)[:, None], arms % 4, ("n",))},
        cost=np.array([1.0, 1.1, 1.2, 1.3])[arms % 4],
    )


@pytest.mark.parametrize(("across", "expected"), [(False, "b1"), (True, "b3")])
def test_what_was_good_in_one_system_is_tried_first_in_the_other(across, expected):
    of = two_alike()
    observed = np.array([0, 1, 4, 8, 12, 13, 16, 17])
    history = History(observed, np.array([950.0, 952.0, 990.0, 985.0, 900.0, 901.0, 500.0, 501.0]))
    # All but new surfaces are closed, so that chance does not decide.
    history = replace(history, unavailable=np.flatnonzero(np.isin(of.surface_codes, [0, 1, 2, 3, 4])))
    choice = ArmsProposer(ArmsProposerSpec(across_systems=across)).propose(of, history, 9, proposal_rng(0, 9))
    assert of.surfaces[of.surface_codes[choice.position]] == expected


def test_new_surfaces_come_less_often_where_they_promise_little():
    of = two_alike()
    # In both systems the first surface is far below all others.
    observed = np.array([0, 1, 4, 8, 12, 16, 17])
    history = History(observed, np.array([700.0, 701.0, 990.0, 985.0, 995.0, 500.0, 501.0]))
    tried = {
        across: sum(
            of.surface_codes[ArmsProposer(spec).propose(of, history, number, proposal_rng(0, number)).position] > 4
            for number in range(100)
        )
        for across, spec in ((across, ArmsProposerSpec(across_systems=across)) for across in (False, True))
    }
    assert 35 <= tried[False] <= 65
    assert tried[True] <= 15


def test_one_system_learns_nothing_across():
    of = pool()
    part = replace(of, systems=("a",), system_codes=np.zeros(len(of), dtype=np.intp))
    values = landscape(part, 2)
    specs = [ArmsProposerSpec(across_systems=across) for across in (False, True)]
    runs = [searched(ArmsProposer(spec), part, values, 40, 0).tolist() for spec in specs]
    assert runs[0] == runs[1]


def test_expensive_candidates_say_nothing_across():
    """Values of annealed candidates, which lie lower, are not compared with those of others."""
    of = half_expensive()
    expensive = 11 * GRID + 1
    seen = np.array([0, 2, 11 * GRID, 12 * GRID])
    values = np.array([950.0, 952.0, 990.0, 700.0])
    proposer = ArmsProposer(ArmsProposerSpec(across_systems=True, cost_exponent=0))
    closed = np.flatnonzero(np.isin(of.surface_codes, [0, *range(11, ARMS)]))
    chosen = [
        proposer.propose(of, History(observed, known, unavailable=closed), 9, proposal_rng(0, 9)).position
        for observed, known in ((seen, values), (np.append(seen, expensive), np.append(values, 100.0)))
    ]
    assert chosen[0] == chosen[1]


EXPENSIVE = 20.0


def half_expensive():
    """Every second candidate costs twenty times as much and lies lower."""
    of = pool()
    return replace(of, cost=np.where(np.arange(len(of)) % 2, EXPENSIVE, 1.0))


def lower_where_expensive(of, seed):
    return landscape(of, seed) - 6.0 * (of.cost > 1)


def test_expensive_candidates_are_for_the_best_surfaces_after_three_cheap_ones():
    of = half_expensive()
    values = lower_where_expensive(of, 3)
    chosen = searched(ArmsProposer(ArmsProposerSpec(expensive=0.25)), of, values, 140, 0)
    arms, expensive = of.surface_codes[chosen], of.cost[chosen] > 1
    assert 3 <= expensive.sum() <= 40
    for number in np.flatnonzero(expensive):
        before, own = arms[:number], arms[number]
        assert ((before == own) & ~expensive[:number]).sum() >= 3
        peers = of.surface_system[before] == of.surface_system[own]
        lowest = {arm: values[chosen[:number]][before == arm].min() for arm in np.unique(before[peers])}
        assert sorted(lowest, key=lowest.get).index(own) < max(1, 0.25 * len(lowest))


def test_where_cost_is_equal_nothing_is_expensive():
    of = pool()
    runs = [searched(ArmsProposer(ArmsProposerSpec(expensive=share)), of, landscape(of, 1), 50, 0).tolist() for share in (0, 1)]
    assert runs[0] == runs[1]


def test_expensive_candidates_come_at_the_end_where_none_is_wanted():
    of = half_expensive()
    chosen = searched(ArmsProposer(ArmsProposerSpec(expensive=0)), of, lower_where_expensive(of, 1), len(of), 0)
    assert len(set(chosen)) == len(of)
    assert (of.cost[chosen][: len(of) // 2] == 1).all()


def test_expensive_candidates_for_the_best_surfaces_find_more_for_the_same_cost():
    """Lowest values after as much was spent, with expensive candidates of the best third, and of every surface like others."""
    of = half_expensive()
    gaps = {"third": [], "alike": []}
    for seed in range(10):
        values = lower_where_expensive(of, seed)
        for name, believed in (("third", of), ("alike", replace(of, cost=np.ones(len(of))))):
            chosen = searched(ArmsProposer(ArmsProposerSpec()), believed, values, 200, seed)
            gaps[name].append(gap(of, values, chosen[np.cumsum(of.cost[chosen]) <= 400]))
    assert np.mean(gaps["third"]) < 0.8 * np.mean(gaps["alike"])


@pytest.mark.parametrize("goal", ["top_k", "all_below"])
def test_goals_that_it_does_not_serve_are_refused(goal):
    from tansaku.models.domain.specs.campaign import CampaignSpec

    keys = {"top_k": {"type": "top_k", "k": 2}, "all_below": {"type": "all_below", "threshold": "1 J/m2"}}[goal]
    document = {
        "schema_version": 1,
        "name": "t",
        "space": boundary_space("Cu", 3.6, [1, 1, 3]),
        "calculator": {"type": "emt"},
        "objective": {"goal": keys},
        "proposer": {"type": "arms"},
        "budget": {"evaluations": 5},
    }
    with pytest.raises(ValueError, match="proposer: arms supports the goal best_per_system"):
        CampaignSpec.model_validate(document)


def test_a_model_chooses_every_second_candidate_in_the_system_that_is_next_and_none_that_is_expensive():
    of = half_expensive()
    values = lower_where_expensive(of, 3)
    seen = np.arange(0, len(of), 7)[:30]
    seen = seen[of.cost[seen] == 1]
    history = History(observed=seen, values=values[seen])
    proposer = build_proposer(ArmsProposerSpec(with_gp=True))
    hyperparameters = proposer.fit(of, history, None)
    for number in range(31, 39):
        alone = ArmsProposer(ArmsProposerSpec()).propose(of, history, number, proposal_rng(0, number))
        both = proposer.propose(of, history, number, proposal_rng(0, number), hyperparameters)
        if number % 2:
            assert both == alone
        else:
            assert both.mean is not None
            assert of.cost[both.position] == 1
            assert of.system_codes[both.position] == of.system_codes[alone.position]


def test_without_a_fit_or_in_its_design_the_model_chooses_nothing():
    of = pool()
    proposer = build_proposer(ArmsProposerSpec(with_gp=True))
    history = History(observed=np.array([0]), values=np.array([950.0]))
    fitted = proposer.fit(of, history, None)
    for number, hyperparameters in ((2, fitted), (4, None)):
        found = proposer.propose(of, history, number, proposal_rng(0, number), hyperparameters)
        assert found == ArmsProposer(ArmsProposerSpec()).propose(of, history, number, proposal_rng(0, number))
