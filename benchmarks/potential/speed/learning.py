"""Time to prepare a training and to choose the next structures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from benchmarks.potential.data import aluminium
from tansaku.models.domain.disagreement import Disagreement
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History, Space
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import DisagreementProposerSpec
from tansaku.models.engine.disagreement import DisagreementProposer
from tansaku.potentials.network.descriptors.contract import open_descriptor
from tansaku.potentials.network.descriptors.jacobian import describe
from tansaku.potentials.network.model import Potential
from tansaku.potentials.network.pool import PotentialPool

if TYPE_CHECKING:
    from ase import Atoms

Found = TypeVar("Found")


def learning(models: Mapping[str, Potential], most: int | None, proposals: int) -> JsonDict:
    """Times for the crystals of aluminium in ``al.yaml`` [s of the processor].

    Args:
        models: Committees by the name of what their atoms see; the first one is asked what to compute next.
        most: So many candidates at most.
        proposals: Proposals in a row.
    """
    space, _ = aluminium()
    pool = space.pool()
    built, building = _timed(lambda: _built(space, pool, most))
    atoms = list(built.values())
    found: JsonDict = {"structures": len(atoms), "atoms": sum(map(len, atoms)), "building_s": building, "describing": {}}
    for name, model in models.items():
        found["describing"][name] = _describing(model, atoms)
    model = next(iter(models.values()))
    (view, known), found["first_look_s"] = _timed(lambda: _seen(model, pool, built))
    _, found["look_s"] = _timed(lambda: _said(model, view, pool, list(built)))
    _, asking = _timed(lambda: _asked(DisagreementProposer(DisagreementProposerSpec(), known), pool, list(built), proposals))
    return found | {"proposals": proposals, "proposal_s": asking / proposals}


def _built(space: Space, pool: CandidatePool, most: int | None) -> dict[int, Atoms]:
    """Structures by their places in the pool, without those whose atoms are hopelessly close."""
    found = {}
    for place, candidate in enumerate(pool.ids[:most]):
        try:
            found[place] = space.structure(str(candidate))
        except CalculationError:
            continue
    return found


def _describing(model: Potential, atoms: list[Atoms]) -> JsonDict:
    descriptor = open_descriptor(model.spec.environment, model.species)
    describe(descriptor, atoms[:1], model.species)  # work that is done once per process is not counted
    described, spent = _timed(lambda: describe(descriptor, atoms, model.species))
    return {"s": spent, "megabytes": described.nbytes / 1e6}


def _seen(model: Potential, pool: CandidatePool, built: Mapping[int, Atoms]) -> tuple[PotentialPool, Disagreement]:
    view = PotentialPool(model.spec.environment, list(built.values()), model.species)
    return view, _said(model, view, pool, list(built))


def _said(model: Potential, view: PotentialPool, pool: CandidatePool, places: list[int]) -> Disagreement:
    seen = view.seen_by(model, "both")
    spread, mean, deviation = np.zeros((3, len(pool)))
    lie = np.zeros((len(pool), view.places.shape[1]))
    spread[places], mean[places], lie[places] = seen.spread, seen.energies.mean(axis=0), view.places
    deviation[places] = model.of_energies.deviation(seen.energy_spread)
    nobody = np.zeros(len(pool), dtype=np.bool_)
    return Disagreement("speed@1", spread, mean, deviation, lie, nobody, np.zeros(0, dtype=np.intp))


def _asked(proposer: DisagreementProposer, pool: CandidatePool, places: list[int], proposals: int) -> None:
    away = np.setdiff1d(np.arange(len(pool)), places)
    asked: list[int] = []
    for number in range(1, proposals + 1):
        observed = np.array(asked, dtype=np.intp)
        history = History(observed=observed, values=np.zeros(len(asked)), unavailable=away)
        choice = proposer.propose(pool, history, number, proposal_rng(0, number))
        if choice is None:
            raise AssertionError("there are candidates left")
        asked.append(choice.position)


def _timed(compute: Callable[[], Found]) -> tuple[Found, float]:
    began = time.process_time()
    found = compute()
    return found, time.process_time() - began
