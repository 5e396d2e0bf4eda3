"""A look at the database that settings and site name, without opening it for use."""

from __future__ import annotations

from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.settings import Settings
from tansaku.tasks.stores.connection import connect


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
