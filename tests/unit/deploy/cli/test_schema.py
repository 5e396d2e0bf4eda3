import json

import pytest
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.tasks.ground.formats.schema import json_schema


@pytest.mark.parametrize(("arguments", "kind"), [([], "campaign"), (["campaign"], "campaign"), (["site"], "site")])
def test_the_schema_is_printed_as_json(arguments, kind):
    result = CliRunner().invoke(app, ["schema", *arguments])
    assert result.exit_code == 0
    assert json.loads(result.output) == json_schema(kind)


def test_an_unknown_kind_is_a_usage_error():
    assert CliRunner().invoke(app, ["schema", "nothing"]).exit_code == 2


def test_a_key_is_explained():
    result = CliRunner().invoke(app, ["schema", "--explain", "budget.evaluations"])
    assert result.output.startswith("budget.evaluations (campaign file)\n")
    assert "How evaluations run" in CliRunner().invoke(app, ["schema", "--explain"]).output
