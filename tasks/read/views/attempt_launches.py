"""The launch of an attempt on a cluster, also where its campaign has had other names since."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tansaku.models.domain.identifiers import evaluation_id, job_name
from tansaku.models.domain.records import Attempt, Evaluation
from tansaku.tasks.backends.launchers.launches import LaunchFolder, launch_of_attempt


def launch_of(shared: Path, evaluation: Evaluation, attempt: Attempt, former_names: Sequence[str]) -> LaunchFolder | None:
    """Returns the launch of an attempt; None if its folder does not exist.

    Args:
        shared: Folder that the cluster's nodes share.
        evaluation: The attempt's.
        attempt: The cluster knows its job by the name that the campaign had then.
        former_names: Names that the campaign had before.
    """
    proposal = evaluation.proposal
    jobs = [attempt.job_name]
    for campaign in reversed(former_names):
        before = evaluation_id(campaign, proposal.candidate, proposal.source, proposal.replicate)
        jobs.append(job_name(campaign, before, attempt.number))
    return next((found for job in jobs if (found := launch_of_attempt(shared, job, attempt.token)) is not None), None)
