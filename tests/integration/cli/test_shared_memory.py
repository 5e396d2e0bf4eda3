"""A machine without usable /dev/shm: a campaign with LAMMPS is refused with the reason, and `doctor` has a line for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tansaku.calculators.engines.shared_memory import check_shared_memory
from tansaku.deploy.cli.exits import ExitCode
from tansaku.models.domain.errors import MissingComponentError, TransientError

TANSAKU = Path(sys.executable).with_name("tansaku")
LOOK = "from tansaku.calculators.engines.shared_memory import check_shared_memory; check_shared_memory()"
EXAMPLE = Path("examples/al-110-tilt.yaml").resolve()
NO_FILE = "mount -t tmpfs -o ro none /dev/shm"
SMALL = "mount -t tmpfs -o size=1m none /dev/shm"
FULL = "mount -t tmpfs -o size=4m none /dev/shm && head -c 3500000 /dev/zero > /dev/shm/full"
EMPTY_DEV = "mount --bind /dev /mnt && mount -t tmpfs none /dev && for one in null zero random urandom; do "
EMPTY_DEV += "touch /dev/$one && mount --bind /mnt/$one /dev/$one; done"


@pytest.fixture
def without(require):
    """``without(mount, program, *words)`` runs a program where ``mount`` was done, in a mount namespace of its own."""
    for component in ("root", "unshare", "lammps", "mongod"):
        require(component)

    def run(mount, *words):
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{mount} && exec "$@"', "sh", *words]
        return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)

    return run


def test_a_lammps_campaign_is_refused_before_it_spends_anything(without):
    ended = without(NO_FILE, TANSAKU, "check", EXAMPLE)
    assert ended.returncode == ExitCode.MISSING_COMPONENT, ended.stderr
    assert "shared memory: /dev/shm cannot be written (Read-only file system)" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("mount", "error", "said"),
    [
        (SMALL, MissingComponentError, "/dev/shm has 1.0 MB"),
        (EMPTY_DEV, MissingComponentError, "there is no /dev/shm"),
        (FULL, TransientError, "/dev/shm is full"),
    ],
)
def test_what_is_wrong_with_it_is_said(without, mount, error, said):
    ended = without(mount, sys.executable, "-c", LOOK)
    assert f"{error.__name__}: shared memory: {said}" in ended.stderr


def test_doctor_names_it(without):
    lines = [line.split("\t") for line in without(NO_FILE, TANSAKU, "doctor").stdout.splitlines()]
    [found] = [line for line in lines if line[0] == "shared memory"]
    assert found[1] == "warning"
    assert "/dev/shm cannot be written" in found[2]
    [lammps] = [line for line in lines if line[0] == "lammps"]
    assert "/dev/shm" in lammps[2]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(MissingComponentError, match=r"there is no .*shm; LAMMPS \(MPI\) needs it"):
        check_shared_memory(tmp_path / "shm")
    assert check_shared_memory(tmp_path) > 0
