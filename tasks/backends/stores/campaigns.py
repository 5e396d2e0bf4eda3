"""Transitions of a campaign record: pure functions shared by all stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from tansaku import __version__
from tansaku.models.domain.errors import (
    ConfigurationError,
    FencedError,
    LeaseHeldError,
    NotFoundError,
    OvertakenError,
    StoreError,
)
from tansaku.models.domain.identifiers import short_hash, shown
from tansaku.models.domain.measurements import Reported, attachments_of, reports_of
from tansaku.models.domain.records import CampaignRecord, Command, Event, JsonDict, Lease, Steerer, StopDecision
from tansaku.models.domain.specs.campaign import CampaignSpec, ObjectiveSpec
from tansaku.tasks.backends.stores.documents import problems_of
from tansaku.tasks.node.configuration.campaign_files import apply_edits

Counter = Literal["last_refit", "last_retrain", "last_retrain_end"]


def check_lease(record: CampaignRecord, lease: Lease) -> None:
    """Raises FencedError when the lease is of an older epoch than the campaign."""
    if record.epoch != lease.epoch:
        holder = "nobody" if record.lease is None else f"{record.lease.owner.host}:{record.lease.owner.pid}"
        raise FencedError(
            f"campaign {record.name!r} was taken over by {holder} (epoch {record.epoch}, this driver has {lease.epoch}); "
            "nothing was written"
        )


def with_number(record: CampaignRecord, lease: Lease, number: int) -> CampaignRecord:
    """Returns the record with proposal ``number`` committed; the same object if it already was.

    Raises:
        StoreError: The number does not follow the last one.
    """
    check_lease(record, lease)
    if number <= record.last_number:
        return record
    if number != record.last_number + 1:
        raise StoreError(f"campaign {record.name!r}: proposal {number} does not follow proposal {record.last_number}")
    return record.model_copy(update={"last_number": number})


def with_step(record: CampaignRecord, lease: Lease, counter: Counter, number: int) -> CampaignRecord:
    """Returns the record with a numbered step (refit, retrain or its end) committed; the same object if it already was.

    Args:
        counter: Which kind of step.

    Raises:
        StoreError: The number does not follow the last one.
    """
    check_lease(record, lease)
    last: int = getattr(record, counter)
    if number <= last:
        return record
    if number != last + 1:
        what = counter.removeprefix("last_").replace("_", " ")
        raise StoreError(f"campaign {record.name!r}: {what} {number} does not follow {what} {last}")
    return record.model_copy(update={counter: number})


def with_runtime(record: CampaignRecord, lease: Lease, runtime: JsonDict) -> CampaignRecord:
    """Returns the record with this driver's helper processes."""
    check_lease(record, lease)
    return record if record.runtime == runtime else record.model_copy(update={"runtime": runtime})


def with_stop(record: CampaignRecord, lease: Lease, stop: StopDecision | None) -> CampaignRecord:
    """Returns the record with the reason why its search has ended; None: it continues."""
    check_lease(record, lease)
    return record if record.stop == stop else record.model_copy(update={"stop": stop})


def with_command(record: CampaignRecord, command: Command, after: int | None = None) -> CampaignRecord:
    """Returns the record with one more command; the same object if the id is known.

    Args:
        after: As of ``CampaignStore.add_command``.

    Raises:
        OvertakenError: More commands of its kind are stored.
    """
    if any(known.id == command.id for known in record.commands):
        return record
    if after is not None and sum(known.kind == command.kind for known in record.commands) > after:
        raise OvertakenError(f"campaign {record.name!r}: another {command.kind} was stored meanwhile; try again")
    return record.model_copy(update={"commands": (*record.commands, command)})


def with_command_applied(
    record: CampaignRecord, lease: Lease, command_id: str, at_number: int, spec: JsonDict | None
) -> CampaignRecord:
    """Returns the record with a command applied and the resulting spec; the same object if it was applied before.

    Raises:
        NotFoundError: No command of this id.
    """
    check_lease(record, lease)
    known = next((command for command in record.commands if command.id == command_id), None)
    if known is None:
        raise NotFoundError(f"campaign {record.name!r} has no command {command_id!r}")
    if known.applied_at_number is not None:
        return record
    commands = tuple(
        command.model_copy(update={"applied_at_number": at_number}) if command.id == command_id else command
        for command in record.commands
    )
    return record.model_copy(update={"commands": commands} | ({} if spec is None else {"spec": spec}))


