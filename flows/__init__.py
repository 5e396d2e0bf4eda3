"""Prefect around the application: flows, their tasks and their server."""

import os

from tansaku.tasks.settings import limit_threads

# Read by Prefect when it is imported, as the modules of this package do: on a terminal it would report its use to its makers.
os.environ["DO_NOT_TRACK"] = "1"
# A flow that a worker of Prefect executes comes through no command of ours; numerical libraries are not imported yet.
limit_threads()
