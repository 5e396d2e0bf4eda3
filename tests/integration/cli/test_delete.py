"""`tansaku delete`, and names completed at the prompt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tansaku.deploy.cli.exits import ExitCode


class Terminal:
    """Somebody who types one line."""

    def __init__(self, line: str) -> None:
        self._line = line

    def isatty(self) -> bool:
        return True

    def readline(self, *_: int) -> str:
        return self._line

    def read(self, *_: int) -> str:
        return self._line


def test_asks_says_what_goes_and_deletes(tansaku, campaign_file, monkeypatch):
    file = campaign_file()
    name = file.stem
    tansaku("run", file, "--plain")
    refused = tansaku("delete", name)
    assert refused.code == ExitCode.USAGE
    assert "--yes" in refused.err
    assert "7 evaluations, 6 with a value" in refused.err
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    kept = tansaku("delete", name)
    assert (kept.code, kept.out.strip()) == (ExitCode.OK, "nothing was deleted")
    assert tansaku("status", name).code == ExitCode.OK
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert f"{name}: deleted" in tansaku("delete", name).out
    assert tansaku("status", name).code == ExitCode.NOT_FOUND
    assert tansaku("delete", name, "--yes").code == ExitCode.NOT_FOUND
    again = tansaku("run", file, "--plain")
    assert again.code == ExitCode.OK
    assert "starts, 0 evaluations" in again.err


def complete(*words: str) -> list[str]:
    """What the shell is told when somebody asks for the rest of the last word; the installed command answers."""
    asked = {"_TANSAKU_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    command = Path(sys.executable).with_name("tansaku")
    answer = subprocess.run([command], env={**os.environ, **asked}, capture_output=True, text=True, timeout=300, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout.split()


def test_names_of_campaigns_are_completed(tansaku, campaign_file):
    file = campaign_file(budget="{evaluations: 1}")
    name = file.stem
    tansaku("run", file, "--plain")
    for command in ("status", "show", "delete"):
        assert complete("tansaku", command, name[:-2]) == [name]
    assert complete("tansaku", "show", "zzz") == []


def test_completion_starts_nothing_and_never_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("TANSAKU_HOME", str(tmp_path / "home"))
    assert complete("tansaku", "show", "a") == []
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv("TANSAKU_SITE", str(tmp_path / "missing.yaml"))
    assert complete("tansaku", "show", "a") == []
    monkeypatch.delenv("TANSAKU_SITE")
    monkeypatch.setenv("TANSAKU_MONGO_URI", "mongodb://someone:secret@127.0.0.1:1/")
    assert complete("tansaku", "show", "a") == []
    monkeypatch.setenv("TANSAKU_MONGO_URI", "nonsense")
    assert complete("tansaku", "show", "a") == []
