"""Learning curves: structures are labelled in the order of a rule, and the model that they give is tested elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from ase import Atoms

from benchmarks.local_energies.cases import examples
from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.descriptors import DescriptorSpec, RadialDescriptorSpec, SoapDescriptorSpec
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.domain.surrogates import Example, TrainingRun
from tansaku.models.features.atomic_environment import environment_features
from tansaku.models.surrogates.choosing import Environments, informative_order, smallest_order, within
from tansaku.models.surrogates.local_energies.training import LocalEnergiesTrainer

LARGEST_SIGMA = 59
PER_BOUNDARY = 3
SHARES = (0.04, 0.08, 0.16, 0.32)
POWERS = (1.0, 3.0)
RULES = ("information", "size", "random")
SPEC = LocalEnergiesSpec(
    descriptors=(RadialDescriptorSpec(), SoapDescriptorSpec(radial=6, angular=4)),
    total_weights=(0.0,),
    path_points=12,
    path_ratio=1e-4,
    patience=3,
    max_iterations=1000,
    tolerance=1e-4,
)
"""The product's model with fewer features and a shorter path: hundreds of fits in minutes."""


@dataclass(frozen=True)
class Curve:
    """One learning curve.

    Attributes:
        energies: Key of ``benchmarks.local_energies.cases.ENERGIES``.
        rule: Key of :data:`RULES`.
        power: Cost of a label is the number of atoms to this power.
        seed: Of the structures that may be chosen, and of the random rule.
    """

    energies: str
    rule: str
    power: float
    seed: int


def sides(energies: str, seed: int) -> tuple[list[Example], list[Example]]:
    """Structures that may be labelled, some of each boundary up to Σ 59, and those of all larger boundaries for the test."""
    every = examples(energies)
    rng = np.random.default_rng([seed, 1])
    small: dict[str, list[Example]] = {}
    for item in every:
        if item.info["sigma"] <= LARGEST_SIGMA:
            small.setdefault(item.group, []).append(item)
    candidates = [group[place] for group in small.values() for place in sorted(rng.permutation(len(group))[:PER_BOUNDARY])]
    return candidates, [item for item in every if item.info["sigma"] > LARGEST_SIGMA]


def order_of(rule: str, power: float, seed: int) -> tuple[IntArray, FloatArray]:
    """Order in which a rule takes the candidates, and what each costs [(100 atoms)^power]."""
    candidates, test = sides("eam", seed)
    every = [*candidates, *test]
    cost = (np.array([len(item.structure) for item in every]) / 100.0) ** power
    places = np.arange(len(candidates))
    rng = np.random.default_rng([seed, 2])
    if rule == "information":
        return informative_order(_environments(seed), cost, places), cost
    return smallest_order(cost, places, rng) if rule == "size" else rng.permutation(places), cost


def run(curve: Curve) -> JsonDict:
    """Labels, trains and tests at every share of the cost."""
    candidates, test = sides(curve.energies, curve.seed)
    order, cost = order_of(curve.rule, curve.power, curve.seed)
    whole = float(cost[: len(candidates)].sum())
    points = []
    begun = time.process_time()
    for share in SHARES:
        chosen = within(order, cost, share * whole)
        choice = {"share": float(cost[chosen].sum()) / whole, "limit": share, "structures": len(chosen)}
        try:
            found = _tested([candidates[place] for place in chosen], test)
        except FitError:
            # With one boundary there is no group to leave out.
            found = {"rmse_mev": None, "r": None}
        points.append(choice | found)
    return {**vars(curve), "points": points, "seconds": time.process_time() - begun}


@cache
def _environments(seed: int) -> Environments:
    """Input of the choice: the structures, candidates first, without energies."""
    candidates, test = sides("eam", seed)
    return Environments.of([item.structure for item in (*candidates, *test)], SPEC.descriptors, _kept_of)


def _tested(training: Sequence[Example], test: Sequence[Example]) -> JsonDict:
    model = LocalEnergiesTrainer(SPEC, _kept).fit(training, TrainingRun())
    computed = np.concatenate([item.properties["energies"] for item in test])
    used = np.concatenate([model.solution.coefficients, model.solution.intercepts])
    rows = (model.columns.rows(item, _kept(SPEC, item, ("Al",))) for item in test)
    predicted = np.concatenate([row @ used + model.offset for row in rows])
    return {
        "rmse_mev": float(1000 * np.sqrt(((predicted - computed) ** 2).mean())),
        "r": float(np.corrcoef(predicted, computed)[0, 1]),
    }


_FEATURES: dict[bytes, FloatArray] = {}


def _kept(spec: LocalEnergiesSpec, example: Example, species: Sequence[str]) -> FloatArray:
    """Features of a structure, computed once in this process."""
    return _kept_of(example.structure, spec.descriptors, species)


def _kept_of(structure: Atoms, descriptors: Sequence[DescriptorSpec], species: Sequence[str]) -> FloatArray:
    key = structure.positions.tobytes()
    if key not in _FEATURES:
        _FEATURES[key] = environment_features(structure, descriptors, species)
    return _FEATURES[key]
