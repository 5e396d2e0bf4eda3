"""Ways to choose the next point of an energy surface, all with the same model, the same start and the same estimate.

``dominance``: the product's (Kanamori et al. 2018, https://doi.org/10.1103/PhysRevB.97.125124). ``random``: any point.
``low_region``: the point most likely to be among the lowest fifth of the grid (Toyoura et al. 2016,
https://arxiv.org/abs/1512.00623). ``straddle``: the point with the largest 1.96 deviations less its distance from the level of
the bottleneck (Bryan et al. 2005, Advances in Neural Information Processing Systems 18).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from tansaku.models.domain.identifiers import certificate_rng, proposal_rng
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.barrier import BarrierBelief
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.percolation import Bottleneck, bottleneck
from tansaku.models.engine.proposer_registry import build_proposer

LOW_REGION = 0.2
"""Share of the grid points whose region ``low_region`` looks for."""

PATIENCE = 8
"""A search ends after so many evaluations in which it had the true minimum and bottleneck, both of them computed, and, by
dominance, a certificate that stops it."""

WITHIN, CONFIDENCE, EVERY = 0.01, 0.95, 5
"""When a campaign would stop: the barrier is within this [eV] with this probability; looks are so many evaluations apart."""

START = GPProposerSpec(initial="roomy", initial_points=4)
"""Four random points among those with most room first."""

_TINY = 1e-12


@dataclass(frozen=True)
class Belief:
    """Prediction of the energy surface by the model.

    Attributes:
        mean: [eV], computed points as they are, shape ``(n_candidates,)``.
        deviation: [eV], same shape.
        weights: Grid points of each candidate, same shape.
        level: Energy of the bottleneck of ``mean`` [eV].
        found: Minimum and bottleneck of ``mean``.
    """

    mean: FloatArray
    deviation: FloatArray
    weights: IntArray
    level: float
    found: Bottleneck


Score = Callable[[Belief, np.random.Generator], FloatArray]


def _random(belief: Belief, rng: np.random.Generator) -> FloatArray:
    return rng.random(len(belief.mean))


def _low_region(belief: Belief, _rng: np.random.Generator) -> FloatArray:
    order = np.argsort(belief.mean)
    share = np.cumsum(belief.weights[order]) / belief.weights.sum()
    threshold = belief.mean[order[int(np.searchsorted(share, LOW_REGION))]]
    return np.asarray(ndtr((threshold - belief.mean) / np.maximum(belief.deviation, _TINY)))


def _straddle(belief: Belief, _rng: np.random.Generator) -> FloatArray:
    return np.asarray(1.96 * belief.deviation - np.abs(belief.mean - belief.level))


SCORES: dict[str, Score | None] = {
    "dominance": None,
    "random": _random,
    "low_region": _low_region,
    "straddle": _straddle,
}
"""Function by which each method rates points; None: the product's proposer chooses."""


@dataclass(frozen=True)
class Problem:
    """A surface that is known.

    Attributes:
        pool: Its points.
        values: Their energies [eV]; infinite ones fail.
        dimensions: Directions of the path.
    """

    pool: CandidatePool
    values: FloatArray
    dimensions: int = 3


def search(
    problem: Problem, method: str, seed: int, evaluations: int, start: GPProposerSpec = START, *, certified: bool = True
) -> JsonDict:
    """Plays a search.

    Args:
        problem: The surface.
        method: A key of :data:`SCORES`.
        seed: Of the start and of what is drawn.
        evaluations: How many at most; see :func:`ended`.
        start: The proposer, with its initial design, which all methods have.
        certified: Whether a search by dominance asks for certificates.

    Returns:
        After each evaluation: ``error`` of the estimated barrier [eV], None where there is no path yet, ``right``: whether the
        estimate's minimum and bottleneck are the true ones, ``known``: whether both were computed. By dominance also
        ``certificates``: see :func:`_certificate`; a search continues until one of them stops it.
    """
    pool, values = problem.pool, problem.values
    grid = pool.grids[pool.systems[0]]
    proposer = _proposer(problem, start)
    truth = bottleneck(values, grid)
    weights = np.bincount(grid.members[grid.members >= 0], minlength=len(pool))
    chosen: list[int] = []
    fitted: JsonDict | None = None
    fits: list[int] = []
    result: JsonDict = {"error": [], "right": [], "known": []}
    if certified and method == "dominance":
        result["certificates"] = []
    history, belief = _history(chosen, values), None
    for number in range(1, evaluations + 1):
        rng = proposal_rng(seed, number)
        score = SCORES[method]
        if score is None or number <= proposer.initial_count(pool):
            choice = proposer.propose(pool, history, number, rng, fitted)
            if choice is None:
                break
            chosen.append(choice.position)
        else:
            rated = score(belief or _belief(proposer, problem, history, fitted, weights), rng)
            rated[chosen] = -np.inf
            chosen.append(int(np.argmax(rated)))
        history = _history(chosen, values)
        if len(history.observed) and proposer.refit_due(len(history.observed), fits):
            fitted = proposer.fit(pool, history, fitted)
            fits.append(len(history.observed))
        belief = _belief(proposer, problem, history, fitted, weights) if len(history.observed) else None
        for key, value in _judged(problem, truth, belief, chosen).items():
            result[key].append(value)
        if "certificates" in result and number % EVERY == 0 and number >= proposer.initial_count(pool):
            found = proposer.remaining(pool, history, certificate_rng(seed, number + 1), fitted)
            result["certificates"].append(_certificate(found, number, truth.barriers[problem.dimensions - 1]))
        if ended(result):
            break
    return result


