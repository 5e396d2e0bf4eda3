"""Secrets of docker-compose.yml: all that it names, random, closed to others, never overwritten."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[4]


def make(folder: Path) -> dict[str, str]:
    command = [sys.executable, str(ROOT / "deploy/setup/make_secrets.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert not any(value in done.stdout for value in made.values())
    return made


def test_everything_that_the_file_names_is_made_once(tmp_path):
    named = {
        Path(secret["file"]).name for secret in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["secrets"].values()
    }
    made = make(tmp_path / "secrets")
    assert set(made) == named
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert len(set(made.values())) == len(made)
    assert make(tmp_path / "secrets") == made
    assert make(tmp_path / "other") != made


def test_addresses_carry_the_passwords_that_the_servers_are_given(tmp_path):
    made = make(tmp_path / "secrets")
    for address, password in (
        ("mongo_uri", "mongo_password"),
        ("mongo_root_uri", "mongo_root_password"),
        ("mongo_web_uri", "mongo_web_password"),
        ("prefect_database_url", "postgres_prefect_password"),
    ):
        assert urlsplit(made[address]).password == made[password]
        assert len(made[password]) >= 32
