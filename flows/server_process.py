"""A Prefect server, run as ``python -m tansaku.flows.server_process``.

With ``--home`` it is the private server of a folder, which outlives its starter and ends itself when no driver uses it for
long. Without it, it is the server of `tansaku serve`: it gets its settings from its parent, answers with its port, and cannot
outlive it.
"""

from __future__ import annotations

import argparse
import gc
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tansaku.flows.server import PrivatePrefect, private_settings
from tansaku.tasks.ground.site.bound_process import Parent

_GRACE = 1.0  # time for a clean end before the process ends itself [s]; its database survives a kill
_LOOK = 10.0  # between two looks for drivers, at most [s]


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--listener", type=int)
    parser.add_argument("--idle", type=float)
    given = parser.parse_args()
    if given.home is None:
        _serve_parent()
        return
    os.umask(0o077)
    threading.Thread(target=_end_when_idle, args=(PrivatePrefect(given.home), given.idle), daemon=True).start()
    _serve(private_settings(given.home, given.port), socket.socket(fileno=given.listener), lambda: None)


def _serve_parent() -> None:
    parent = Parent()
    parent.end_with(_GRACE)
    listener = socket.create_server(("127.0.0.1", parent.message["port"]))
    _serve(parent.message["settings"], listener, lambda: parent.tell(port=listener.getsockname()[1]))


def _serve(settings: dict[str, str], listener: socket.socket, ready: Callable[[], None]) -> None:
    os.environ.update(settings)  # Prefect reads them at import; as arguments, other users would see them
    gc.disable()  # objects made by imports are never freed; garbage collection would take a tenth of the time
    import uvicorn
    from prefect.server.api.server import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            super().handle_exit(sig, frame)
            threading.Timer(_GRACE, os._exit, [0]).start()

    app = create_app(final=True)
    gc.freeze()
    gc.enable()
    Server(uvicorn.Config(app, log_level="warning", lifespan="on")).run([listener])


def _end_when_idle(server: PrivatePrefect, idle: float) -> None:
    """Ends this process when no driver has used it for long, or when its folder was removed. Requests do not count."""
    used = time.monotonic()
    try:
        while server.folder.is_dir():
            threading.Event().wait(min(_LOOK, idle / 4))
            if server.is_driven():
                used = time.monotonic()
            elif time.monotonic() - used > idle:
                server.end_unless_driven()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
