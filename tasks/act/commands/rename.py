"""Gives a stored campaign another name."""

from __future__ import annotations

import threading

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Event
from tansaku.tasks.act.commands.copy import check_new_name
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import refuse_reserved
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.loop.driver.lease import take_lease
from tansaku.tasks.loop.ledger.observer import Observer

RENAMED = "renamed"
"""Kind of the event that says which name a campaign had before."""


def rename_campaign(resources: Resources, actor: Actor, old: str, new: str) -> CampaignRecord:
    """Gives a campaign another name; killed at any moment, it is finished by being called again.

    The name is a title: everything that belongs to the campaign refers to it by its id. Requests and schedules, which name it,
    get the new name. The old one stays where it is history: in the names of the models that it trained, in the specs and
    results of campaigns that learn from it or adopted its results, and in the dashboard's audit.

    Args:
        resources: Store, registry, requests, schedules and site.

    Raises:
        NotFoundError: No campaign of this name is stored.
        LeaseHeldError: A driver is at work on it.
        ConfigurationError: The new name is taken or invalid, or a data set depends on the old one.
        StoreError: The campaign is being deleted or cannot be read.
    """
    store = resources.store
    record = renamed(store, old, new)
    if record is None:
        refuse_reserved(store.campaign(old))
        check_new_name(store, new)
        _refuse_data_set(resources, old)
        at_once = threading.Event()
        at_once.set()  # a driver that may be alive is not waited for
        store.release_lease(take_lease(store, old, this_driver(), resources.site.timing, Observer(), at_once))
        record = store.rename_campaign(old, new)
    resources.requests.rename_campaign(old, new, record.created_at)
    resources.schedules.rename_campaign(old, new, record.created_at)
    store.append_event(
        Event(
            id=short_hash([record.id, RENAMED, len(record.former_names)]),
            campaign=record.id,
            kind=RENAMED,
            at=utc_now(),
            data={"from": old, "to": new, "by": str(actor)},
        )
    )
    return record


def renamed(store: CampaignStore, old: str, new: str) -> CampaignRecord | None:
    """The campaign if it has the new name already and the old name is free; else None."""
    names = store.campaign_names()
    if old in names or new not in names:
        return None
    found = store.campaign(new)
    return found if found.former_names[-1:] == (old,) else None


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
