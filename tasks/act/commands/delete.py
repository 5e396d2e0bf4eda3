"""Permanent deletion of a campaign: its consequences, its preconditions, and the deletion, which can be repeated if killed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import LeaseHeldError, MissingComponentError, StoreError, TransientError
from tansaku.models.domain.identifiers import is_name, printable, short_hash
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Evaluation, Event
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import ACTIVE_STATES, EvaluationState, JobState
from tansaku.models.domain.wording import counted
from tansaku.tasks.act.commands.runs import refuse_driven
from tansaku.tasks.backends.launchers.retention import forget_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.steps.collect import handles_of

ARTIFACT_AGE = 3600.0
"""Artifacts younger than this are kept until the next sweep, because a driver may be about to refer to them [s]."""

DELETION_BEGUN = "deletion.begun"
"""Kind of the event that names who deletes a campaign; it is deleted with the campaign."""

_UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True)
class Deletion:
    """Content of a campaign that its deletion removes.

    Attributes:
        evaluations: All of them, those of the polish included.
        done: Those of them that have a value.
        artifacts: Structures and other files that its evaluations name; those that other campaigns name too stay.
        spool: Folder of its jobs on this machine, None where there is none.
        begun: Whether an earlier deletion was interrupted.
        begun_by: Who began that deletion; empty where it is not stored.
        damage: Why the campaign cannot be read here; whether jobs of it run is then not known. Empty where it can.
    """

    name: str
    evaluations: int
    done: int
    refits: int
    events: int
    artifacts: int
    spool: Path | None
    begun: bool
    begun_by: str = ""
    damage: str = ""

    def describe(self) -> str:
        """Describes what is lost."""
        name = printable(self.name)
        by = f" by {printable(self.begun_by)}" if self.begun_by else ""
        lines = [f"{name}: an earlier deletion{by} was interrupted; what remains:" if self.begun else f"{name}:"]
        if self.damage:
            lines.append(f"  it cannot be read: {self.damage}")
            lines.append("  running jobs cannot be detected; end them first if there are any")
        sizes = [f"{counted(self.evaluations, 'evaluation')}, {self.done} with a value"]
        sizes += [counted(self.refits, "refit"), counted(self.events, "event")]
        lines.append(f"  {'; '.join(sizes)}")
        files = counted(self.artifacts, "stored file")
        lines.append(f"  {files} (structures and the like), unless another campaign refers to them")
        if self.spool is not None:
            lines.append(f"  the folder of its jobs, {self.spool}")
        lines.append("no other copy of these data exists")
        if not self.begun and not self.damage and self.evaluations:
            lines.append(f"to keep the results, first run: tansaku export {self.name} --observations FILE")
        return "\n".join(lines)


def plan_deletion(resources: Resources, name: str) -> Deletion:
    """Returns what deleting a campaign would remove; changes nothing.

    Raises:
        NotFoundError: No campaign of this name is stored.
        LeaseHeldError: A driver is at work on it, or one of its jobs is still running.
    """
    store = resources.store
    begun, begun_by, damage = False, "", ""
    evaluations, damaged = store.readable_evaluations(name)
    try:
        record = store.campaign(name)
        begun = record.deleting
        refuse_driven(record, store.now())
        spec = stored_spec(record)
        if begun:
            begun_by = _begun_by(store, name)
        else:
            _refuse_living_jobs(resources, spec, record.id, evaluations)
    except (LeaseHeldError, TransientError):
        raise
    except (StoreError, MissingComponentError) as error:
        damage = printable(error.message)
    spool, counts = _job_folder(resources, name), store.stored_counts(name)
    outcomes = [evaluation.outcome for evaluation in evaluations if evaluation.outcome is not None]
    return Deletion(
        name=name,
        evaluations=len(evaluations) + len(damaged),
        done=sum(evaluation.state is EvaluationState.DONE for evaluation in evaluations),
        refits=counts["refits"],
        events=counts["events"],
        artifacts=len({sha256 for outcome in outcomes for sha256 in outcome.artifacts.values()}),
        spool=spool if spool is not None and spool.is_dir() else None,
        begun=begun,
        begun_by=begun_by,
        damage=damage,
    )


def _job_folder(resources: Resources, name: str) -> Path | None:
    """Folder of a campaign's jobs; None for an id that none of our campaigns can have, which may hold a path."""
    identifier = resources.store.campaign_id(name)
    return resources.job_folder(identifier) if is_name(identifier) else None


def delete_campaign(resources: Resources, actor: Actor, name: str) -> int:
    """Deletes a campaign with all that belongs to it; killed at any moment, it is finished by being called again.

    The mark comes first and the campaign itself last, so that its name is never taken while something of it is left.

    Args:
        actor: Who deletes it; an interrupted deletion names them when it is continued.

    Returns:
        Number of stored files that were deleted because nothing names them any more.

    Raises:
        LeaseHeldError: A driver is at work on it.
        StoreError: The folder of its jobs cannot be deleted.
    """
    resources.store.begin_deletion(name)
    identifier = resources.store.campaign_id(name)
    resources.store.append_event(_begun_event(identifier, actor))
    spool = _job_folder(resources, name)
    try:
        if spool is not None and spool.is_dir():
            shutil.rmtree(spool)
    except OSError as error:
        raise StoreError(
            f"{spool} cannot be deleted: {error.strerror}", hint="run the same command again to continue"
        ) from error
    shared = resources.site.launcher.shared_folder
    if shared is not None and spool is not None:
        forget_campaign(Path(shared), identifier)
    resources.store.delete_campaign(name)
    return sweep_artifacts(resources, ARTIFACT_AGE)


def _begun_event(campaign: str, actor: Actor) -> Event:
    return Event(
        id=short_hash([campaign, DELETION_BEGUN]), campaign=campaign, kind=DELETION_BEGUN, at=utc_now(), data={"by": str(actor)}
    )


def _begun_by(store: CampaignStore, name: str) -> str:
    """Returns who began the deletion of a campaign; empty where that is not stored, as by older versions."""
    return next((str(event.data["by"]) for event in store.events(name) if event.kind == DELETION_BEGUN), "")


def _refuse_living_jobs(resources: Resources, spec: CampaignSpec, identifier: str, evaluations: list[Evaluation]) -> None:
    handles = handles_of([evaluation for evaluation in evaluations if evaluation.state in ACTIVE_STATES])
    if not handles:
        return
    launcher = resources.launcher(spec, identifier)
    alive = sum(status.state in _UNDER_WAY for status in launcher.poll(handles))
    if alive:
        raise LeaseHeldError(
            f"campaign {spec.name!r} has {alive} jobs that are queued or running",
            hint=f"end them first: tansaku cancel {spec.name}",
        )


_ORPHAN_AGE = 86400.0
"""Artifacts younger than this may still be added to an outcome [s]."""


def sweep_artifacts(resources: Resources, older_than: float = _ORPHAN_AGE) -> int:
    """Deletes artifacts that no evaluation, transfer, data set or model refers to, and that is not in the library.

    References in damaged records count too.

    Args:
        older_than: Younger ones stay [s].

    Returns:
        How many were deleted.
    """
    referenced = chain(
        resources.store.named_artifacts(), resources.registry.named_artifacts(), resources.library.named_artifacts()
    )
    return resources.artifacts.sweep(referenced, older_than=older_than)
