"""`tansaku sparse search` prints the best models and where the report is."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.deploy.cli.sparse import _sure


def test_it_prints_models_and_findings(tmp_path, require):
    require("sklearn")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(25, 4))
    lines = ["a,b,c,flat,y", *(f"{a},{b},{c},1,{a - b + 0.1 * e}" for a, b, c, e in rows)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    command = ["sparse", "search", str(tmp_path / "t.csv"), "--target", "y", "--out", str(tmp_path / "out"),
               "--max-features", "2", "--criterion", "bic", "--resamples", "0", "--repeats", "0"]  # fmt: skip
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    assert any(line.startswith("a, b\t") for line in result.output.splitlines())
    assert "constant, left out: 'flat'" in result.output
    assert json.loads((tmp_path / "out/report.json").read_text())["best"]["columns"] == ["a", "b"]


@pytest.mark.parametrize(
    ("chances", "number", "said"),
    [([0.0, 0.6, 0.4], 1, " (60 %; 2: 40 %)"), ([0.001, 0.995, 0.004], 1, " (100 %)"), ([1.0], 0, " (100 %)")],
)
def test_a_title_says_how_sure_a_number_is_and_names_its_rival(chances, number, said):
    assert _sure({"number_posterior": chances}, number) == said
