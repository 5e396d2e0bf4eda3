"""Queries the configured database without opening it for use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.stores.connection import connect, embedded_server, open_database, server_uri
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase
from tansaku.tasks.ground.settings import Settings

PATIENCE = 1.0
"""Longest wait for a server in a probe [s]."""


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
    with _reached(settings, site) as database:
        if database is None:
            return []
        with translated("reading the names of campaigns"):
            found = database["campaigns"].find({"name": {"$type": "string"}}, {"name": 1})
            return sorted(document["name"] for document in found)


def nameless_campaigns(settings: Settings, site: SiteSpec) -> int:
    """Number of documents among the campaigns without a name; no version of this program writes one, no command shows one.

    Starts no server; 0 where the embedded one does not run. Raises as :func:`campaign_names`.
    """
    with _reached(settings, site) as database:
        if database is None:
            return 0
        with translated("reading the names of campaigns"):
            return database["campaigns"].count_documents({"name": {"$not": {"$type": "string"}}})


@contextmanager
def _reached(settings: Settings, site: SiteSpec) -> Iterator[MongoDatabase | None]:
    """The database, after a second of waiting at most; None where the embedded server does not run."""
    embedded = embedded_server(settings, site)
    configured = server_uri(settings, site)
    uri = configured.get_secret_value() if configured is not None else (embedded.running() if embedded is not None else None)
    if uri is None:
        yield None
        return
    database = open_database(uri, site.database.name, PATIENCE)
    try:
        yield database
    finally:
        database.client.close()
