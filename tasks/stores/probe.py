"""Queries the configured database without opening it for use."""

from __future__ import annotations

from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.settings import Settings
from tansaku.tasks.stores.connection import connect, embedded_server, open_database, server_uri
from tansaku.tasks.stores.mongo_errors import translated

PATIENCE = 1.0
"""How long to wait for a server during shell completion [s]."""


def server_version(settings: Settings, site: SiteSpec) -> str:
    """Version of the server that answers; starts the embedded one where it is the one in use.

    Raises:
        ConfigurationError: The URI or its file is wrong.
        StoreError: The embedded server cannot be started, or the server refuses.
        TransientError: The server does not answer.
    """
    client = connect(settings, site).client
    try:
        return str(client.server_info()["version"])
    finally:
        client.close()


def campaign_names(settings: Settings, site: SiteSpec) -> list[str]:
    """Names of the stored campaigns, for shell completion: starts no server, writes nothing, waits at most a second.

    Returns:
        Sorted; empty where the embedded server does not run.

    Raises:
        ConfigurationError: The URI or its file is wrong.
        StoreError: The server rejects the request.
        TransientError: The server does not answer.
    """
    embedded = embedded_server(settings, site)
    configured = server_uri(settings, site)
    uri = configured.get_secret_value() if configured is not None else (embedded.running() if embedded is not None else None)
    if uri is None:
        return []
    database = open_database(uri, site.database.name, PATIENCE)
    try:
        with translated("reading the names of campaigns"):
            return sorted(str(found["_id"]) for found in database["campaigns"].find({}, {"_id": 1}))
    finally:
        database.client.close()
