"""Processes that cannot outlive the one that started them.

A parent hands its child one line of JSON on standard input and keeps that open. When the parent ends for any reason, also by
SIGKILL, the kernel closes standard input, and the child ends. A child answers by lines of JSON on standard output; its log is a
file.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.site.processes import process_identity

_LOG_TAIL = 2000


class BoundProcess:
    """A child that ends with this process: parent's side.

    Args:
        module: What is run, as ``python -m MODULE``.
        message: Its settings, secrets included: they are in no argument or environment that others can see.
        log: File for its standard error, replaced at each start.
        environment: Its environment; None: that of this process.
        folder: Its working folder; None: that of this process.
        kept: Descriptors that it inherits, such as that of a lock.
    """

    def __init__(
        self,
        module: str,
        message: JsonDict,
        log: Path,
        environment: Mapping[str, str] | None,
        folder: Path | None = None,
        kept: Sequence[int] = (),
    ) -> None:
        self._log = log
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C on the terminal is meant for the parent, which ends it in its own order
                cwd=folder,
                pass_fds=kept,
            )
        finally:
            os.close(output)
        self.identity = process_identity(self._process.pid)
        self._answers: queue.SimpleQueue[JsonDict | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name=f"answers of {module}", daemon=True).start()
        with suppress(BrokenPipeError):  # it ended at once; its log says why
            self._stdin.write(json.dumps(message).encode() + b"\n")
            self._stdin.flush()

    def answer(self, timeout: float) -> JsonDict | None:
        """Returns the process's next line; None when it ends.

        Raises:
            TimeoutError: There is none within ``timeout`` seconds.
        """
        try:
            found = self._answers.get(timeout=timeout)
        except queue.Empty as error:
            raise TimeoutError from error
        if found is None:
            self._answers.put(None)
        return found

    def log_tail(self) -> str:
        """End of the child's log."""
        return self._log.read_text(errors="replace")[-_LOG_TAIL:].strip()

    def close(self) -> None:
        """Asks the child to end, as the end of this process would."""
        with suppress(BrokenPipeError):
            self._stdin.close()

    def stop(self, timeout: float) -> bool:
        """Asks it to end and waits for it; kills it if it takes too long.

        Returns:
            Whether it ended by itself.
        """
        self.close()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            for line in pipe:
                with suppress(ValueError):
                    found = json.loads(line)
                    if isinstance(found, dict):
                        self._answers.put(found)
        self._answers.put(None)


class Parent:
    """The process that started this one: child's side."""

    def __init__(self) -> None:
        self.message: JsonDict = json.loads(sys.stdin.readline())
        # Whatever else writes to standard output, such as a library, goes to the log.
        self._pipe = os.dup(sys.stdout.fileno())
        sys.stdout.flush()
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(self, **values: object) -> None:
        """Sends a line; nobody reads it when the parent has ended."""
        with suppress(OSError):
            os.write(self._pipe, json.dumps(values).encode() + b"\n")

    def end_with(self, grace: float, at_last: Callable[[], None] | None = None) -> None:
        """Ends this process by SIGTERM when the parent has ended or asks for it.

        Args:
            grace: Time for a clean end [s]; then it ends at once.
            at_last: Called before it ends at once.
        """

        def watch() -> None:
            sys.stdin.read()
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(grace)
            if at_last is not None:
                at_last()
            os._exit(1)

        threading.Thread(target=watch, name="end of the parent", daemon=True).start()
