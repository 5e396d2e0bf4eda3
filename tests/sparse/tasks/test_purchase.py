"""What `tansaku sparse next` says of a spreadsheet."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.tasks.purchase import Shop, offers


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"name": [f"m{i}" for i in range(24)], "free": rng.normal(size=24), "dft": rng.normal(size=24)})
    frame["y"] = 2.0 * frame["dft"] + 0.3 * rng.normal(size=24)
    frame.loc[16:, ["y", "dft"]] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_a_cheap_column_comes_first_and_rows_are_named(path):
    found = offers(path, Shop("y", ("dft=0.05",), 1.0, "name"))
    assert found[0]["measure"] == "dft"
    assert len(found[0]["rows"]) > 2
    assert {name for item in found for name in item["rows"]} == {f"m{i}" for i in range(16, 24)}
    assert offers(path, Shop("y", ("dft=50",), 1.0, "name"))[0]["measure"] == "y"


def test_high_values_are_wanted_where_this_is_said(path):
    frame = pd.read_csv(path)
    frame["y"] = -frame["y"]
    frame.to_csv(path.with_name("other.csv"), index=False)
    shop = Shop("y", ("dft=0.1",), without=("name",))
    other = offers(path.with_name("other.csv"), Shop("y", ("dft=0.1",), without=("name",), maximize=True))
    assert [item["rows"] for item in other] == [item["rows"] for item in offers(path, shop)]


def test_the_command_shows_rows_as_a_spreadsheet_counts_them(path):
    arguments = ["sparse", "next", str(path), "--target", "y", "--price", "dft=0.05", "--without", "name", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found[0]["measure"] == "dft"
    assert all(18 <= int(row) <= 25 for row in found[0]["rows"])


@pytest.mark.parametrize(
    ("shop", "message"),
    [
        (Shop("z"), "no column 'z'"),
        (Shop("y", without=("name",)), "empty cells in 'dft', which have no price"),
        (Shop("y", ("dft=1",)), "text in 'name'"),
        (
            Shop("y", ("dft=-1",), without=("name",)),
            "--price 'dft=-1': expected a price of at least 0",
        ),
        (Shop("y", ("dft",), without=("name",)), "--price 'dft': expected NAME=NUMBER"),
        (Shop("y", ("dft=1",), 0.0, "name"), "--value-price 0: expected a positive number"),
        (Shop("name", ("dft=1", "y=1")), "target 'name' is text"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_name(path, shop, message):
    with pytest.raises(ConfigurationError, match=message):
        offers(path, shop)
