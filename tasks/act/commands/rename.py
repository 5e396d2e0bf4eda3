"""Renames a stored campaign and everything that refers to it by name."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from tansaku.models.domain.errors import ConfigurationError, LeaseHeldError, StoreError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Evaluation, Event, JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.transfer import CampaignSourceSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.act.commands.actor import Actor
from tansaku.tasks.act.commands.copy import check_new_name
from tansaku.tasks.act.commands.runs import refuse_driven
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import refuse_reserved, stored_spec
from tansaku.tasks.backends.stores.documents import utc_now
from tansaku.tasks.backends.stores.renamed_models import following, names_models
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.loop.driver.lease import take_lease
from tansaku.tasks.loop.ledger.observer import SilentObserver
from tansaku.tasks.node.configuration.campaign_files import apply_edits, spec_hash

RENAMED = "renamed"
"""Kind of the event that says which name a campaign had before."""

_HASHED_KEY = "execution.polish"
"""The editable key that the hash of a spec depends on."""

_WITH_JOBS = (EvaluationState.SUBMITTING, EvaluationState.SUBMITTED, EvaluationState.RUNNING)


@dataclass(frozen=True)
class Renamed:
    """A change of a name.

    Attributes:
        record: The campaign under its new name.
        followers: Campaigns that learn from it or whose pre-screening begins with its model: their specs name it.
    """

    record: CampaignRecord
    followers: tuple[str, ...]


def rename_campaign(resources: Resources, actor: Actor, old: str, new: str) -> Renamed:
    """Gives a campaign another name; killed at any moment, it is finished by being called again.

    The campaign stays the same one: its results, its history and the time of its creation do not change. Its evaluations,
    observations, fits, trainings and audit, the requests, schedules, data sets and transfer sources that name it, and the
    models that it trained under its name, get the new name. These keep the old one: models that the campaign file names,
    models of the same name that somebody else trained, the record of pre-screening in other campaigns, and the dashboard's
    audit.

    Args:
        resources: Store, artifacts, registry and site.
        actor: Who renames it.
        old: Its name.
        new: Its new name.

    Raises:
        NotFoundError: No campaign of this name is stored.
        LeaseHeldError: A driver is at work on it, or on a campaign that learns from it, or it has jobs.
        ConfigurationError: The new name is taken or invalid, or a data set depends on the old one.
        StoreError: The campaign, or one that learns from it, is being deleted or cannot be read.
    """
    store = resources.store
    record = store.campaign(old)
    labels = _moved_labels(resources, record, new)
    followers = _followers(store, old, labels)
    if record.renaming != new:
        _refuse_taken_models(resources, old, new, labels)
        record = _begin(resources, record, new, followers)
    renamed = _under(record, new, store.campaign(new).spec_hash)
    for name in followers:
        _point_to(store, name, (old, new), labels)
    resources.requests.rename_campaign(old, new, record.created_at)
    resources.schedules.rename_campaign(old, new, record.created_at)
    resources.registry.rename_campaign(old, new, models=names_models(record.spec))
    store.append_event(_event(renamed, old, actor))
    _move_folder(resources, old, new)
    store.finish_rename(old, renamed)
    return Renamed(store.campaign(new), tuple(followers))


def _begin(resources: Resources, record: CampaignRecord, new: str, followers: list[str]) -> CampaignRecord:
    """Checks everything, then marks the campaign."""
    store, old = resources.store, record.name
    refuse_reserved(record)
    if not _is_reserved_for(store, new, old):
        check_new_name(store, new)
    _refuse_data_set(resources, old)
    for name in followers:
        refuse_reserved(follower := store.campaign(name))
        refuse_driven(follower, store.now())
    at_once = threading.Event()
    at_once.set()  # a driver that may be alive is not waited for
    lease = take_lease(store, old, this_driver(), resources.site.timing, SilentObserver(), at_once)
    try:
        _refuse_jobs(stored_spec(record), store.evaluations(old))
        record = store.campaign(old)
        spec = CampaignSpec.model_validate(record.spec | {"name": new})
        store.begin_rename(lease, _under(record, new, _hash_at_creation(store, old, spec)))
    except BaseException:
        store.release_lease(lease)
        raise
    return store.campaign(old)


def _is_reserved_for(store: CampaignStore, new: str, old: str) -> bool:
    """Returns whether an earlier, interrupted call has reserved the new name for this campaign."""
    return new in store.campaign_names() and store.campaign(new).renaming == old


def _hash_at_creation(store: CampaignStore, name: str, spec: CampaignSpec) -> str:
    """Hash of a changed spec of a campaign as if it had been created with it: edits since do not count.

    Args:
        store: Holds the campaign's audit.
        name: Its present name.
        spec: The changed spec, with all edits.
    """
    for event in store.events(name, kind="edited"):
        for change in event.data["changes"]:
            if change["key"] == _HASHED_KEY:
                return spec_hash(apply_edits(spec, {_HASHED_KEY: change["old"]}))
    return spec_hash(spec)


def _under(record: CampaignRecord, new: str, new_hash: str) -> CampaignRecord:
    """The campaign under its new name, without a driver."""
    spec: JsonDict = record.spec | {"name": new}
    update = {
        "name": new,
        "spec": spec,
        "spec_hash": new_hash,
        "lease": None,
        "runtime": {},
        "renaming": None,
        "former_names": (*record.former_names, record.name),
    }
    return record.model_copy(update=update)


def _refuse_jobs(spec: CampaignSpec, evaluations: list[Evaluation]) -> None:
    jobs = [] if spec.manual else [evaluation for evaluation in evaluations if evaluation.state in _WITH_JOBS]
    if jobs:
        raise LeaseHeldError(
            f"campaign {spec.name!r} has {len(jobs)} evaluations whose jobs are known by its name",
            hint=f"wait until they end (tansaku pause {spec.name}, then tansaku resume {spec.name}), or cancel the campaign",
        )


def _refuse_data_set(resources: Resources, name: str) -> None:
    """A data set has the name of the campaign that computes it: the next build would compute all of it again."""
    of_name = [
        dataset for dataset in resources.registry.datasets(name) if dataset.spec.get("source", {}).get("type") == "computed"
    ]
    if of_name:
        raise ConfigurationError(
            f"campaign {name!r} computes the data set of its name, which would compute everything again under another one",
            hint="copy it instead: tansaku copy",
        )


def _moved_labels(resources: Resources, record: CampaignRecord, new: str) -> dict[str, str]:
    """New labels of the models that follow a campaign, by their old ones; empty once the registry has renamed them."""
    if not names_models(record.spec):
        return {}
    registry = resources.registry
    found = following(registry.readable_datasets()[0], registry.readable_models()[0], record.name, new)
    return {before.label: after.label for before, after in found.models}


def _refuse_taken_models(resources: Resources, old: str, new: str, labels: Mapping[str, str]) -> None:
    if labels and any(model.name == new for model in resources.registry.readable_models()[0]):
        raise ConfigurationError(
            f"models named {new!r} are stored already, and those of campaign {old!r} would get this name",
            hint="choose another name",
        )


def _followers(store: CampaignStore, old: str, labels: Mapping[str, str]) -> list[str]:
    """Campaigns whose transfer names a campaign, or whose pre-screening begins with one of its models."""
    found = []
    for name in store.campaign_names():
        try:
            spec = store.campaign(name).spec
            transfer, look = spec.get("transfer") or {}, spec.get("first_look") or {}
            named = {source.get("name") for source in transfer.get("sources", ()) if source.get("type") == "campaign"}
            looks = look.get("model") in labels
        except (StoreError, AttributeError, TypeError):
            continue  # damaged: nothing can be changed in it
        if name != old and (old in named or looks):
            found.append(name)
    return found


def _point_to(store: CampaignStore, name: str, names: tuple[str, str], labels: Mapping[str, str]) -> None:
    """Writes the new name, and new labels of models, into the spec of another campaign.

    Args:
        store: Holds it.
        name: The other campaign.
        names: Old and new name of the one that is renamed.
        labels: New labels of its models by their old ones.
    """
    old, new = names
    record = store.campaign(name)
    changed = CampaignSpec.model_validate(record.spec)
    if changed.transfer is not None:
        sources = tuple(
            source.model_copy(update={"name": new}) if isinstance(source, CampaignSourceSpec) and source.name == old else source
            for source in changed.transfer.sources
        )
        changed = changed.model_copy(update={"transfer": changed.transfer.model_copy(update={"sources": sources})})
    look = changed.first_look
    if look is not None and look.model is not None and look.model in labels:
        changed = changed.model_copy(update={"first_look": look.model_copy(update={"model": labels[look.model]})})
    store.replace_spec(name, record.spec_hash, changed.model_dump(mode="json"), _hash_at_creation(store, name, changed))


def _event(renamed: CampaignRecord, old: str, actor: Actor) -> Event:
    return Event(
        id=short_hash([renamed.name, RENAMED, renamed.created_at.isoformat(), len(renamed.former_names)]),
        campaign=renamed.name,
        kind=RENAMED,
        at=utc_now(),
        data={"from": old, "to": renamed.name, "by": str(actor)},
    )


def _move_folder(resources: Resources, old: str, new: str) -> None:
    """Moves the folder of its jobs on this machine; all of them are over."""
    before, after = resources.job_folder(old), resources.job_folder(new)
    if not before.is_dir() or after.exists():
        return
    try:
        before.rename(after)
    except OSError as error:
        raise StoreError(f"{before} cannot be moved: {error.strerror}", hint="repeat the command to continue") from error
