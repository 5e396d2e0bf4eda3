"""Records of campaigns, proposals and evaluations, of which a test says only what matters to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tansaku.models.domain.model_registry import DatasetRecord, Errors, ModelRecord, Source
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import CampaignStore, Proposer
from tansaku.models.domain.records import CampaignRecord, Evaluation, Lease, Outcome, Proposal
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.columns import columns_of
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.read.views.campaign import PROPERTIES, Campaign, KeptEvaluations, Once

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def campaign_record(own: CampaignSpec | None = None, **changes: Any) -> CampaignRecord:
    """A campaign as it is stored, under the name in its spec or ``c``."""
    given: dict[str, Any] = {"name": "c", "spec": {}, "spec_hash": "0", "base_path": "/"}
    if own is not None:
        given |= {"name": own.name, "spec": own.model_dump(mode="json"), "spec_hash": spec_hash(own)}
    return CampaignRecord(**given | {"tansaku_version": "0", "created_at": NOW} | changes)


def proposal_of(number: int = 1, **changes: Any) -> Proposal:
    """The proposal of a candidate ``c1`` and so on of system ``s``."""
    given = {"candidate": f"c{number}", "system": "s", "surface": "s", "source": "x", "predicted_cost": 1.0, "model": "m"}
    return Proposal(number=number, **given | changes)


def evaluation_of(proposal: Proposal, outcome: Outcome | None, **changes: Any) -> Evaluation:
    """An evaluation ``e1`` and so on of campaign ``c`` that has ended well."""
    given = {"id": f"e{proposal.number}", "campaign": "c", "state": EvaluationState.DONE, "epoch": 1, "proposed_at": NOW}
    return Evaluation(proposal=proposal, outcome=outcome, **given | changes)


def store_evaluation(store: CampaignStore, lease: Lease, proposal: Proposal, outcome: Outcome) -> Evaluation:
    """Stores a proposal and, of its first attempt, an outcome."""
    evaluation = store.insert_proposal(lease, proposal)
    store.begin_attempt(lease, evaluation.id, 1, f"token-{proposal.number}", f"job-{proposal.number}")
    store.accept_outcome(lease, evaluation.id, f"token-{proposal.number}", outcome)
    return evaluation


def rules_of(proposer: Proposer, pool: CandidatePool, count: int | None, **changes: Any) -> RoundRules:
    """Rules of a replay of so many evaluations, which all may fail."""
    given = {
        "seed": 0,
        "source": "table",
        "direction": "minimize",
        "limit": None,
        "initial_count": proposer.initial_count(pool),
    }
    return RoundRules(**{"budget": BudgetSpec(evaluations=count, max_failed_fraction=1.0)} | given | changes)


def job_of(spec: CampaignSpec, candidate: str, folder: Path) -> JobDocument:
    """The job of a campaign's candidate."""
    keys = {key: getattr(spec, key) for key in ("space", "calculator", "label", "objective")}
    return JobDocument(campaign=spec.name, candidate=candidate, base_path=str(folder), **keys)


def dataset_record(**changes: Any) -> DatasetRecord:
    """A data set of one structure, read from a file."""
    given = {
        "sha256": "a" * 64, "name": "data", "artifact": "f" * 64, "spec": {}, "groups": {"one": "training"}, "structures": 1,
        "atoms": 4, "properties": ("energy",), "sources": {"calculator": Source(file="mine.extxyz")}, "created_at": NOW,
    }  # fmt: skip
    return DatasetRecord(**given | changes)


def model_record(**changes: Any) -> ModelRecord:
    """The first version of a model of :func:`dataset_record`."""
    errors = {"energy": Errors(unit="eV/atom", count=2, mae=0.1, rmse=0.2, correlation=None)}
    given = {
        "name": "model", "version": 1, "spec": {}, "dataset": "a" * 64, "learns": "calculator", "artifact": "b" * 64,
        "report": "c" * 64, "held_out": errors, "training": errors, "seconds": 1.0, "device": "cpu", "tansaku_version": "0",
        "created_at": NOW,
    }  # fmt: skip
    return ModelRecord(**given | changes)


def read_campaign(record: CampaignRecord, spec: CampaignSpec, evaluations: Sequence[Evaluation], **known: Any) -> Campaign:
    """A campaign as it was read, of which nothing is stored; ``known`` are further parts of it, such as ``space``."""
    store, columns = (
        MemoryCampaignStore(),
        columns_of(evaluations, [goal.property for goal in spec.objective.further], PROPERTIES),
    )
    kept = KeptEvaluations(store, record.name)
    kept.note(evaluations)
    parts = {"evaluations": tuple(evaluations), "refits": (), "certificates": ()} | known
    return Campaign(store, record, spec, columns, kept, _once=Once(parts))