def with_deletion(record: CampaignRecord, now: datetime) -> CampaignRecord:
    """Returns the record marked for deletion: without a driver, and with an epoch that fences the previous one.

    Raises:
        LeaseHeldError: A live driver owns it.
    """
    if record.lease is not None and record.lease.expires_at > now:
        raise lease_held(record.name, record.lease, now)
    return record.model_copy(update={"deleting": True, "lease": None, "epoch": record.epoch + 1})


def refuse_reserved(record: CampaignRecord) -> None:
    """Raises StoreError when the deletion of a campaign has begun."""
    if record.deleting:
        raise StoreError(
            f"campaign {record.name!r} is being deleted, and its deletion was interrupted",
            hint=f"`tansaku delete {record.name}` finishes it and frees the name",
        )


def driven_until(record: CampaignRecord, now: datetime) -> float:
    """Returns the time that drivers have had a campaign, the present one included [s]."""
    lease = record.lease
    if lease is None or lease.counted_at is None:
        return record.driven
    return record.driven + max(0.0, (min(now, lease.expires_at) - lease.counted_at).total_seconds())


def with_name(record: CampaignRecord, new: str, now: datetime) -> CampaignRecord:
    """Returns the record under another name: without a driver, and with an epoch that fences the previous one.

    Raises:
        LeaseHeldError: A live driver owns it.
        StoreError: It is being deleted.
    """
    if record.name == new:
        return record
    refuse_reserved(record)
    if record.lease is not None and record.lease.expires_at > now:
        raise lease_held(record.name, record.lease, now)
    return record.model_copy(
        update={
            "name": new,
            "spec": record.spec | {"name": new},
            "former_names": (*record.former_names, record.name),
            "lease": None,
            "epoch": record.epoch + 1,
        }
    )


def name_taken(name: str) -> StoreError:
    """Returns the error for a new name that another campaign has."""
    return StoreError(f"campaign {name!r} is stored already", hint="choose another name, or delete that campaign first")


def with_base_path(record: CampaignRecord, base_path: str, now: datetime) -> CampaignRecord:
    """Returns the record with another folder for its relative paths; the same object if it has it already.

    Raises:
        LeaseHeldError: A live driver owns it.
    """
    if record.base_path == base_path:
        return record
    if record.lease is not None and record.lease.expires_at > now:
        raise lease_held(record.name, record.lease, now)
    return record.model_copy(update={"base_path": base_path})


def with_shares(record: CampaignRecord, users: tuple[Steerer, ...]) -> CampaignRecord:
    """Returns the record shared with other users; the same object if it is already."""
    return record if record.shared_with == users else record.model_copy(update={"shared_with": users})


def lease_held(name: str, lease: Lease, now: datetime) -> LeaseHeldError:
    """Returns the error that names the driver of the campaign, its start and the expiry of its lease."""
    owner = lease.owner
    remaining = (lease.expires_at - now).total_seconds()
    return LeaseHeldError(
        f"campaign {name!r} is driven by {owner.user}@{owner.host} (process {owner.pid}) since "
        f"{lease.acquired_at.isoformat(timespec='seconds')}; its lease runs for another {max(remaining, 0.0):.1f} s",
        hint="wait until it ends or is stopped; a dead driver is replaced when its lease expires",
        remaining=max(remaining, 0.0),
    )


def released(record: CampaignRecord) -> FencedError:
    """Returns the error for a lease that was released."""
    return FencedError(f"the lease of campaign {record.name!r} (epoch {record.epoch}) was released; nothing was written")


def just_released(name: str) -> LeaseHeldError:
    """Returns the error for a lease that was held when requested, but has been released since."""
    return LeaseHeldError(f"campaign {name!r} was driven by another process a moment ago", hint="try again")


def lease_event(lease: Lease) -> Event:
    """Returns the audit event of a takeover."""
    owner = lease.owner
    return Event(
        id=short_hash([lease.campaign, "lease", lease.epoch]),
        campaign=lease.campaign,
        kind="lease.acquired",
        at=lease.acquired_at,
        data={"epoch": lease.epoch, "host": owner.host, "pid": owner.pid, "user": owner.user},
    )


def command_event(campaign: str, command: Command) -> Event:
    """Returns the audit event of a user's command.

    Args:
        campaign: Id of the campaign.
    """
    return Event(
        id=short_hash([campaign, "command", command.id]),
        campaign=campaign,
        kind=f"command.{command.kind}",
        at=command.created_at,
        data={"command": command.id, "user": command.user, "payload": command.payload},
    )


