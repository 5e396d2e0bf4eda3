import json

from typer.testing import CliRunner

from tansaku.deploy.cli.main import app


def test_a_sound_machine_exits_with_zero(require):
    require("mongod")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0, result.output
    assert {finding["name"] for finding in json.loads(result.output)} >= {"python", "lammps", "mongodb", "disk"}


def test_what_is_missing_is_told_and_exits_with_five(monkeypatch):
    monkeypatch.setenv("TANSAKU_MONGO_URI", "mongodb://127.0.0.1:1/")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 5
    assert any(line.startswith("mongodb\tmissing") for line in result.output.splitlines())
