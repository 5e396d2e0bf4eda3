"""`tansaku serve` on a home folder of its own, as a program that tests start and end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

LIMIT = 240.0
_PAGE = re.compile(r"http://127\.0\.0\.1:\d+/login#token=\S+")


class Served:
    """``tansaku serve``: database, Prefect server, service and dashboard.

    Args:
        home: Its ``TANSAKU_HOME``; short, as the path of a unix socket lies in it.
        folder: For its log.
        added: Further variables of its environment.
    """

    def __init__(self, home: Path, folder: Path, added: Mapping[str, str] | None = None) -> None:
        self.home, self.log = home, folder / "serve.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        self.environment = kept | {"TANSAKU_HOME": str(home), **(added or {})}
        self.process: subprocess.Popen | None = None

    def start(self, *options: str) -> None:
        """Starts it; does not wait."""
        command = _command("serve", "--port", "0", *options)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def page(self) -> str:
        """The address with which its user logs in, once."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            said = self.said()
            if found := _PAGE.search(said):
                return found[0]
            assert self.process.poll() is None, said
            time.sleep(0.1)
        raise AssertionError(f"no dashboard within {LIMIT} s: {self.said()}")

    def run(self, *arguments: str, check: bool = True) -> str:
        """What another command prints on the same home; by default it must succeed."""
        done = subprocess.run(
            _command(*arguments), env=self.environment, capture_output=True, text=True, timeout=LIMIT, check=check
        )
        return done.stdout

    def second(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Another ``tansaku serve`` on the same home, which is expected to end by itself."""
        command = _command("serve", *options)
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=LIMIT, check=False)

    def said(self) -> str:
        """What it has printed."""
        return self.log.read_text()

    def children(self) -> list[psutil.Process]:
        """Everything that it started, but for the jobs' workers, which outlive drivers."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in found if (line := command_line(child)) and "tasks.node.jobs" not in line]

    def sleep(self) -> None:
        """Stops the work of all that drives campaigns until it wakes: idle, it takes a tenth of a processor."""
        self._signal_what_drives(signal.SIGSTOP)

    def wake(self) -> None:
        """Lets campaigns be driven again."""
        self._signal_what_drives(signal.SIGCONT)

    def _signal_what_drives(self, number: int) -> None:
        for child in psutil.Process(self.process.pid).children():
            if any(part in command_line(child) for part in ("server_process", "service_process")):
                child.send_signal(number)

    def stop(self) -> None:
        """Ends it, and the database that it leaves to others."""
        from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod

        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
        EmbeddedMongod(self.home).stop()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from tansaku.deploy.cli.main import main; main()", *arguments]


def command_line(process: psutil.Process) -> str:
    """Words of a process's command; empty if it has ended, whether or not its parent has noticed."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie too
        return ""
