"""Records of campaigns, proposals and evaluations, of which a test says only what matters to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tansaku.models.domain.records import CampaignRecord, Evaluation, Outcome, Proposal
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.columns import columns_of
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import spec_hash
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
