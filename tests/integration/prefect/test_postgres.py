"""Prefect's server on a real PostgreSQL, prepared and started as docker-compose.yml does it."""

from __future__ import annotations

import asyncio
import base64
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import asyncpg
import pytest

ROOT = Path(__file__).resolve().parents[3]
LIMIT = 240.0
PASSWORD = "it's a word"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def answers(url: str, user: str | None = None) -> int:
    """Status of a call, 0 without an answer."""
    request = urllib.request.Request(url)
    if user is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.fixture(scope="module")
def postgres(require):
    """Port of a PostgreSQL on which the init script was run."""
    require("root")
    require("postgres")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    account = pwd.getpwnam("postgres")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        os.chown(folder, account.pw_uid, account.pw_gid)
        secret = Path(folder, "password")
        secret.write_text(PASSWORD + "\n")
        as_postgres = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": (), "cwd": folder}
        with Path(folder, "log").open("wb") as log:
            quiet = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL}
            options = ["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}"]
            subprocess.run(
                [programs / "initdb", "-D", f"{folder}/data", "--no-sync", *options], check=True, **as_postgres, **quiet
            )
            settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k", folder, "-p", str(port)]
            server = subprocess.Popen([programs / "postgres", "-D", f"{folder}/data", *settings], **as_postgres, **quiet)
        try:
            until = time.monotonic() + LIMIT
            while subprocess.run([programs / "pg_isready", "-h", folder, "-p", str(port)], check=False).returncode:
                assert time.monotonic() < until, Path(folder, "log").read_text()
                time.sleep(0.1)
            environment = {
                "PATH": f"{programs}:{os.environ['PATH']}",
                "PGHOST": folder,
                "PGPORT": str(port),
                "POSTGRES_USER": "postgres",
                "PREFECT_PASSWORD_FILE": str(secret),
            }
            subprocess.run(["sh", str(ROOT / "deploy/docker/postgres-init.sh")], env=environment, check=True)
            yield port
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(LIMIT)


def ask(port: int, statement: str, database: str = "prefect", password: str = PASSWORD) -> list:
    async def query() -> list:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user="prefect", password=password, database=database, ssl=False
        )
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    return asyncio.run(query())


def test_prefects_user_owns_its_database_and_may_do_nothing_else(postgres):
    assert ask(postgres, "SELECT current_user")[0][0] == "prefect"
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(postgres, "SELECT 1", password="guess")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        ask(postgres, "SELECT 1", database="postgres")
    for statement in (
        "CREATE ROLE friend",
        "CREATE DATABASE another",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "ALTER ROLE prefect SUPERUSER",
        "SELECT pg_read_file('/etc/passwd')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            ask(postgres, statement)


def test_server_starts_on_it_with_secrets_from_files(postgres, tmp_path, require):
    require("prefect")
    port, user = free_port(), "tansaku:word"
    url = f"postgresql+asyncpg://prefect:{urllib.parse.quote(PASSWORD)}@127.0.0.1:{postgres}/prefect"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    environment |= {"PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    for name, value in (("PREFECT_API_DATABASE_CONNECTION_URL", url), ("PREFECT_SERVER_API_AUTH_STRING", user)):
        file = tmp_path / name
        file.write_text(value)
        file.chmod(0o600)
        environment[f"{name}_FILE"] = str(file)
    command = [sys.executable, "-m", "tansaku.deploy.setup.with_secrets", sys.executable, "-m", "prefect", "server", "start"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + LIMIT
        while answers(f"http://127.0.0.1:{port}/api/health") != 200:
            assert time.monotonic() < until, (tmp_path / "log").read_text()[-3000:]
            assert server.poll() is None, (tmp_path / "log").read_text()[-3000:]
            time.sleep(0.2)
        assert answers(f"http://127.0.0.1:{port}/api/admin/version") == 401
        assert answers(f"http://127.0.0.1:{port}/api/admin/version", user) == 200
        assert ask(postgres, "SELECT count(*) FROM flow_run")[0][0] == 0
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(LIMIT)
    words = (tmp_path / "log").read_text()
    assert "word" not in words.replace("password", "")
