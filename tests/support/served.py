"""`tansaku serve` on a home folder of its own, as a program that tests start and end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

LIMIT = 240.0
_PAGE = re.compile(r"http://127\.0\.0\.1:\d+/login#token=\S+")


class Served:
    """``tansaku serve``: database, Prefect server, service and dashboard.

    Args:
        home: Its ``TANSAKU_HOME``; short, as the path of a unix socket lies in it.
        folder: For its log.
    """

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.log = home, folder / "serve.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        self.environment = kept | {"TANSAKU_HOME": str(home)}
        self.process: subprocess.Popen | None = None

    def start(self, *options: str) -> None:
        """Starts it; does not wait."""
        command = [sys.executable, "-c", "from tansaku.deploy.cli.main import main; main()", "serve", "--port", "0", *options]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def page(self) -> str:
        """The address with which its user logs in, once."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            said = self.log.read_text()
            if found := _PAGE.search(said):
                return found[0]
            assert self.process.poll() is None, said
            time.sleep(0.1)
        raise AssertionError(f"no dashboard within {LIMIT} s: {self.log.read_text()}")

    def run(self, *arguments: str) -> str:
        """What another command prints on the same home."""
        command = [sys.executable, "-c", "from tansaku.deploy.cli.main import main; main()", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=LIMIT, check=True)
        return done.stdout

    def stop(self) -> None:
        """Ends it, and the database that it leaves to others."""
        from tansaku.tasks.stores.embedded_mongod import EmbeddedMongod

        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
        EmbeddedMongod(self.home).stop()
