"""The temporary Prefect server, run as ``python -m tansaku.flows.server_process``: it cannot outlive its driver.

The driver sends the settings through standard input as one line of JSON; the port is returned as one line on standard
output. When the driver ends for any reason, the kernel closes standard input, and the server ends.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import threading

_GRACE = 1.0  # time for a clean end before the process kills itself [s]; its database survives a kill


def main() -> None:
    """Reads the settings and serves until standard input is closed."""
    settings: dict[str, str] = json.loads(sys.stdin.readline())
    os.environ.update(settings)  # Prefect reads them at import; on the command line they would be visible to other users
    gc.disable()  # what the imports make stays: collecting garbage meanwhile takes a tenth of their time
    import uvicorn
    from prefect.server.api.server import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(json.dumps({"port": listener.getsockname()[1]}), flush=True)  # noqa: T201 - the answer to the driver

    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(uvicorn.Config(create_app(ephemeral=True, final=True), log_level="warning", lifespan="on"))
    gc.freeze()
    gc.enable()
    threading.Thread(target=_end_with_driver, args=(server,), name="driver's pipe", daemon=True).start()
    server.run([listener])


def _end_with_driver(server: object) -> None:
    sys.stdin.read()
    server.should_exit = True  # type: ignore[attr-defined]
    threading.Event().wait(_GRACE)
    os._exit(0)


if __name__ == "__main__":
    main()
