"""Requests to a stored campaign that its driver applies from the next proposal on: pause, resume, cancel, retry, rerun, edit.

A request is stored with the campaign. The driver reads it before the next proposal (``tasks/loop/steps/apply_commands.py``): an
edit changes its spec, ``retry`` and ``rerun`` begin evaluations, and ``pause`` and ``cancel`` hold until a later ``resume``
(``Ledger.paused``, ``Ledger.cancelled``).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import FieldError, NotFoundError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Command, JsonDict
from tansaku.models.domain.states import CampaignState
from tansaku.models.domain.verbs import VERBS, SteeringKind, repeated
from tansaku.tasks.backends.stores.campaigns import awaited_spec
from tansaku.tasks.node.configuration.campaign_files import Difference, apply_edits, diff_specs
from tansaku.tasks.read.views.status import campaign_status, live_lease


@dataclass(frozen=True)
class Requested:
    """A stored request.

    Attributes:
        campaign: Name of the campaign.
        has_driver: Whether a driver runs that will apply the request. Without one, it takes effect with the next resume.
        command: As stored.
        new: Whether it was stored by this call; else an earlier one asked for the same.
    """

    campaign: str
    has_driver: bool
    command: Command
    new: bool = True


def request(
    store: CampaignStore,
    actor: Actor,
    name: str,
    kind: SteeringKind,
    candidates: Sequence[str] = (),
    identifier: str | None = None,
) -> Requested:
    """Stores a request to pause, resume, cancel, retry or rerun.

    Args:
        candidates: For ``retry`` and ``rerun``: ids of the candidates; empty, for ``retry``: all failed and cancelled ones.
        identifier: Id of the request; storing it twice has the effect of storing it once. None: a new one.

    Raises:
        NotFoundError: No campaign of this name is stored, or it has no evaluation of a candidate.
        FieldError: It is for named candidates alone, and none is named.
        StateError: The request does not apply to a campaign in this state.
        StoreError: This version cannot read the campaign, so no driver could apply the request.
    """
    record = store.campaign(name)
    earlier = find_earlier(store, record, kind, lambda: campaign_status(store, name).state)
    return earlier or store_request(store, actor, record, kind, candidates, identifier)


def find_earlier(
    store: CampaignStore, record: CampaignRecord, kind: SteeringKind, find_state: Callable[[], CampaignState]
) -> Requested | None:
    """Returns the request that asked for the same before, where the same again changes nothing.

    Args:
        find_state: Finds out the campaign's state; called only where the record does not tell enough.

    Raises:
        StateError, StoreError: As of :func:`request`.
    """
    awaited_spec(record)  # a campaign that cannot be read here has no driver that could apply the request
    driven = live_lease(record, store.now()) is not None
    command = repeated(record, kind, driven=driven, find_state=find_state)
    return None if command is None else Requested(record.name, driven, command, new=False)


def store_request(
    store: CampaignStore,
    actor: Actor,
    record: CampaignRecord,
    kind: SteeringKind,
    candidates: Sequence[str] = (),
    identifier: str | None = None,
) -> Requested:
    """Stores a request that :func:`find_earlier` has judged; arguments and errors as of :func:`request`."""
    if candidates:
        _check_candidates(store, record.name, candidates)
    elif VERBS[kind].argument == "candidates":
        raise FieldError("candidates", f"none is named; expected ids of those that {kind} is for")
    payload: JsonDict = {"candidates": list(candidates)} if candidates else {}
    return _store(store, actor, record, kind, payload, identifier)


def plan_edit(store: CampaignStore, name: str, changes: JsonDict) -> list[Difference]:
    """The changes that an edit would make.

    Args:
        changes: New values by key, for example ``{"budget.evaluations": 500}``.

    Raises:
        NotFoundError: No campaign of this name is stored.
        ConfigurationError: A key cannot be edited, or its value is not valid.
    """
    awaited = awaited_spec(store.campaign(name))
    return diff_specs(awaited, apply_edits(awaited, changes))


def request_edit(
    store: CampaignStore, actor: Actor, name: str, changes: JsonDict, identifier: str | None = None
) -> Requested | None:
    """Stores an edit of budget, stop rule, in_flight, timeout or retries; None where it would change nothing.

    Args:
        changes: New values by key, for example ``{"budget.evaluations": 500}``.
        identifier: Id of the request; storing it twice has the effect of storing it once. None: a new one.

    Raises:
        NotFoundError: No campaign of this name is stored.
        ConfigurationError: A key cannot be edited, or its value is not valid.
    """
    if not plan_edit(store, name, changes):
        return None
    return _store(store, actor, store.campaign(name), "edit", changes, identifier)


def _store(
    store: CampaignStore, actor: Actor, record: CampaignRecord, kind: SteeringKind, payload: JsonDict, identifier: str | None
) -> Requested:
    awaited_spec(record)  # a campaign that cannot be read here has no driver that could apply the request
    command = Command(
        id=identifier or f"{kind}-{uuid.uuid4().hex}",
        kind=kind,
        payload=payload,
        user=actor.name,
        created_at=datetime.now(UTC),
    )
    store.add_command(record.name, command)
    return Requested(record.name, live_lease(record, store.now()) is not None, command)


def _check_candidates(store: CampaignStore, name: str, candidates: Sequence[str]) -> None:
    known = {evaluation.proposal.candidate for evaluation in store.evaluations(name)}
    for candidate in candidates:
        if candidate not in known:
            raise NotFoundError(f"campaign {name!r} has no evaluation of candidate {candidate!r}")
