"""The search for what is on the convex hull, all candidates competing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import Compositions, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine import on_hull
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.goals import goal_of
from tansaku.models.engine.on_hull import HullBelief, hull_belief, hull_entropies, hull_gains, sample_hulls
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.transforms import OutputTransform
from tests.support.pools import pool_of

NONE = np.empty(0, dtype=np.intp)


def objective(name="energy_per_atom", unit="eV/atom"):
    return ObjectiveSpec.model_validate({"property": name, "unit": unit, "goal": {"type": "on_hull"}})


GOAL = goal_of(objective())


def crystals(shares, given=((), ())):
    """A pool of crystals of these shares of the elements, and known phases with their energies."""
    rows = np.asarray(shares, dtype=np.float64)
    phases = np.asarray(given[0], dtype=np.float64).reshape(-1, rows.shape[1]), np.asarray(given[1], dtype=np.float64)
    elements = ("A", "B", "C")[: rows.shape[1]]
    group = FeatureGroup.compact("x", rows, np.arange(len(rows)), elements)
    return pool_of(len(rows), group, compositions=Compositions(elements, rows, lambda: phases))


def history(positions, values, **more):
    return History(np.array(positions, dtype=np.intp), np.array(values, dtype=np.float64), **more)


@dataclass
class Known:
    """A posterior whose covariance is given."""

    covariance: np.ndarray
    noise: float = 0.0

    def covariance_between(self, left, right, _pending=()):
        return self.covariance[np.ix_(left, right)].copy()


def predicted(mean, covariance, noise=0.0):
    state = OutputTransform(standardise="none").fit(np.empty(0), NONE, 1)
    covariance = np.asarray(covariance, dtype=np.float64)
    return Prediction(state, np.array(mean, dtype=np.float64), np.sqrt(covariance.diagonal()), Known(covariance, noise))


BINARY = [[1, 0], [0, 1], [0.5, 0.5], [0.5, 0.5], [0.25, 0.75]]


def brute_force(energies):
    """Whether each of the binary crystals is below every other of its composition and every mixture of two."""
    share, stable = np.array(BINARY)[:, 1], []
    for i, own in enumerate(share):
        rivals = [
            energies[j] if share[j] == share[k] else np.interp(own, [share[j], share[k]], [energies[j], energies[k]])
            for j in range(len(share))
            for k in range(len(share))
            if i not in (j, k) and (share[j] < own < share[k] or share[j] == share[k] == own)
        ]
        stable.append(all(energies[i] <= rival for rival in rivals))
    return stable


def test_when_all_is_computed_it_is_pymatgens_hull(require):
    require("pymatgen")
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    rng = np.random.default_rng(0)
    counts = np.vstack([np.eye(3), np.eye(3), rng.integers(0, 4, (40, 3)) + np.array([1, 0, 0])])
    energies = np.append(rng.normal(0, 0.1, 6), rng.normal(-0.3, 0.2, 40))
    pool = crystals(counts / counts.sum(axis=1, keepdims=True))
    proposer = build_proposer(GPProposerSpec(), objective())
    belief = proposer.remaining(pool, history(range(46), energies), rng)
    points, probability = belief.on_hull
    entries = [
        PDEntry(Composition(dict(zip(("Al", "Ni", "Cu"), row, strict=True))), energy * row.sum())
        for row, energy in zip(counts, energies, strict=True)
    ]
    stable = PhaseDiagram(entries).stable_entries
    assert {int(place) for place in points[probability == 1.0]} == {i for i, entry in enumerate(entries) if entry in stable}
    assert set(probability.tolist()) == {0.0, 1.0}
    assert belief.tolerances(0.95)[0] == 0.0


def test_probabilities_are_those_of_samples_that_are_judged_pair_by_pair():
    mean = np.array([0.0, 0.0, -0.1, -0.08, -0.06])
    covariance = 0.002 * np.array([[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0.8, 0], [0, 0, 0.8, 1, 0], [0, 0, 0, 0, 2]])
    rng = np.random.default_rng(1)
    draws = rng.multivariate_normal(mean, covariance, 4000)
    expected = np.mean([brute_force(draw) for draw in draws], axis=0)
    drawn = sample_hulls(GOAL, crystals(BINARY), history([0], [0.0]), predicted(mean, covariance), rng, 4000)
    assert drawn.points.tolist() == [0, 1, 2, 3, 4]
    assert (drawn.above <= drawn.on).mean(axis=0) == pytest.approx(expected, abs=0.04)
    assert 0.2 < expected[3] < 0.4


def test_what_is_not_computed_competes_too():
    covariance = np.diag([0, 0, 0, 0.01, 0.0])
    known = history([0, 1, 2], [0.0, 0.0, -0.1])
    for mean, low, high in ((-0.1, 0.4, 0.6), (0.4, 1.0, 1.0), (-0.6, 0.0, 0.0)):
        belief = hull_belief(
            GOAL, crystals(BINARY), known, [predicted([0, 0, -0.1, mean, 0.3], covariance)], np.random.default_rng(0)
        )
        chance = dict(zip(*(part.tolist() for part in belief.on_hull), strict=True))
        assert low <= chance[2] <= high
        assert belief.probabilities(0.0)[0] == pytest.approx(max(chance[2], 1 - chance[2]), abs=0.02)


def test_noise_of_the_model_is_uncertainty_of_what_is_not_computed():
    pool, known = crystals(BINARY), history([0, 1, 2], [0.0, 0.0, -0.1])
    for noise, sure in ((0.0, True), (0.1, False)):
        found = predicted([0, 0, -0.1, 0.1, 0.1], np.zeros((5, 5)), noise)
        belief = hull_belief(GOAL, pool, known, [found], np.random.default_rng(0))
        chance = dict(zip(*(part.tolist() for part in belief.on_hull), strict=True))
        assert (chance[2] == 1.0) is sure


def test_the_gain_is_largest_where_an_energy_decides_about_others_too():
    pool, known = crystals(BINARY), history([0, 1], [0.0, 0.0])
    covariance = np.diag([0, 0, 1e-4, 1e-4, 1e-2])
    found, allowed = predicted([0, 0, -0.1, 0.4, -0.05], covariance), np.array([False, False, True, True, True])
    given = (GOAL, pool, known, found, allowed)
    gains, entropies = (function(*given, np.random.default_rng(0)) for function in (hull_gains, hull_entropies))
    assert gains.argmax() == 4
    assert entropies.max() <= np.log(2) + 0.002
    for values in (gains, entropies):
        assert values[[0, 1]] == pytest.approx(0.0, abs=1e-9)
        assert values[3] < 0.002


def test_an_element_that_is_predicted_very_high_takes_no_digits_from_the_others():
    values = np.array([0.0, -0.1, -0.12])
    state = OutputTransform(standardise="none", compress=0.5).fit(values, np.zeros(3, dtype=np.intp), 1)
    mean = np.append(state.bent(values), [0.0, 0.0])[[0, 3, 1, 4, 2]]
    mean[1], mean[3] = 9.0, 9.0
    found = Prediction(state, mean, np.zeros(5), Known(np.zeros((5, 5))))
    belief = hull_belief(GOAL, crystals(BINARY), history([0, 2, 4], values), [found], np.random.default_rng(0))
    assert np.isfinite(belief.above).all()
    assert dict(zip(*(part.tolist() for part in belief.on_hull), strict=True)) == {0: 1.0, 1: 1.0, 2: 1.0, 4: 1.0}


def test_failed_candidates_are_on_no_hull_even_if_they_were_all_of_an_element():
    pool = crystals(BINARY)
    failed = history([0, 2], [0.0, -0.1], failed=np.array([1, 3], dtype=np.intp))
    belief = hull_belief(
        GOAL, pool, failed, [predicted([0, 0, -0.1, -9, 0.1], np.diag([0, 0.1, 0, 0.1, 0]))], np.random.default_rng(0)
    )
    points, chance = belief.on_hull
    assert not {1, 3} & set(points.tolist())
    assert chance[points.tolist().index(2)] == 1.0


def test_of_many_candidates_those_are_drawn_that_may_be_lowest(monkeypatch):
    monkeypatch.setattr(on_hull, "JOINT", 2)
    mean = [0, 0, -0.1, -0.2, -0.01]
    drawn = sample_hulls(
        GOAL, crystals(BINARY), history([0, 1], [0, 0]), predicted(mean, 0.01 * np.eye(5)), np.random.default_rng(0)
    )
    assert drawn.points.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("name", "shift"), [("energy_per_atom", 0.0), ("formation_energy", 1.0)])
def test_known_phases_compete_in_the_objectives_unit(name, shift):
    given = ([[1, 0], [0, 1], [0.5, 0.5]], [-3.0, -5.0, -4.2])
    pool, goal = crystals(BINARY, given), goal_of(objective(name, "meV/atom"))
    elements = 1000.0 * np.array(BINARY) @ [-3.0, -5.0]
    formation = np.array([0.0, 0.0, -190.0, -210.0, -90.0])
    values = formation + (1.0 - shift) * elements
    belief = hull_belief(goal, pool, history(range(5), values), [predicted(values, np.zeros((5, 5)))], np.random.default_rng(0))
    assert dict(zip(*(part.tolist() for part in belief.on_hull), strict=True)) == {0: 1.0, 1: 1.0, 2: 0.0, 3: 1.0, 4: 0.0}
    assert belief.above[0][[2, 4]] == pytest.approx([20.0, 15.0])


def test_what_cannot_compete_is_refused():
    proposer = build_proposer(GPProposerSpec(), objective())
    bare = pool_of(2, FeatureGroup.compact("x", np.eye(2), np.arange(2), ("a", "b")))
    with pytest.raises(ConfigurationError, match="on_hull needs a space that knows the compositions"):
        proposer.initial_count(bare)
    pool = crystals(BINARY[1:])
    with pytest.raises(ConfigurationError, match=r"space.phases: on_hull needs a phase of each element, and none is A alone"):
        proposer.initial_count(pool)
    formation = build_proposer(GPProposerSpec(), objective("formation_energy"))
    with pytest.raises(ConfigurationError, match="none is A alone"):
        formation.initial_count(crystals(BINARY, ([[0, 1]], [0.0])))


def test_a_belief_tells_how_far_from_the_hull_the_undecided_are():
    above = np.column_stack([np.zeros(100), np.full(100, 9.0), np.append(np.zeros(50), np.arange(1.0, 51.0))])
    belief = HullBelief(np.array([4, 5, 6]), above, 1e-7)
    assert belief.probabilities(0.0)[0] == 0.5
    assert belief.probabilities(20.0)[0] == 0.7
    assert belief.tolerances(0.9)[0] == 40.0
    assert belief.tolerance_of([0], 0.5) == 0.0
    assert (belief.estimate, belief.ahead) == (None, None)
    assert HullBelief(NONE, np.empty((100, 0)), 1e-7).probabilities(0.0).tolist() == [1.0]
