"""The user who runs this process."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError


def user_name() -> str:
    """The user's name; ``uid-12345`` where the environment and the system's list of users have none (containers)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def user_path(path: str | Path, what: str) -> Path:
    """A path with ``~`` replaced.

    Args:
        path: As the user wrote it.
        what: Which setting it is, for the message.

    Raises:
        ConfigurationError: It starts with ``~`` and this user has no home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigurationError(
            f"{what}: {str(path)!r}: {user_name()} has no home folder (HOME is not set); expected an absolute path",
            hint="set HOME, or TANSAKU_HOME for tansaku's files",
        ) from error
