"""`tansaku sparse search` prints the best models and where the report is."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.models.domain.errors import DiskFullError
from tansaku.sparse.cli import _sure


def command(tmp_path):
    """Writes a table, and returns the words of a search of it."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(25, 4))
    lines = ["a,b,c,flat,y", *(f"{a},{b},{c},1,{a - b + 0.1 * e}" for a, b, c, e in rows)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    return ["sparse", "search", str(tmp_path / "t.csv"), "--target", "y", "--out", str(tmp_path / "out"),
            "--max-features", "2", "--criterion", "bic", "--resamples", "0", "--repeats", "0"]  # fmt: skip


def test_it_prints_models_and_findings(tmp_path, require):
    require("sklearn")
    result = CliRunner().invoke(app, command(tmp_path), catch_exceptions=False)
    assert result.exit_code == 0
    assert any(line.startswith("a, b\t") for line in result.output.splitlines())
    assert "constant, left out: 'flat'" in result.output
    assert json.loads((tmp_path / "out/report.json").read_text())["best"]["columns"] == ["a", "b"]


def test_a_full_disk_is_named(tmp_path, require, monkeypatch):
    require("sklearn")

    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    words = command(tmp_path)
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DiskFullError, match=f"disk is full: {tmp_path}/out"):
        CliRunner().invoke(app, words, catch_exceptions=False)


@pytest.mark.parametrize(
    ("chances", "number", "said"),
    [([0.0, 0.6, 0.4], 1, " (60 %; 2: 40 %)"), ([0.001, 0.995, 0.004], 1, " (100 %)"), ([1.0], 0, " (100 %)")],
)
def test_a_title_says_how_sure_a_number_is_and_names_its_rival(chances, number, said):
    assert _sure({"number_posterior": chances}, number) == said
