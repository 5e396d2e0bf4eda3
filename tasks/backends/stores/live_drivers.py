"""The drivers that use the private server, which must not be ended under them without a word."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from tansaku.models.domain.errors import LeaseHeldError, TransientError
from tansaku.models.domain.records import Lease
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.ground.site.processes import has_ended


def refuse_running_drivers(server: EmbeddedMongod) -> None:
    """Raises LeaseHeldError, with the campaign and the process of each, while drivers use a private server.

    A server that does not run or does not answer serves none; a driver that was killed is none.
    """
    uri = server.running()
    if uri is None:
        return
    try:
        client = open_database(uri, "admin").client
    except TransientError:
        return
    held = {"$expr": {"$gt": ["$lease.expires_at", "$$NOW"]}}
    with client, translated("looking for running drivers"):
        found = [
            (document.get("name", document["_id"]), _lease(document["lease"]))
            for database in client.list_database_names()
            for document in client[database]["campaigns"].find(held, {"name": 1, "lease": 1})
        ]
    running = [(name, lease.owner) for name, lease in found if lease is not None and not has_ended(lease.owner)]
    if running:
        drivers = ", ".join(f"{name} (process {owner.pid} of {owner.user})" for name, owner in running)
        raise LeaseHeldError(
            f"the private database is in use; campaigns that run now: {drivers}",
            hint="end them first: Ctrl-C where they run, or `tansaku cancel NAME`; or stop it all the same with --force: "
            "the drivers start it again and continue",
        )


def _lease(stored: dict[str, Any]) -> Lease | None:
    """A stored lease; None where it is damaged, which no driver holds."""
    try:
        return Lease.model_validate(stored)
    except ValidationError:
        return None
