"""Selects the evaluations of a file that may be imported into a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.identifiers import evaluation_id
from tansaku.models.domain.records import CampaignRecord, Evaluation
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.campaigns import refuse_reserved


def importable(record: CampaignRecord, evaluations: Sequence[Evaluation], known: Mapping[str, int]) -> list[Evaluation]:
    """Returns the evaluations that are new to a campaign, with its current epoch.

    Args:
        evaluations: Terminal ones, and PROPOSED ones that are yet to be computed.
        known: Proposal numbers of the stored evaluations by id.

    Raises:
        StoreError: One belongs to another campaign, has a state that cannot be moved, an id that is not that of its key, or
            a number or candidate that the campaign gave to another one.
    """
    refuse_reserved(record)
    numbers = {number: identifier for identifier, number in known.items()}
    new: dict[str, Evaluation] = {}
    for evaluation in evaluations:
        proposal = evaluation.proposal
        where = f"imported evaluation {evaluation.id} (proposal {proposal.number})"
        if evaluation.campaign != record.id:
            raise StoreError(f"{where} belongs to campaign {evaluation.campaign!r}, not to {record.id!r}")
        if evaluation.id != evaluation_id(record.id, proposal.candidate, proposal.source, proposal.replicate):
            raise StoreError(f"{where}: the id does not belong to candidate {proposal.candidate!r}")
        if not evaluation.state.terminal and evaluation.state is not EvaluationState.PROPOSED:
            raise StoreError(f"{where}: state {evaluation.state} cannot be imported; finish or cancel it first")
        if numbers.setdefault(proposal.number, evaluation.id) != evaluation.id:
            raise StoreError(f"{where}: number {proposal.number} is already that of evaluation {numbers[proposal.number]}")
        stored = known.get(evaluation.id, proposal.number)
        if stored != proposal.number or (evaluation.id in new and new[evaluation.id].proposal.number != proposal.number):
            raise StoreError(f"{where}: candidate {proposal.candidate!r} is already proposal {stored}")
        if evaluation.id not in known:
            new.setdefault(evaluation.id, evaluation.model_copy(update={"epoch": record.epoch}))
    return list(new.values())
