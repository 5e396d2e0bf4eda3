"""A Prefect server, run as ``python -m tansaku.flows.server_process``: it cannot outlive the process that started it.

It gets the settings from its parent and answers with its port. A temporary server only serves the API. A persistent one
schedules runs and carries out automations too.
"""

from __future__ import annotations

import gc
import os
import socket

from tansaku.tasks.ground.site.bound_process import Parent

_GRACE = 1.0  # time for a clean end before the process ends itself [s]; its database survives a kill


def main() -> None:
    """Gets the settings and serves until the parent ends or asks for the end."""
    parent = Parent()
    parent.end_with(_GRACE)
    os.environ.update(parent.message["settings"])  # Prefect reads them at import; as arguments, other users would see them
    gc.disable()  # objects made by imports are never freed; garbage collection would take a tenth of the time
    import uvicorn
    from prefect.server.api.server import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            parent.tell(port=listener.getsockname()[1])

    listener = socket.create_server(("127.0.0.1", parent.message["port"]))
    app = create_app(ephemeral=not parent.message["persistent"], final=True)
    gc.freeze()
    gc.enable()
    server = Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    server.run([listener])


if __name__ == "__main__":
    main()
