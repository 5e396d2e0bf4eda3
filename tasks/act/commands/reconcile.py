"""Reconciles campaigns, shared folder, LaunchPad and scheduler where the correct state is certain.

Safe at any time and repeatedly; uncertain cases are only reported. A campaign with a running driver is left to
its driver, which looks at the same files every second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from tansaku.models.domain.errors import NotFoundError, TansakuError, TransientError
from tansaku.models.domain.ports import Launcher
from tansaku.models.domain.records import CampaignRecord, Evaluation, Record
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.models.domain.wording import counted
from tansaku.tasks.act.commands.delete import sweep_artifacts
from tansaku.tasks.backends.launchers.reconciler import Discrepancy
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.node.jobs.spool import Spool, sweep_frozen
from tansaku.tasks.read.views.overview import UnreadableCampaign, each_campaign
from tansaku.tasks.read.views.status import live_lease

if TYPE_CHECKING:
    from tansaku.tasks.backends.launchers.cluster import Cluster

_DAY = 86400.0
_UNDER_WAY = (EvaluationState.SUBMITTED, EvaluationState.RUNNING)


class ReconciledCampaign(Record):
    """Actions of a reconciliation for a campaign.

    Attributes:
        driven: Whether a driver is running; then its jobs are left to it.
        observations_rebuilt: Observations that were missing.
        adopted: Evaluations that got a result, candidates' ids.
        given_up: Attempts without a result, candidates' ids.
        aside: Results that arrived too late to be used, candidates' ids.
        problem: Why it could not be checked.
    """

    driven: bool = False
    observations_rebuilt: int = 0
    adopted: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    problem: str = ""

    def describe(self, name: str, dry_run: bool) -> list[str]:
        """Lines about what there was to do, none where there was nothing."""
        counts = (
            (self.observations_rebuilt, "observation", "rebuilt"),
            (len(self.adopted), "result", "adopted"),
            (len(self.given_up), "attempt", "marked lost"),
            (len(self.aside), "late result", "stored as unused"),
        )
        done = ", ".join(f"{counted(count, noun)} {verb}" for count, noun, verb in counts if count)
        lines = [f"{name}: {'would be: ' if dry_run else ''}{done}"] if done else []
        return [*lines, f"{name}: {self.problem}"] if self.problem else lines


class ReconcileReport(Record):
    """Differences found, and the repairs.

    Attributes:
        dry_run: Whether nothing was changed.
        discrepancies: Between folder, LaunchPad and scheduler; none for sites without a cluster.
        campaigns: By name.
        unreadable: Campaigns that cannot be read; nothing was done about them.
        launches_swept: Folders of old jobs that were deleted.
        artifacts_swept: Unreferenced stored files that were deleted; not counted in a dry run.
        problem: Why the cluster could not be checked, empty if it was.
    """

    dry_run: bool
    discrepancies: tuple[Discrepancy, ...] = ()
    campaigns: dict[str, ReconciledCampaign] = Field(default_factory=dict)
    unreadable: tuple[UnreadableCampaign, ...] = ()
    launches_swept: int = 0
    artifacts_swept: int = 0
    problem: str = ""

    def describe(self) -> list[str]:
        """Describes the report."""
        lines = [discrepancy.describe(dry_run=self.dry_run) for discrepancy in self.discrepancies]
        for name, campaign in self.campaigns.items():
            lines += campaign.describe(name, self.dry_run)
        lines += [item.describe() for item in self.unreadable]
        if self.launches_swept:
            lines.append(f"folders of old jobs {'to be ' if self.dry_run else ''}deleted: {self.launches_swept}")
        if self.artifacts_swept:
            lines.append(f"unreferenced stored files deleted: {self.artifacts_swept}")
        if self.problem:
            lines.append(f"the cluster could not be checked: {self.problem}")
        return lines or ["everything agrees"]


def reconcile(resources: Resources, names: Sequence[str] | None = None, *, dry_run: bool = False) -> ReconcileReport:
    """Compares and repairs.

    Args:
        names: Campaigns to check; None: all. The cluster is always checked as a whole.
        dry_run: Change nothing; report what would be done.

    Raises:
        NotFoundError: No campaign of a name is stored.
        TransientError: The database does not answer.
    """
    store, cluster = resources.store, resources.cluster()
    if names is not None and (unknown := sorted({*names} - {*store.campaign_names()})):
        raise NotFoundError(f"no campaign {unknown[0]!r} is stored")
    report = ReconcileReport(dry_run=dry_run) if cluster is None else _look_at(cluster, dry_run)
    quiet = _without_filling(resources, cluster)

    def reconciled(name: str) -> tuple[str, ReconciledCampaign]:
        record = store.campaign(name)
        stored_spec(record)
        return name, _reconciled(quiet, record, cluster is not None, dry_run)

    found = list(each_campaign(store, reconciled, names))
    unreadable = tuple(entry for entry in found if isinstance(entry, UnreadableCampaign))
    campaigns = dict(entry for entry in found if not isinstance(entry, UnreadableCampaign))
    artifacts = 0 if dry_run else sweep_artifacts(resources)
    return report.model_copy(update={"campaigns": campaigns, "unreadable": unreadable, "artifacts_swept": artifacts})


def _look_at(cluster: Cluster, dry_run: bool) -> ReconcileReport:
    from tansaku.tasks.backends.launchers.reconciler import Reconciler
    from tansaku.tasks.backends.launchers.retention import sweep_launches

    spec = cluster.spec
    worker = cluster.workers.get(spec.site)
    try:
        filled = worker is not None and worker.alive
        found = Reconciler(spec, cluster.launchpad, cluster.slurm, filled=filled, dry_run=dry_run).run()
        swept = sweep_launches(Path(spec.folder), spec.keep_logs * _DAY, dry_run=dry_run)
    except TransientError as error:
        return ReconcileReport(dry_run=dry_run, problem=error.message)
    return ReconcileReport(
        dry_run=dry_run,
        discrepancies=tuple(found),
        launches_swept=swept,
    )


def _without_filling(resources: Resources, cluster: Cluster | None) -> Resources:
    """Returns resources whose launchers submit nothing."""
    if cluster is None:
        return resources

    def open_launcher(campaign: CampaignSpec) -> Launcher:
        return cluster.launcher(campaign.name, fills=False)

    return replace(resources, open_launcher=open_launcher)


def _reconciled(resources: Resources, record: CampaignRecord, clustered: bool, dry_run: bool) -> ReconciledCampaign:
    if record.deleting or live_lease(record, resources.store.now()) is not None:
        return ReconciledCampaign(driven=not record.deleting)
    store, name = resources.store, record.name
    news = _news(store.evaluations(name), Spool(resources.job_folder(record.id))) if clustered else _News()
    if dry_run:
        return news.expected()
    rebuilt = store.rebuild_observations(name)
    sweep_frozen(Spool(resources.job_folder(record.id)))
    found, problem = ReconciledCampaign(), ""
    if news.any:
        try:
            with CampaignLoop(resources, name) as loop:
                found = _done(loop.collect())
        except TansakuError as error:
            problem = error.message
    return found.model_copy(update={"observations_rebuilt": rebuilt, "problem": problem})


def _done(changed: Sequence[Evaluation]) -> ReconciledCampaign:
    ended = [item for item in changed if item.outcome is not None and item.state is EvaluationState.DONE]
    late = [item for item in changed if any(attempt.late_outcome is not None for attempt in item.attempts)]
    return ReconciledCampaign(
        adopted=_candidates(item for item in ended if item not in late),
        given_up=_candidates(item for item in changed if item not in ended and item not in late),
        aside=_candidates(late),
    )


def _candidates(evaluations: Iterable[Evaluation]) -> tuple[str, ...]:
    return tuple(evaluation.proposal.candidate for evaluation in evaluations)


@dataclass
class _News:
    """Results in the shared folder that are not yet in a campaign's evaluations.

    Attributes:
        finished: Evaluations with a result.
        lost: Evaluations whose job ended without a result.
        late: Evaluations with a result of an attempt that is no longer the current one.
        read: Evaluations whose result was read, but the job not forgotten.
    """

    finished: list[Evaluation] = field(default_factory=list)
    lost: list[Evaluation] = field(default_factory=list)
    late: list[Evaluation] = field(default_factory=list)
    read: list[Evaluation] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether there is something to collect or to forget."""
        return bool(self.finished or self.lost or self.late or self.read)

    def expected(self) -> ReconciledCampaign:
        """Describes what collecting it would do."""
        return ReconciledCampaign(
            adopted=_candidates(self.finished), given_up=_candidates(self.lost), aside=_candidates(self.late)
        )


def _news(evaluations: Sequence[Evaluation], spool: Spool) -> _News:
    news = _News()
    for evaluation in evaluations:
        for attempt in evaluation.attempts:
            if attempt.handle is None:
                continue
            folder, failure = spool.folder(attempt.job_name), attempt.failure
            current = attempt is evaluation.current_attempt and not evaluation.state.terminal
            if (folder / "result.json").exists():
                unread = failure is not None and failure.kind is FailureKind.PLUMBING and attempt.late_outcome is None
                (news.finished if current else news.late if unread else news.read).append(evaluation)
            elif current and evaluation.state in _UNDER_WAY and (not folder.is_dir() or (folder / "lost.json").exists()):
                news.lost.append(evaluation)
    return news
