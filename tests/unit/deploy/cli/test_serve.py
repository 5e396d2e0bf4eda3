"""Wrong options of `tansaku serve` are told before anything is asked of a server."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site.service_mark import ServiceMark


def serve(*options: str, **variables: str):
    return CliRunner().invoke(app, ["serve", *options], env=variables)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--reconcile", "now and then"), "--reconcile: 'now and then'"),
        (("--pool", "cluster"), "--pool: its workers need a Prefect server"),
        (("--name", "A B"), "--name 'A B'"),
        (("--folder", "/nowhere"), "--folder '/nowhere'"),
        (("--site", "/nowhere"), "/nowhere: cannot be read"),
    ],
)
def test_wrong_options_are_told_in_a_line(options, word, require):
    require("prefect")
    with pytest.raises(ConfigurationError) as told:
        # Options are checked before the server is asked for anything, or another one is started.
        raise serve(*options, **({} if "--pool" in options else {"PREFECT_API_URL": "http://127.0.0.1:1/api"})).exception
    assert word in str(told.value)


def test_a_silence_shorter_than_two_heartbeats_is_refused():
    done = serve("--silence", "40")
    assert done.exit_code == 2
    assert "60" in done.output


def test_a_secret_file_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("PREFECT_API_AUTH_STRING_FILE", "/nowhere")
    with pytest.raises(ConfigurationError, match="PREFECT_API_AUTH_STRING_FILE: /nowhere"):
        raise serve().exception


def test_check_says_whether_the_service_lives():
    assert serve("--check", "--name", "nobody").exit_code == 1
    with ServiceMark(Settings.from_environment().home, "somebody").held():
        done = serve("--check", "--name", "somebody")
    assert done.exit_code == 0
    assert re.fullmatch(r"service somebody: last seen \d+ s ago\n", done.output)