def certified(problem: Problem, seed: int, evaluations: int, start: GPProposerSpec = START) -> tuple[int, FloatArray]:
    """Plays a search by dominance that ends as a campaign does, with the first certificate that stops it.

    Returns:
        Evaluations, and what is then expected of every candidate, computed points as they are [eV].
    """
    proposer, chosen, fits = _proposer(problem, start), list[int](), list[int]()
    fitted: JsonDict | None = None
    history = _history(chosen, problem.values)
    for number in range(1, evaluations + 1):
        choice = proposer.propose(problem.pool, history, number, proposal_rng(seed, number), fitted)
        if choice is None:
            break
        chosen.append(choice.position)
        history = _history(chosen, problem.values)
        if len(history.observed) and proposer.refit_due(len(history.observed), fits):
            fitted = proposer.fit(problem.pool, history, fitted)
            fits.append(len(history.observed))
        if number % EVERY == 0:
            found = proposer.remaining(problem.pool, history, certificate_rng(seed, number + 1), fitted)
            if float(found.probabilities(WITHIN)[0]) >= CONFIDENCE:
                break
    grid = problem.pool.grids[problem.pool.systems[0]]
    weights = np.bincount(grid.members[grid.members >= 0], minlength=len(problem.pool))
    return len(chosen), _belief(proposer, problem, history, fitted, weights).mean


def started(problem: Problem, seed: int, start: GPProposerSpec = START) -> list[int]:
    """Points that a search begins with, by whichever method."""
    proposer, chosen = _proposer(problem, start), list[int]()
    for number in range(1, proposer.initial_count(problem.pool) + 1):
        choice = proposer.propose(problem.pool, _history(chosen, problem.values), number, proposal_rng(seed, number), None)
        if choice is None:
            break
        chosen.append(choice.position)
    return chosen


def _proposer(problem: Problem, start: GPProposerSpec) -> GPProposer:
    goal = {"type": "bottleneck", "dimensions": problem.dimensions}
    proposer = build_proposer(start, ObjectiveSpec.model_validate({"unit": "eV", "goal": goal}))
    if not isinstance(proposer, GPProposer):
        raise AssertionError("a Gaussian process chooses")
    return proposer


def _judged(problem: Problem, truth: Bottleneck, belief: Belief | None, chosen: list[int]) -> JsonDict:
    """The error of what is believed, whether it is right, and whether minimum and bottleneck were computed."""
    place = problem.dimensions - 1
    known = {truth.minimum, truth.points[place]} <= set(chosen)
    if belief is None:
        return {"error": None, "right": False, "known": known}
    barrier, lowest = belief.found.barriers[place], problem.values[belief.found.minimum]
    same = lowest == problem.values[truth.minimum] and belief.found.points[place] == truth.points[place]
    error = abs(barrier - truth.barriers[place]) if np.isfinite(barrier) else None
    return {"error": error, "right": bool(same), "known": known}


def _certificate(found: object, number: int, barrier: float) -> JsonDict:
    """Returns the certificate that a campaign would print after so many evaluations, with its error.

    Returns:
        ``number`` of evaluations, ``error`` of the stated barrier [eV] and ``tolerance``, half of the 95 % interval [eV], both
        None where the model knows of no path, and ``probability`` that the barrier is within 10 meV.
    """
    if not isinstance(found, BarrierBelief):
        raise AssertionError("the certificate of a bottleneck is the posterior of a barrier")
    tolerance = found.tolerances(CONFIDENCE)[0]
    return {
        "number": number,
        "error": None if found.estimate is None else abs(found.estimate - barrier),
        "tolerance": tolerance if np.isfinite(tolerance) else None,
        "probability": float(found.probabilities(WITHIN)[0]),
    }


def limit_of(host: JsonDict) -> int:
    """Evaluations that the goal allows on a host."""
    return max(int(0.05 * host["points"]), 40)


def stopped(run: JsonDict) -> JsonDict | None:
    """The certificate that ends a campaign; None where none does yet, or the search has none."""
    return next((found for found in run.get("certificates", ()) if found["probability"] >= CONFIDENCE), None)


def ended(run: JsonDict) -> bool:
    """Returns whether a search has found the barrier and stopped.

    It has found it when minimum and bottleneck were right, both computed, at each of the last :data:`PATIENCE` evaluations.
    """
    both = [right and known for right, known in zip(run["right"], run["known"], strict=True)]
    found = len(both) >= PATIENCE and all(both[-PATIENCE:])
    return found and ("certificates" not in run or stopped(run) is not None)


def _history(chosen: list[int], values: FloatArray) -> History:
    points = np.array(chosen, dtype=np.intp)
    fine: BoolArray = np.isfinite(values[points])
    return History(points[fine], values[points[fine]], failed=points[~fine])


def _belief(proposer: GPProposer, problem: Problem, history: History, fitted: JsonDict | None, weights: IntArray) -> Belief:
    mean, deviation = proposer.expected(problem.pool, history, fitted)
    mean[history.observed], deviation[history.observed] = history.values, 0.0
    mean[history.failed] = np.inf
    found = bottleneck(mean, problem.pool.grids[problem.pool.systems[0]])
    point = found.points[problem.dimensions - 1]
    return Belief(mean, deviation, weights, float(mean[point]) if point >= 0 else float(np.median(mean)), found)
