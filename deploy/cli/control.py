"""`tansaku pause` and `edit`: requests that the driver applies from the next proposal on."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened

if TYPE_CHECKING:
    from tansaku.models.domain.ports import CampaignStore
    from tansaku.models.domain.records import CampaignRecord, CommandKind, JsonDict


def store_command(store: CampaignStore, name: str, kind: CommandKind, payload: JsonDict | None = None) -> CampaignRecord:
    """Stores a user's command.

    Returns:
        The campaign before the command, which shows whether a driver will see the command soon.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: This version cannot read the campaign, so no driver could apply the command.
    """
    from tansaku.models.domain.records import Command
    from tansaku.tasks.overview import stored_spec
    from tansaku.tasks.users import user_name

    record = store.campaign(name)
    stored_spec(record)
    store.add_command(
        name,
        Command(
            id=f"{kind}-{uuid.uuid4().hex}",
            kind=kind,
            payload=payload or {},
            user=user_name(),
            created_at=datetime.now(UTC),
        ),
    )
    return record


def say_stored(record: CampaignRecord, what: str) -> None:
    """Prints what was stored and when it takes effect."""
    from tansaku.tasks.progress import live_lease

    if live_lease(record) is not None:
        say(f"{record.name}: {what}; the driver applies it before the next proposal")
    else:
        say(f"{record.name}: {what}; no driver is running, it takes effect with the next `tansaku resume {record.name}`")


def pause(name: NameArgument, site: SiteOption = None) -> None:
    """Stops proposing candidates; running evaluations finish and are kept."""
    with opened(site) as resources:
        say_stored(store_command(resources.store, name, "pause"), "pause stored")


def _assignments(changes: list[str]) -> JsonDict:
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.yaml_text import parse_yaml

    payload: JsonDict = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"{change!r}: expected KEY=VALUE, e.g. budget.evaluations=500")
        payload[key] = parse_yaml(value, change).data
    return payload


def edit(
    name: NameArgument,
    changes: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE...", help="e.g. budget.evaluations=500 budget.cost=null execution.in_flight=4"),
    ],
    site: SiteOption = None,
) -> None:
    """Changes budget, stop rule, in_flight, timeout or retries of a stored campaign; the edit is logged."""
    from tansaku.tasks.configuration import apply_edits, diff_specs
    from tansaku.tasks.overview import stored_spec

    payload = _assignments(changes)
    with opened(site) as resources:
        old = stored_spec(resources.store.campaign(name))
        differences = diff_specs(old, apply_edits(old, payload))
        if not differences:
            say(f"{name}: nothing to change")
            return
        record = store_command(resources.store, name, "edit", payload)
    for difference in differences:
        say(f"  {difference}")
    say_stored(record, "edit stored")
