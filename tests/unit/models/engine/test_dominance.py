"""The search for the minimum and the bottleneck of an energy surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, PeriodicGrid
from tansaku.models.domain.ports import Certifier, History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, ProposerBase, RandomProposerSpec
from tansaku.models.engine import dominance, threads
from tansaku.models.engine.barrier import BarrierBelief
from tansaku.models.engine.goals import Goal, goal_of
from tansaku.models.engine.percolation import bottleneck
from tansaku.models.engine.proposer_registry import build_proposer
from tests.support.pools import pool_of

SHAPE = (10, 10, 4)
BOTTLENECK = ObjectiveSpec.model_validate({"unit": "eV", "goal": {"type": "bottleneck", "dimensions": 2}})


def surface() -> tuple[CandidatePool, np.ndarray]:
    """A smooth surface without symmetry [eV]: easy along x, hard along y."""
    points = np.indices(SHAPE).reshape(3, -1).T / np.array(SHAPE)
    x, y, z = 2 * np.pi * points.T
    values = 0.3 * (1 - np.cos(x)) + 0.9 * (1 - np.cos(y)) + 0.2 * np.sin(x + y) + 0.7 * (1 - np.cos(z))
    waves = np.column_stack([wave(angle) for angle in (x, y, z) for wave in (np.cos, np.sin)])
    count = len(points)
    pool = pool_of(
        count,
        FeatureGroup.compact("position", waves, np.arange(count), tuple("abcdef")),
        systems=("surface",),
        grids={"surface": PeriodicGrid(SHAPE, np.arange(count))},
    )
    return pool, values


def search(
    spec: ProposerBase, count: int, seed: int = 0, dimensions: int = 1, *, resumed: bool = False
) -> tuple[list[int], BarrierBelief | None]:
    """Candidates evaluated, in order, and what is known at the end; ``resumed``: a new process makes each proposal."""
    pool, values = surface()
    objective = ObjectiveSpec.model_validate({"unit": "eV", "goal": {"type": "bottleneck", "dimensions": dimensions}})
    proposer = build_proposer(spec, objective)
    chosen: list[int] = []
    fitted, fits = None, []
    for number in range(1, count + 1):
        done = np.array(chosen, dtype=np.intp)
        history = History(done, values[done])
        if proposer.refit_due(len(done), fits):
            fitted = proposer.fit(pool, history, fitted)
            fits.append(len(done))
        if resumed:
            proposer = build_proposer(spec, objective)
        choice = proposer.propose(pool, history, number, proposal_rng(seed, number), fitted)
        assert choice is not None
        chosen.append(choice.position)
    if not isinstance(proposer, Certifier):
        return chosen, None
    done = np.array(chosen, dtype=np.intp)
    return chosen, proposer.remaining(pool, History(done, values[done]), np.random.default_rng(0), fitted)


def test_minimum_and_bottleneck_are_found_with_few_evaluations_and_the_barrier_is_certain():
    pool, values = surface()
    true = bottleneck(values, pool.grids["surface"])
    chosen, known = search(GPProposerSpec(initial_points=6), 30)
    assert {true.minimum, true.points[0]} <= set(chosen)
    assert known.estimate == pytest.approx(true.barriers[0], abs=1e-9)
    assert known.tolerances(0.95)[0] < 1e-3
    assert known.probabilities(0.01)[0] > 0.95
    by_chance, _ = search(RandomProposerSpec(), 30)
    assert not {true.minimum, true.points[0]} <= set(by_chance)


def test_the_number_of_directions_matters():
    pool, values = surface()
    barriers = bottleneck(values, pool.grids["surface"]).barriers
    assert barriers[1] > barriers[0] + 0.5
    _, one = search(GPProposerSpec(initial_points=6), 30, dimensions=1)
    _, two = search(GPProposerSpec(initial_points=6), 30, dimensions=2)
    assert (one.estimate, two.estimate) == (pytest.approx(barriers[0], abs=1e-3), pytest.approx(barriers[1], abs=0.05))


def test_the_same_arguments_give_the_same_proposals():
    assert search(GPProposerSpec(initial_points=6), 14)[0] == search(GPProposerSpec(initial_points=6), 14, resumed=True)[0]


def test_little_is_certain_with_few_evaluations():
    _, known = search(GPProposerSpec(initial_points=6), 7)
    assert known.tolerances(0.95)[0] > 0.05


def test_a_pool_without_a_grid_is_refused():
    pool, values = surface()
    bare = replace(pool, grids={})
    objective = ObjectiveSpec.model_validate({"unit": "eV", "goal": {"type": "bottleneck"}})
    proposer = build_proposer(GPProposerSpec(), objective)
    done = np.arange(3)
    with pytest.raises(ConfigurationError, match="points of one periodic grid"):
        proposer.propose(bare, History(done, values[done]), 4, np.random.default_rng(0))


def test_a_barrier_that_half_of_the_samples_lack_is_unknown():
    belief = BarrierBelief(np.array([0.2, np.inf, np.inf]))
    assert belief.estimate is None
    assert np.isinf(belief.tolerances(0.95)[0])
    assert belief.probabilities(1.0)[0] == 0.0
    assert BarrierBelief(np.array([0.2, 0.2, 0.3])).tolerances(0.95)[0] == pytest.approx(0.1)


def drawn_from(monkeypatch, joint: int, count: int, **goal) -> dominance.SampledSurfaces:
    """Samples after twenty observations, at most so many points drawn exactly."""
    pool, values = surface()
    objective = ObjectiveSpec.model_validate({"unit": "eV", "goal": {"type": "bottleneck", **goal}})
    proposer = build_proposer(GPProposerSpec(initial_points=4), objective)
    done = np.arange(0, len(values), 20)
    history = History(done, values[done])
    prediction = proposer.predictions(pool, history, proposer.fit(pool, history, None))[0]
    monkeypatch.setattr(dominance, "JOINT", joint)
    return dominance.sample_surfaces(goal_of(objective), pool, history, prediction, np.random.default_rng(5), count)


def test_barriers_drawn_path_by_path_are_distributed_as_exact_ones(monkeypatch):
    ways = ((1500, {}), (20, {"sampling": "pathwise"}), (20, {}))
    drawn = [drawn_from(monkeypatch, joint, 600, **goal) for joint, goal in ways]
    quantiles = [np.quantile(found.barriers, [0.1, 0.25, 0.5, 0.75, 0.9]) for found in drawn]
    spread = float(quantiles[0][-1] - quantiles[0][0])
    assert np.abs(quantiles[1] - quantiles[0]).max() < 0.15 * spread
    assert np.abs(quantiles[2] - quantiles[0]).max() > 0.5 * spread  # where most points stay at their means


def test_few_points_are_drawn_exactly_whatever_the_sampling_says(monkeypatch):
    both = [drawn_from(monkeypatch, 1500, 40, sampling=sampling) for sampling in ("lowest", "pathwise")]
    assert np.array_equal(both[0].barriers, both[1].barriers)


@pytest.mark.parametrize("pathwise", [False, True])
def test_surfaces_of_several_threads_are_those_of_one(monkeypatch, pathwise):
    pool, values = surface()
    proposer = build_proposer(GPProposerSpec(initial_points=4), BOTTLENECK)
    done = np.arange(0, len(values), 23)
    history = History(done, values[done])
    fitted = proposer.fit(pool, history, None)
    prediction = proposer.predictions(pool, history, fitted)[0]
    drawn = []
    if pathwise:
        monkeypatch.setattr(dominance, "JOINT", 20)
    for many in (1, len(values) + 1):
        monkeypatch.setattr(threads, "MANY", many)
        goal = Goal(kind="bottleneck", dimensions=2, pathwise=pathwise)
        drawn.append(dominance.sample_surfaces(goal, pool, history, prediction, np.random.default_rng(5), 40))
    assert np.isfinite(drawn[0].barriers).any()
    for name in ("minima", "bottlenecks", "barriers"):
        assert np.array_equal(getattr(drawn[0], name), getattr(drawn[1], name))


def known_after(**parts) -> History:
    """Every fifteenth point of :func:`surface` is known, and what else is given."""
    _, values = surface()
    done = np.array([point for point in range(0, len(values), 15) if point not in parts.get("failed", ())])
    return History(done, values[done], **{name: np.array(points, dtype=np.intp) for name, points in parts.items()})


def sampled(history: History, values: np.ndarray | None = None, **goal: object) -> dominance.SampledSurfaces:
    """Samples of a model that was fitted to every fifteenth point of the surface, or of other values of its points."""
    pool, own = surface()
    values = own if values is None else values
    objective = ObjectiveSpec.model_validate({"unit": "eV", "goal": {"type": "bottleneck", **goal}})
    proposer = build_proposer(GPProposerSpec(initial_points=4), objective)
    done = np.arange(0, len(values), 15)
    fitted = proposer.fit(pool, History(done, values[done]), None)
    prediction = proposer.predictions(pool, history, fitted)[0]
    return dominance.sample_surfaces(goal_of(objective), pool, history, prediction, np.random.default_rng(5), 60)


def test_the_number_of_neighbours_matters_to_a_search():
    pool, _ = surface()
    rough = np.random.default_rng(0).random(len(pool))
    levels = []
    for number in (6, 26):
        # All is known, so that each sample is the surface.
        found = sampled(History(np.arange(len(pool)), rough), rough, dimensions=2, connectivity=number)
        true = bottleneck(rough, pool.grids["surface"], number)
        assert found.barriers == pytest.approx(true.barriers[1], abs=1e-9)
        assert set(found.bottlenecks) == {true.points[1]}
        levels.append(found.level)
    assert levels[0] > levels[1] + 0.1


def test_points_whose_evaluation_failed_are_walls():
    pool, _ = surface()
    # All points with this first coordinate: no path leads along the first vector, in three dimensions.
    wall = np.flatnonzero(np.indices(SHAPE)[0].ravel() == 5)
    blocked = sampled(known_after(failed=wall), dimensions=3)
    assert np.isinf(blocked.barriers).all()
    assert (blocked.bottlenecks == -1).all()
    one = int(np.bincount(sampled(known_after()).minima, minlength=len(pool)).argmax())
    assert one not in sampled(known_after(failed=[one])).minima


def test_pending_points_are_believed_and_samples_are_as_wide_as_predicted(monkeypatch):
    exact, widths = dominance.joint_deviations, []

    def spied(prediction, points, *rest):
        drawn = exact(prediction, points, *rest)
        widths.append([float(np.sqrt(np.square(part).mean())) for part in (drawn, prediction.deviation[points])])
        return drawn

    monkeypatch.setattr(dominance, "joint_deviations", spied)
    for pending in ([], [360, 396, 364, 322, 320, 125]):  # points that are often the minimum
        sampled(known_after(pending=pending))
    for found, predicted in widths:
        assert found == pytest.approx(predicted, rel=0.1)
    assert widths[1][1] < 0.9 * widths[0][1]
