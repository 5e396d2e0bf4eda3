"""Prefect around the application: flows, their tasks and their server."""

import os

# Read by Prefect when it is imported, as the modules of this package do: on a terminal it would report its use to its makers.
os.environ["DO_NOT_TRACK"] = "1"
