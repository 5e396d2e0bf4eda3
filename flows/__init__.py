"""Prefect flows of the application, their tasks and their server."""

import os

from tansaku.tasks.ground.settings import limit_threads

# Prefect reads this variable at import and would otherwise send telemetry when run on a terminal.
os.environ["DO_NOT_TRACK"] = "1"
# Flows executed by a Prefect worker bypass our commands; numerical libraries are not imported yet.
limit_threads()
