"""A command that finds Prefect's secrets where Prefect looks for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SHOW = "import os; print(os.environ.get('PREFECT_API_AUTH_STRING'), 'PREFECT_API_AUTH_STRING_FILE' in os.environ)"


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "AUTH_STRING" not in name} | variables
    program = [sys.executable, "-m", "tansaku.deploy.setup.with_secrets", *command]
    return subprocess.run(program, env=environment, capture_output=True, text=True, check=False)


def test_the_command_takes_the_place_of_the_process_with_the_secret_set(tmp_path: Path) -> None:
    secret = tmp_path / "auth"
    secret.write_text("user:word\n")
    secret.chmod(0o600)
    assert run(sys.executable, "-c", SHOW, PREFECT_API_AUTH_STRING_FILE=str(secret)).stdout == "user:word False\n"
    assert run(sys.executable, "-c", SHOW).stdout == "None False\n"
    assert run(sys.executable, "-c", "raise SystemExit(7)").returncode == 7


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    for command, variables, word in (
        ((), {}, "usage"),
        (("/nowhere/prefect",), {}, "error: "),
        ((sys.executable, "-V"), {"PREFECT_API_AUTH_STRING_FILE": str(tmp_path / "none")}, "PREFECT_API_AUTH_STRING_FILE"),
    ):
        done = run(*command, **variables)
        assert done.returncode != 0
        assert word in done.stderr
