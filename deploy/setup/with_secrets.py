"""Runs a command with Prefect's secrets taken from files: ``python -m tansaku.deploy.setup.with_secrets COMMAND …``.

Container runtimes provide secrets as files, but Prefect reads variables. tansaku reads its own secrets from files.
"""

from __future__ import annotations

import os
import sys

from tansaku.models.domain.errors import TansakuError
from tansaku.tasks.ground.settings import prefect_secrets_from_files

_USAGE = 2


def main(command: list[str]) -> None:
    """Replaces this process by the command."""
    if not command:
        sys.exit("usage: python -m tansaku.deploy.setup.with_secrets COMMAND [ARGUMENT]...")
    try:
        prefect_secrets_from_files()
        os.execvp(command[0], command)  # noqa: S606 - the container's own command, never a shell
    except (TansakuError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(_USAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
