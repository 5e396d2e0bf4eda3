"""Additions of people's reports to a campaign's space: candidates that it does not list, and measured descriptors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.measurements import Reported, reports_of
from tansaku.models.domain.records import CampaignRecord, Command, JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.backends.stores.documents import problems_of


def with_reports(spec: CampaignSpec, commands: Iterable[Command]) -> CampaignSpec:
    """The spec with what reports described, also those that no driver has applied yet.

    Args:
        spec: As the user wrote it.
        commands: Of the campaign.

    Raises:
        ValidationError: A report is malformed.
    """
    rows: dict[str, JsonDict] = {}
    for report in _reports(commands):
        if report.off_pool is not None:
            rows[report.off_pool.id] = report.off_pool.model_dump(mode="json")
    numbers = _numbers(commands)
    if not rows and not numbers:
        return spec
    space = spec.space.with_off_pool(list(rows.values())).with_described(numbers)
    return spec.model_copy(update={"space": space})


def new_reports(
    record: CampaignRecord, spec: CampaignSpec, known: CampaignRecord | None, path: Path
) -> tuple[tuple[Command, ...], CampaignSpec]:
    """Commands of a file that describe candidates and are not stored, and the spec with these and the stored ones.

    Args:
        known: As it is stored; None: not at all.
        path: The file, for messages.

    Raises:
        StoreError: A report is malformed, describes what this space cannot take, or gives another number than a stored report.
    """
    stored = () if known is None else known.commands
    ids = {command.id for command in stored}
    try:
        found = tuple(
            command
            for command in record.commands
            if command.id not in ids and any(item.off_pool or item.descriptors for item in _reports([command]))
        )
    except ValidationError as error:
        raise StoreError(f"{path}: a report of values is malformed: {problems_of(error)}") from error
    if found and not spec.manual:
        raise StoreError(f"{path}: command {shown(found[0].id)} reports values; those of this campaign are computed")
    if not spec.space.prices and any(item.descriptors for item in _reports(found)):
        raise StoreError(f"{path} reports descriptors; no column of this campaign's space has a price")
    if "off_pool" not in type(spec.space).model_fields and any(item.off_pool for item in _reports(found)):
        raise StoreError(f"{path} reports candidates that the space does not list; a space {spec.space.type} takes none")
    here, there = _numbers(stored), _numbers(record.commands)
    for candidate, own in there.items():
        for column, number in own.items():
            if here.get(candidate, {}).get(column, number) != number:
                raise StoreError(
                    f"{path}: {shown(column)} of candidate {shown(candidate)} is {number:g}, "
                    f"stored is {here[candidate][column]:g}"
                )
    return found, with_reports(spec, (*stored, *found))


def _numbers(commands: Iterable[Command]) -> dict[str, dict[str, float]]:
    """Reported descriptors by candidate and column; the last report counts."""
    numbers: dict[str, dict[str, float]] = {}
    for report in _reports(commands):
        if report.descriptors:
            numbers.setdefault(report.candidate, {}).update(report.descriptors)
    return numbers


def _reports(commands: Iterable[Command]) -> Sequence[Reported]:
    return [report for command in commands if command.kind == "tell" for report in reports_of(command.payload)]
