"""An evaluation with two attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tansaku.models.domain.records import Attempt, Evaluation, Failure
from tansaku.models.domain.states import EvaluationState, FailureKind
from tests.support.records import proposal_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def evaluation() -> Evaluation:
    """Lost; its first attempt ended at its walltime, the second began an hour after the first."""
    failure = Failure(kind=FailureKind.PLUMBING, reason="walltime", message="too long")
    proposal = proposal_of(candidate="c", horizon=0)
    return Evaluation(
        id="e",
        campaign="test",
        proposal=proposal,
        state=EvaluationState.LOST,
        epoch=1,
        attempts=(
            Attempt(number=1, token="one", job_name="job-1", started_at=NOON, failure=failure),
            Attempt(number=2, token="two", job_name="job-2", started_at=NOON + timedelta(hours=1)),
        ),
        proposed_at=NOON,
        finished_at=NOON + timedelta(hours=2),
    )
