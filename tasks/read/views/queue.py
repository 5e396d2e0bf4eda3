"""Evaluations in progress of all campaigns, and the reasons for which attempts were refused or lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from pydantic import AwareDatetime

from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Evaluation, Record
from tansaku.models.domain.states import ACTIVE_STATES, EvaluationState
from tansaku.models.domain.views import PageQuery
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.read.views.overview import UnreadableCampaign, each_campaign
from tansaku.tasks.read.views.status import describe_driver, live_lease

_MOST_JOBS = 100  # of a campaign


class Reason(Record):
    """Reason why attempts ended without a result.

    Attributes:
        reason: Machine-readable, such as ``node_fail``.
        message: Of the last such attempt.
        count: Number of attempts.
    """

    reason: str
    message: str
    count: int


class Job(Record):
    """An evaluation in progress.

    Attributes:
        number: Its proposal number.
        candidate: What is computed.
        state: Where it is.
        attempt: Number of the present attempt; 0: none was begun.
        since: When that was begun.
        job: Name of its job.
    """

    number: int
    candidate: str
    state: EvaluationState
    attempt: int
    since: AwareDatetime | None
    job: str


class CampaignQueue(Record):
    """The jobs of a campaign.

    Attributes:
        name: Of the campaign.
        manual: Whether people or robots report its values: its evaluations are no jobs, and nobody has to drive it.
        driver: Who drives it; None: nobody, so that its jobs may end but no new ones begin.
        counts: Number of evaluations by state.
        jobs: The oldest evaluations in progress.
        reasons: Why earlier attempts of those were lost or refused, the most frequent first.
    """

    name: str
    manual: bool = False
    driver: str | None
    counts: dict[EvaluationState, int]
    jobs: tuple[Job, ...]
    reasons: tuple[Reason, ...]


def read_queue(store: CampaignStore) -> list[CampaignQueue | UnreadableCampaign]:
    """Campaigns that have a driver or evaluations in progress, by name."""
    return list(queues_after(store))


def queues_after(store: CampaignStore, after: str = "") -> Iterator[CampaignQueue | UnreadableCampaign]:
    """The same one by one, as they are read.

    Args:
        after: Only campaigns whose names come after this one.
    """
    now = store.now()

    def read(name: str) -> CampaignQueue | None:
        return _read(store, name, now) if name > after else None

    for queue in each_campaign(store, read):
        if isinstance(queue, UnreadableCampaign) or (queue is not None and (queue.driver is not None or queue.counts)):
            yield queue


def _read(store: CampaignStore, name: str, now: datetime) -> CampaignQueue:
    record = store.campaign(name)
    lease = live_lease(record, now)
    counts = {state: count for state, count in store.state_counts(name).items() if state in ACTIVE_STATES}
    evaluations = store.page(name, PageQuery(states=tuple(ACTIVE_STATES), limit=_MOST_JOBS)).evaluations if counts else ()
    return CampaignQueue(
        name=name,
        manual=stored_spec(record).manual,
        driver=describe_driver(lease),
        counts=counts,
        jobs=tuple(_job(evaluation) for evaluation in evaluations),
        reasons=_reasons(evaluations),
    )


def _job(evaluation: Evaluation) -> Job:
    attempt = evaluation.attempts[-1] if evaluation.attempts else None
    return Job(
        number=evaluation.proposal.number,
        candidate=evaluation.proposal.candidate,
        state=evaluation.state,
        attempt=0 if attempt is None else attempt.number,
        since=None if attempt is None else attempt.started_at,
        job="" if attempt is None else attempt.job_name,
    )


def _reasons(evaluations: tuple[Evaluation, ...]) -> tuple[Reason, ...]:
    failures = [attempt.failure for evaluation in evaluations for attempt in evaluation.attempts if attempt.failure is not None]
    counts = Counter(failure.reason for failure in failures)
    last = {failure.reason: failure.message for failure in failures}
    return tuple(Reason(reason=reason, message=last[reason], count=count) for reason, count in counts.most_common())
