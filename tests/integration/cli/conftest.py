"""The command in this process, on the real server, and campaigns on small tables."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tansaku.deploy.cli import main as cli


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def tansaku(mongo_server: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``tansaku("results", name)`` runs the command as the shell would."""

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tansaku", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def campaign_file(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """Writes a campaign on a table of two systems; candidates ``b*`` fail."""
    unique = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:60].strip("-")

    def write(*, good: int = 6, bad: int = 1, budget: str = "{}", proposer: str = "grid") -> Path:
        rows = ["id,system,value,cost,x"]
        rows += [f"a{index},{'left' if index % 2 else 'right'},{10.0 - index},2.0,{index}" for index in range(good)]
        rows += [f"b{index},left,,3.0,{index + 0.5}" for index in range(bad)]
        (tmp_path / "candidates.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        path = tmp_path / f"{unique}.yaml"
        path.write_text(
            "schema_version: 1\n"
            "space:\n"
            "  type: table\n"
            "  candidates: candidates.csv\n"
            "  columns: {id: id, system: system, value: value, cost: cost}\n"
            "  features: {place: {columns: [x]}}\n"
            "objective: {unit: eV}\n"
            f"proposer: {{type: {proposer}}}\n"
            f"budget: {budget}\n"
            "execution: {in_flight: 1, retries: 0}\n",
            encoding="utf-8",
        )
        return path

    return write
