"""Views of campaigns in memory: the same answers as from MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tansaku.models.domain.records import CampaignRecord, Evaluation
from tansaku.models.domain.views import ActiveMark, Changes, Cursor, Mark, Page, PageQuery
from tansaku.tasks.backends.stores.columns import changed_since, mark_of


def page_of(evaluations: Sequence[Evaluation], query: PageQuery) -> Page:
    """Returns one page of evaluations."""
    chosen = [evaluation for evaluation in evaluations if _matches(evaluation, query)]
    chosen.sort(key=lambda evaluation: _key(evaluation, query), reverse=query.descending)
    if query.after is not None:
        begin, falls = (query.after.value or 0.0, query.after.number), query.descending
        chosen = [item for item in chosen if (_key(item, query) < begin if falls else _key(item, query) > begin)]
    shown = chosen[: query.limit]
    after = None
    if len(chosen) > query.limit:
        value, number = _key(shown[-1], query)
        after = Cursor(number=number, value=value if query.sort == "value" else None)
    return Page(evaluations=tuple(shown), after=after)


def changes_of(record: CampaignRecord | None, now: datetime, evaluations: Sequence[Evaluation], since: Mark | None) -> Changes:
    """Returns what has changed since a mark."""
    if record is None or record.deleting:
        return Changes(mark=None, reset=True)
    active = [
        ActiveMark(number=evaluation.proposal.number, state=evaluation.state, attempts=len(evaluation.attempts))
        for evaluation in evaluations
        if not evaluation.state.terminal
    ]
    highest = max((evaluation.proposal.number for evaluation in evaluations), default=0)
    mark = mark_of(record, len(evaluations), active, highest)
    if since is None:
        return Changes(mark=mark, record=record, now=now, reset=True)
    earlier = sum(evaluation.proposal.number <= since.number for evaluation in evaluations)
    numbers = changed_since(since, mark, earlier)
    if numbers is None:
        return Changes(mark=mark, record=record, now=now, reset=True)
    changed = [
        evaluation
        for evaluation in evaluations
        if evaluation.proposal.number > since.number or evaluation.proposal.number in numbers
    ]
    return Changes(mark=mark, record=record, now=now, evaluations=tuple(changed))


def _matches(evaluation: Evaluation, query: PageQuery) -> bool:
    value = evaluation.outcome.value if evaluation.outcome is not None else None
    if query.states is not None and evaluation.state not in query.states:
        return False
    if query.system is not None and evaluation.proposal.system != query.system:
        return False
    if value is None:
        return query.sort == "number" and query.least is None and query.most is None
    return (query.least is None or value >= query.least) and (query.most is None or value <= query.most)


def _key(evaluation: Evaluation, query: PageQuery) -> tuple[float, int]:
    value = evaluation.outcome.value if evaluation.outcome is not None and query.sort == "value" else None
    return (0.0 if value is None else value, evaluation.proposal.number)
