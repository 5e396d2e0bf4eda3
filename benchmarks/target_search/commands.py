"""Commands of tansaku on a database of their own, which outlives the process that started them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Commands:
    """Runs ``tansaku`` in a folder.

    Attributes:
        home: Folder of the database; a campaign that was stopped continues from there.
        folder: Where commands run.
    """

    home: Path
    folder: Path

    def __call__(self, *arguments: str) -> str:
        """Runs a command and returns what it prints; ends this process if the command fails."""
        # The numbers of one thread do not depend on how many cores there are.
        environment = os.environ | {"TANSAKU_HOME": str(self.home.resolve()), "OMP_NUM_THREADS": "1"}
        command = [str(Path(sys.executable).with_name("tansaku")), *arguments]
        ended = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        if ended.returncode:
            sys.exit(f"tansaku {' '.join(arguments)}: {ended.stdout}{ended.stderr}")
        return ended.stdout
