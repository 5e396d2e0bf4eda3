"""Environment variables that hold secrets; only drivers receive them."""

from __future__ import annotations

MONGO_URI_VARIABLE = "TANSAKU_MONGO_URI"
PROXY_SECRET_VARIABLE = "TANSAKU_PROXY_SECRET"  # noqa: S105 - name of a variable
FILE_SUFFIX = "_FILE"
"""``NAME_FILE`` names a file that holds what ``NAME`` would: container runtimes hand secrets over as files."""

PREFECT_SECRETS = (
    "PREFECT_API_AUTH_STRING",
    "PREFECT_SERVER_API_AUTH_STRING",
    "PREFECT_API_DATABASE_CONNECTION_URL",
)
"""Secrets that Prefect itself knows as variables only."""

SECRET_VARIABLES = (
    *(name + suffix for name in (MONGO_URI_VARIABLE, PROXY_SECRET_VARIABLE, *PREFECT_SECRETS) for suffix in ("", FILE_SUFFIX)),
    "PREFECT_API_KEY",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_PASSWORD",
    "PREFECT_CLIENT_CUSTOM_HEADERS",
)
"""Variables known to hold secrets."""

WITHOUT_SECRETS = ("/usr/bin/env", *(word for name in SECRET_VARIABLES for word in ("-u", name)))
"""Words in front of a command by which it is started without them, where the environment itself is not at hand."""


def is_reserved(name: str) -> bool:
    """Returns whether workers must not get a variable from a site file: secrets of database and proxy, all of Prefect's."""
    return name.upper().startswith((MONGO_URI_VARIABLE, PROXY_SECRET_VARIABLE, "PREFECT_"))
