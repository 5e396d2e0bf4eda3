"""Commands as a shell runs them."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tansaku.deploy.cli import main as cli


@pytest.fixture
def run(mongo_server, monkeypatch, capsys) -> Callable[..., str]:
    """``run("results", …)``: what a command prints."""

    def command(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["tansaku", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        return capsys.readouterr().out

    return command
