"""The start script of the one-container SLURM, run here: munge, controller and node come up, jobs run as the user."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "deploy/docker/slurm-start.sh"
LIMIT = 240.0


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@pytest.fixture
def state(require):
    """Folder of the daemons, which end with it."""
    require("root")
    require("slurm")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path
        for name in ("d.pid", "ctld.pid", "munge/pid"):
            with suppress(FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
                daemon = psutil.Process(int((path / name).read_text()))
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(LIMIT)


def with_the_rights_of_the_container() -> list[str]:
    """Begin of a command that may do what docker-compose.yml lets the container do."""
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["slurm"]
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    kept = ",".join(["-all", *(f"+{name.lower()}" for name in service["cap_add"])])
    return ["setpriv", "--no-new-privs", f"--bounding-set={kept}", "--inh-caps=-all"]


def test_jobs_run_as_the_user_of_the_service(state):
    controller, node = free_ports(2)
    environment = {
        "PATH": os.environ["PATH"],
        "SLURM_STATE": str(state),
        "USER_OF_JOBS": "nobody",
        "SLURMCTLD_PORT": str(controller),
        "SLURMD_PORT": str(node),
    }
    words = "id -un; cd /tmp; srun --ntasks=1 sh -c 'id -un; echo $SLURM_JOB_PARTITION'; sinfo --noheader --format %P"
    command = [*with_the_rights_of_the_container(), "sh", str(SCRIPT), "sh", "-c", words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.stdout.split() == ["nobody", "nobody", "trial", "trial*"], done.stderr
    assert (state / "munge/key").stat().st_mode & 0o077 == 0
