"""Fills a store directly with campaigns; their documents are like those of campaigns that ran."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.identifiers import evaluation_id, short_hash
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.records import (
    Attempt,
    CampaignRecord,
    Evaluation,
    Event,
    Failure,
    JsonDict,
    Outcome,
    Proposal,
    Provenance,
    Quantity,
)
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.backends.stores.documents import to_document
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase
from tansaku.tasks.backends.stores.mongo_swap import evaluation_document
from tansaku.tasks.backends.stores.transitions import event_of, observation_of
from tansaku.tasks.loop.steps.certificates import CERTIFICATE, EVERY

BATCH = 1000
FOLLOWING = 50
FAILED_EVERY = 100
LOST_EVERY = 400
"""Periods, in evaluations, of failures and of lost first attempts."""

_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_OVERLAP = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="two atoms are 0.9 angstrom apart")
_TIMEOUT = Failure(kind=FailureKind.PLUMBING, reason="timeout", message="ended after 600 s")
_PROVENANCE = Provenance(
    code="ase.calculators.emt",
    code_version="3.26.0",
    model="EMT",
    model_sha256="e" * 64,
    tansaku_version="0.1.0",
    host="node-17",
    cpu="AMD EPYC",
    settings={"fmax": 0.001, "cell": "fixed", "translation": "held", "minimiser": "fire", "max_steps": 2000},
)
_STEPS = ("PROPOSED", "SUBMITTING", "SUBMITTED", "RUNNING")


def fill(database: MongoDatabase, record: CampaignRecord, pool: CandidatePool, source: str, count: int) -> list[Proposal]:
    """Writes evaluations, observations and events of a campaign that was created, and its last number.

    Args:
        database: Of the store.
        record: The campaign, without evaluations.
        pool: Candidates, proposed in random order.
        source: Hash of the calculator.
        count: Number of evaluations.

    Returns:
        A few proposals that would follow.
    """
    rng = np.random.default_rng(0)
    order = rng.permutation(len(pool))
    chosen, following = order[:count], order[count : count + FOLLOWING]
    written: dict[str, list[JsonDict]] = {"evaluations": [], "observations": [], "events": []}
    for number, position in enumerate(chosen.tolist(), start=1):
        evaluation = _evaluation(record.name, pool, position, source, number)
        written["evaluations"].append(evaluation_document(evaluation))
        written["observations"].append(_observation(evaluation))
        written["events"] += [_event(event, number) for event in _events(evaluation, pool, number)]
        if number % BATCH == 0 or number == count:
            for collection, documents in written.items():
                database[collection].insert_many(documents, ordered=False)
                documents.clear()
    database["campaigns"].update_one({"_id": record.name}, {"$set": {"last_number": count}, "$inc": {"revision": 1}})
    return [_proposal(pool, position, source, number) for number, position in enumerate(following.tolist(), start=count + 1)]


def outcome_of(number: int) -> Outcome:
    """A result as large as that of a boundary; some are failures."""
    if number % FAILED_EVERY == 0:
        return Outcome(failure=_OVERLAP, wall_time=0.5)
    value = 300.0 + 200.0 * float(np.sin(number)) + 1e-3 * (number % 997)
    return Outcome(
        value=value,
        quantities={
            "grain_boundary_energy": Quantity(value=value / 1000, unit="J/m^2"),
            "energy": Quantity(value=-3.3 * 120, unit="eV"),
            "bulk_energy_per_atom": Quantity(value=-3.36, unit="eV"),
            "expansion": Quantity(value=0.1 + 1e-4 * (number % 97), unit="Angstrom"),
        },
        properties={
            "boundary_energies": [value / 1000, value / 1000],
            "boundary_energies_unit": "J/m^2",
            "boundaries_differ": False,
            "drift": [0.0, 0.0],
            "final_translation": [0.1, 0.2, 0.3 + 1e-5 * number],
            "steps": 40 + number % 60,
            "converged": True,
            "n_atoms": 120,
            "grains": {"rotation": [0.01, 0.02], "core_energy": [0.0001, 0.0002], "rotation_unit": "degree"},
            "own_lattice_parameter": 4.05,
        },
        wall_time=20.0 + number % 13,
        cores=1,
        started_at=_BEGUN + timedelta(seconds=number),
        finished_at=_BEGUN + timedelta(seconds=number + 20),
        artifacts={"structure.extxyz": f"{number:064x}"},
        provenance=_PROVENANCE,
    )


def _evaluation(campaign: str, pool: CandidatePool, position: int, source: str, number: int) -> Evaluation:
    candidate, begun = str(pool.ids[position]), _BEGUN + timedelta(seconds=number)
    attempts = [
        Attempt(
            number=place,
            token=short_hash([campaign, number, place]),
            job_name=short_hash([campaign, "job", number, place]),
            started_at=begun,
            handle={"spool": f"/scratch/tansaku/{campaign}", "name": short_hash([campaign, "job", number, place])},
        )
        for place in range(1, 3 if number % LOST_EVERY == 1 else 2)
    ]
    outcome = outcome_of(number)
    attempts = [attempt.model_copy(update={"failure": _TIMEOUT}) for attempt in attempts[:-1]] + attempts[-1:]
    attempts[-1] = attempts[-1].model_copy(update={"failure": outcome.failure})
    return Evaluation(
        id=evaluation_id(campaign, candidate, source, 0),
        campaign=campaign,
        proposal=_proposal(pool, position, source, number),
        state=EvaluationState.DONE if outcome.failure is None else EvaluationState.FAILED,
        epoch=0,
        attempts=tuple(attempts),
        outcome=outcome,
        proposed_at=begun,
        finished_at=begun + timedelta(seconds=21),
    )


def _proposal(pool: CandidatePool, position: int, source: str, number: int) -> Proposal:
    return Proposal(
        number=number,
        candidate=str(pool.ids[position]),
        system=pool.systems[pool.system_codes[position]],
        surface=pool.surfaces[pool.surface_codes[position]],
        source=source,
        predicted_cost=float(pool.cost[position]),
        initial=number <= 20,
        horizon=max(0, number - 4),
        acquisition=0.5,
        predicted_mean=300.0,
        predicted_deviation=40.0,
        model="random",
        proposer_seconds=0.05,
    )


def _observation(evaluation: Evaluation) -> JsonDict:
    found = observation_of(evaluation, "mJ/m2")
    if found is None:
        raise AssertionError("every evaluation here has ended")
    return to_document(found) | {"_id": evaluation.id, "void": False, "attempt": len(evaluation.attempts)}


def _events(evaluation: Evaluation, pool: CandidatePool, number: int) -> Iterator[Event]:
    plain: dict[str, Any] = {"outcome": None, "finished_at": None}
    for step in _STEPS:
        yield event_of(evaluation.model_copy(update=plain | {"state": EvaluationState(step)}), evaluation.proposed_at)
    yield event_of(evaluation, evaluation.proposed_at + timedelta(seconds=21))
    if number % EVERY:
        return
    certificate = Certificate(
        number=number + 1,
        horizon=number,
        searched=number,
        confidence=0.95,
        tolerance=30.0,
        tolerances=dict.fromkeys(pool.systems, 30.0),
        unit="mJ/m2",
    )
    yield Event(
        id=short_hash([evaluation.campaign, CERTIFICATE, number]),
        campaign=evaluation.campaign,
        kind=CERTIFICATE,
        at=evaluation.proposed_at + timedelta(seconds=22),
        data=certificate.model_dump(mode="json"),
    )


def _event(event: Event, number: int) -> JsonDict:
    document = to_document(event)
    document["_id"] = document.pop("id")
    return document | {"order": number}
