"""A low limit on open files: the message names it, and a limit that can be raised is."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tansaku.deploy.cli.exits import ExitCode
from tansaku.tasks.backends.stores.embedded_mongod import start_failure
from tansaku.tasks.backends.stores.mongod_binary import find_mongod

TANSAKU = Path(sys.executable).with_name("tansaku")


@pytest.fixture
def limited(require):
    """``limited("ulimit -n 64", *words)`` runs the command under a limit, with a home of its own."""
    require("mongod")
    folder = Path(tempfile.mkdtemp(prefix="tsk-"))
    environment = {**os.environ, "TANSAKU_HOME": str(folder)}

    def run(limit, *words):
        command = ["sh", "-c", f'{limit} && exec "$@"', "sh", TANSAKU, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    run.folder = folder
    yield run
    run("true", "db", "stop")
    shutil.rmtree(folder)


@pytest.mark.parametrize("limit", [64, 128])
def test_a_hard_limit_that_is_too_low_is_named(limited, limit):
    ended = limited(f"ulimit -n {limit}", "status")
    assert ended.returncode == ExitCode.DATABASE
    assert f"the limit on open files is {limit} (`ulimit -Hn`)" in ended.stderr
    assert "version" not in ended.stderr


def test_a_soft_limit_is_raised_for_the_server_alone(limited):
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 256
    ended = limited("ulimit -S -n 64", "status")
    assert (ended.returncode, ended.stderr) == (ExitCode.OK, "")
    pid = int((limited.folder / "mongod" / "mongod.pid").read_text())
    [line] = [one for one in Path(f"/proc/{pid}/limits").read_text().splitlines() if one.startswith("Max open files")]
    assert line.split()[3] == line.split()[4]


def test_the_least_limit_that_is_not_refused_is_enough_to_start(limited):
    assert limited("ulimit -n 256", "status").returncode == ExitCode.OK


def test_a_server_that_ran_out_of_files_is_not_taken_for_one_of_another_version(require, tmp_path):
    """The log of a real server that may open 32 files speaks of featureCompatibilityVersion too."""
    require("mongod")
    (tmp_path / "data").mkdir()
    log = tmp_path / "log"
    socket = ["--bind_ip", tmp_path / "s.sock", "--unixSocketPrefix", tmp_path, "--port", "27017"]
    command = [find_mongod(), "--dbpath", tmp_path / "data", "--logpath", log, *socket]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 32 && exec "$@"', "sh", *command], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode != 0
    assert "featureCompatibilityVersion" in log.read_text()
    error = start_failure(Path(command[0]), done.returncode, done.stdout + done.stderr, log)
    assert "another version" not in error.message
    assert f"the limit is {resource.getrlimit(resource.RLIMIT_NOFILE)[0]} (`ulimit -n`)" in error.message