def applied_event(campaign: str, command_id: str, at_number: int, at: datetime) -> Event:
    """Returns the audit event of a command that took effect."""
    return Event(
        id=short_hash([campaign, "applied", command_id]),
        campaign=campaign,
        kind="command.applied",
        at=at,
        data={"command": command_id, "at_number": at_number},
    )


def objective_unit(spec: JsonDict) -> str:
    """Unit of a campaign's values."""
    return ObjectiveSpec.model_validate(spec.get("objective", {})).unit


def stored_spec(record: CampaignRecord) -> CampaignSpec:
    """The spec of a stored campaign.

    Raises:
        StoreError: It cannot be read: it is damaged, of a newer version, or needs a plug-in.
    """
    try:
        return _with_reports(CampaignSpec.model_validate(record.spec), record.commands)
    except ValidationError as error:
        by = f"it was stored by tansaku {record.tansaku_version}, this is {__version__}; " * (
            record.tansaku_version != __version__
        )
        raise StoreError(
            f"the stored spec of campaign {record.name!r} is not valid in this version: {problems_of(error)}",
            hint=f"{by}install the version or plug-in that supports it, or restore a dump of the database",
        ) from error


def awaited_spec(record: CampaignRecord) -> CampaignSpec:
    """The spec of a stored campaign with the edits that no driver has applied yet.

    Raises:
        StoreError: It cannot be read.
    """
    spec = stored_spec(record)
    for command in record.commands:
        if command.kind == "edit" and command.applied_at_number is None:
            with suppress(ConfigurationError):  # the driver refuses it too
                spec = apply_edits(spec, command.payload)
    return spec


def _with_reports(spec: CampaignSpec, commands: Iterable[Command]) -> CampaignSpec:
    """The spec with what reports described, also those that no driver has applied yet."""
    reports = _reports(commands)
    rows = {item.off_pool.id: item.off_pool.model_dump(mode="json") for item in reports if item.off_pool is not None}
    numbers = _numbers(reports)
    if not rows and not numbers:
        return spec
    space = spec.space.with_off_pool(list(rows.values())).with_described(numbers)
    return spec.model_copy(update={"space": space})


def new_reports(
    record: CampaignRecord, spec: CampaignSpec, known: CampaignRecord | None, path: Path
) -> tuple[tuple[Command, ...], CampaignSpec]:
    """Commands of a file that describe candidates or attach files and are not stored; the spec with these and the stored ones.

    Args:
        known: As it is stored; None: not at all.
        path: The file, for messages.

    Raises:
        StoreError: A report is malformed, describes what this space cannot take, or gives another number than a stored report.
    """
    stored = () if known is None else known.commands
    ids = {command.id for command in stored}
    try:
        attachments_of(record.commands)
        found = tuple(
            command
            for command in record.commands
            if command.id not in ids
            and (command.kind == "attach" or any(item.off_pool or item.descriptors for item in _reports([command])))
        )
    except ValidationError as error:
        raise StoreError(f"{path}: a report of values is malformed: {problems_of(error)}") from error
    if found and not spec.manual:
        raise StoreError(f"{path}: command {shown(found[0].id)} reports values; those of this campaign are computed")
    if not spec.space.prices and any(item.descriptors for item in _reports(found)):
        raise StoreError(f"{path} reports descriptors; no column of this campaign's space has a price")
    if "off_pool" not in type(spec.space).model_fields and any(item.off_pool for item in _reports(found)):
        raise StoreError(f"{path} reports candidates that the space does not list; a space {spec.space.type} takes none")
    here, there = _numbers(_reports(stored)), _numbers(_reports(record.commands))
    for candidate, own in there.items():
        for column, number in own.items():
            if here.get(candidate, {}).get(column, number) != number:
                raise StoreError(
                    f"{path}: {shown(column)} of candidate {shown(candidate)} is {number:g}, "
                    f"stored is {here[candidate][column]:g}"
                )
    return found, _with_reports(spec, (*stored, *found))


def _numbers(reports: Iterable[Reported]) -> dict[str, dict[str, float]]:
    """Reported descriptors by candidate and column; the last report counts."""
    numbers: dict[str, dict[str, float]] = {}
    for report in reports:
        if report.descriptors:
            numbers.setdefault(report.candidate, {}).update(report.descriptors)
    return numbers


def _reports(commands: Iterable[Command]) -> Sequence[Reported]:
    return [report for command in commands if command.kind == "tell" for report in reports_of(command.payload)]
