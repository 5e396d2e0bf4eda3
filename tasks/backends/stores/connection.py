"""Opens, or only queries, the database that settings and site name; credentials appear in no message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.errors import ConfigurationError as MongoConfigurationError
from pymongo.errors import InvalidURI
from pymongo.uri_parser import parse_uri

from tansaku.models.domain.errors import ConfigurationError, TansakuError
from tansaku.models.domain.secret_variables import MONGO_URI_VARIABLE
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase, durable
from tansaku.tasks.ground.settings import Settings, read_secret_file
from tansaku.tasks.ground.site.users import user_path

SELECTION_SECONDS = 5.0
"""Longest wait for a server before an outage is reported [s]."""

SOCKET_SECONDS = 30.0


def connect(settings: Settings, site: SiteSpec) -> MongoDatabase:
    """Connects to the server of the environment, else of the site file, else to the embedded one, which it starts.

    Returns:
        The database, answering, with journaled majority writes and aware times.

    Raises:
        ConfigurationError: The URI or its file is wrong.
        StoreError: The embedded server cannot be started, or the server rejects the connection.
        TransientError: The server does not answer.
    """
    return open_database(server_address(settings, site).get_secret_value(), site.database.name)


def server_address(settings: Settings, site: SiteSpec) -> SecretStr:
    """URI of the server in use; the embedded one is started. Raises as :func:`connect`."""
    return server_uri(settings, site) or SecretStr(_server_of(settings).start())


def embedded_server(settings: Settings, site: SiteSpec) -> EmbeddedMongod | None:
    """The embedded server where it is the one in use; its ``start`` brings it back after a crash."""
    return _server_of(settings) if server_uri(settings, site) is None else None


def server_uri(settings: Settings, site: SiteSpec) -> SecretStr | None:
    """URI of the configured server, or None for the embedded one.

    Raises:
        ConfigurationError: The file with the URI is missing or can be read by others.
    """
    if settings.mongo_uri is not None:
        return settings.mongo_uri
    if site.database.uri_file is None:
        return None
    return read_secret(user_path(site.database.uri_file, "database.uri_file"))


def open_database(uri: str, name: str, patience: float = SELECTION_SECONDS) -> MongoDatabase:
    """Connects to a server and waits until it answers.

    Args:
        uri: With credentials, if any.
        name: Database name, unless the URI names one.
        patience: How long to wait for the server [s].

    Raises:
        ConfigurationError: The URI cannot be read.
        TransientError: The server does not answer.
        StoreError: The server rejects the connection.
    """
    # `from None`: the original messages quote the URI, and tracebacks are printed.
    try:
        if not uri.startswith("mongodb+srv://"):
            parse_uri(uri, validate=True, warn=False)
        named = unquote(urlsplit(uri).path.strip("/"))
        client: MongoClient[dict[str, Any]] = MongoClient(
            uri,
            tz_aware=True,
            appname="tansaku",
            serverSelectionTimeoutMS=round(patience * 1000),
            connectTimeoutMS=round(patience * 1000),
            socketTimeoutMS=round(SOCKET_SECONDS * 1000),
        )
    except (InvalidURI, MongoConfigurationError, ValueError, TypeError) as error:
        kind = type(error).__name__
        raise ConfigurationError(
            f"the MongoDB URI cannot be read ({kind}); expected mongodb://user:password@host:port/database",
            hint=f"it comes from {MONGO_URI_VARIABLE} or the file named by the site file's database.uri_file; user and "
            "password must be percent-encoded",
        ) from None
    # `admin` in a URI is the database of users, not of data.
    database = client[name if named in ("", "admin") else named]
    try:
        with translated("connecting to the database"):
            database.command("ping")
    except TansakuError:
        client.close()
        raise
    return durable(database)


def _server_of(settings: Settings) -> EmbeddedMongod:
    return EmbeddedMongod(settings.home, runtime=settings.runtime)


def read_secret(path: Path) -> SecretStr:
    """Reads an address from a file that nobody else can read. Raises ConfigurationError."""
    return read_secret_file(path, "database.uri_file")


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
