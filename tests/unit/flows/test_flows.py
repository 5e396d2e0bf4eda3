"""Prefect in a process of ours: no telemetry, quiet, and only after our packages said so."""

import os
import subprocess
import sys


def test_importing_a_flow_switches_telemetry_off():
    program = (
        "import tansaku.flows.campaign\n"
        "from prefect._internal.analytics import is_telemetry_enabled\n"
        "raise SystemExit(is_telemetry_enabled())\n"
    )
    unset = {"DO_NOT_TRACK", "CI", "GITHUB_ACTIONS", "TANSAKU_REQUIRE_ALL"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
    bare = "from prefect._internal.analytics import is_telemetry_enabled\nraise SystemExit(not is_telemetry_enabled())\n"
    assert subprocess.run([sys.executable, "-c", bare], env=environment, check=False).returncode == 0
