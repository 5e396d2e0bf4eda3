"""Growing data of a potential, chosen at random or where its networks disagree, with a training at each size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from benchmarks.potential.data import sides
from benchmarks.potential.fits import FORCES, fit, judged
from tansaku.models.domain.disagreement import CommitteeProposer, Disagreement
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History, Proposer
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import DisagreementProposerSpec, ProposerBase, RandomProposerSpec
from tansaku.models.domain.surrogates import Estimate, Example
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.features.species import species_of
from tansaku.potentials.network.descriptors.contract import open_descriptor
from tansaku.potentials.network.descriptors.jacobian import Described, describe
from tansaku.potentials.network.model import Potential, evaluated
from tansaku.potentials.network.pool import PotentialPool
from tansaku.potentials.network.training import groups_aside
from tansaku.potentials.specs.network import PotentialSpec

SHARE = 0.1
"""Groups set aside in training, and proposals of them: as many as a random order has."""

STRATEGIES: dict[str, tuple[ProposerBase, bool]] = {
    "random": (RandomProposerSpec(by_system=True), False),
    "uniform": (RandomProposerSpec(), False),
    "disagreement": (DisagreementProposerSpec(judging=SHARE), False),
    "random-warm": (RandomProposerSpec(by_system=True), True),
    "disagreement-warm": (DisagreementProposerSpec(judging=SHARE), True),
    "by-system": (DisagreementProposerSpec(judging=SHARE, by_system=True), False),
    "no-batch": (DisagreementProposerSpec(judging=SHARE, correlation=0.0), False),
    "energy": (DisagreementProposerSpec(judging=SHARE, of="energy"), False),
}
"""Proposer, and whether each training begins with the weights of the one before."""

PARTS = ("by-system", "no-batch", "energy")
"""Strategies that show the effect of distance, of forces, and of taking scans in turn."""


@dataclass(frozen=True)
class Case:
    """A run.

    Attributes:
        strategy: Of :data:`STRATEGIES`.
        seed: Of networks, groups set aside and random orders.
        sizes: Structures at each training.
        source: Of the data, see :func:`benchmarks.potential.data.sides`.
        quick: Small networks, few cycles.
    """

    strategy: str
    seed: int
    sizes: tuple[int, ...]
    source: str
    quick: bool = False


def potential(*, quick: bool) -> PotentialSpec:
    """The committee that is trained at each size."""
    keys = FORCES | {"hidden": [8, 8], "members": 3, "validation": SHARE, "patience": 20}
    keys |= {"trainer": {"type": "levenberg_marquardt", "cycles": 60}}
    if quick:
        keys |= {"hidden": [4], "members": 2, "trainer": {"type": "levenberg_marquardt", "cycles": 4}}
        keys |= {"environment": {"type": "symmetry_functions", "radial": 5, "angular": 1, "zetas": [1]}}
    return PotentialSpec.model_validate(keys)


def run(case: Case) -> JsonDict:
    """Lets the data grow."""
    asked, warm = STRATEGIES[case.strategy]
    spec, view = potential(quick=case.quick), _view(case.source, case.quick)
    training, _ = _structures(case.source)
    pool = _pool(training)
    chosen: list[int] = []
    model: Potential | None = None
    steps: list[JsonDict] = []
    for size in case.sizes:
        proposer: Proposer = build_proposer(asked)
        if model is not None and isinstance(proposer, CommitteeProposer):
            proposer = proposer.informed(_said(model, view, pool, chosen, case))
        while len(chosen) < min(size, len(pool)):
            number, known = len(chosen) + 1, np.array(chosen, dtype=np.intp)
            history = History(observed=known, values=np.zeros(len(known)))
            found = proposer.propose(pool, history, number, proposal_rng(case.seed, number))
            if found is None:
                raise AssertionError("there are candidates left")
            chosen.append(found.position)
        fitted = fit(spec, [training[place] for place in chosen], model if warm else None, seed=case.seed)
        model = fitted.model
        steps.append(
            {
                "structures": len(chosen),
                "atoms": int(pool.cost[chosen].sum()),
                "processor_seconds": fitted.processor_seconds,
                "cycles": model.training["cycles"],
                "held_out": _judged(model, case.source, case.quick),
            }
        )
    return {"strategy": case.strategy, "seed": case.seed, "steps": steps}


def _said(model: Potential, view: PotentialPool, pool: CandidatePool, chosen: Sequence[int], case: Case) -> Disagreement:
    asked, aside = STRATEGIES[case.strategy][0], groups_aside(sorted(pool.systems), SHARE, case.seed)
    if not isinstance(asked, DisagreementProposerSpec):
        raise AssertionError("only a proposer that goes by a version asks what it says")
    seen = view.seen_by(model, asked.of)
    return Disagreement(
        version="growth@1",
        spread=seen.spread,
        mean=seen.energies.mean(axis=0),
        deviation=model.of_energies.deviation(seen.energy_spread),
        places=view.places,
        judging=np.array([name in aside for name in pool.systems])[pool.system_codes],
        known=np.array(chosen, dtype=np.intp),
    )


def _judged(model: Potential, source: str, quick: bool) -> JsonDict:
    """Errors of the held-out structures; their descriptors are computed once for all versions."""
    held_out, described = _described(source, quick)
    found = evaluated(model, described)
    first = np.cumsum([0, *(len(item.structure) for item in held_out)])
    predictions = [
        {
            "energy": Estimate(np.asarray(found.energies[:, begin:end].sum(axis=1).mean())),
            "forces": Estimate(found.forces[:, begin:end].mean(axis=0)),
        }
        for begin, end in pairwise(first)
    ]
    return judged(held_out, predictions)


@cache
def _described(source: str, quick: bool) -> tuple[list[Example], Described]:
    held_out = _structures(source)[1][:: 12 if quick else 1]
    structures = [item.structure for item in held_out]
    descriptor = open_descriptor(potential(quick=quick).environment, species_of(structures))
    return held_out, describe(descriptor, structures, species_of(structures))


@cache
def _structures(source: str) -> tuple[list[Example], list[Example]]:
    """Returns the structures to learn from, in order of id, and those held out."""
    both = sides(source)
    return sorted(both.training, key=lambda item: item.id), list(both.held_out)


def _pool(training: Sequence[Example]) -> CandidatePool:
    ids = np.array([item.id for item in training])
    systems = tuple(sorted({item.group for item in training}))
    codes = np.array([systems.index(item.group) for item in training], dtype=np.intp)
    cost = np.array([float(len(item.structure)) for item in training])
    return CandidatePool(ids=ids, systems=systems, system_codes=codes, surfaces=systems, surface_codes=codes, cost=cost)


@cache
def _view(source: str, quick: bool) -> PotentialPool:
    structures = [item.structure for item in _structures(source)[0]]
    return PotentialPool(potential(quick=quick).environment, structures, species_of(structures))
