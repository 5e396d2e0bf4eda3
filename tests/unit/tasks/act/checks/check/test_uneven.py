"""`tansaku check` names groups in which a few columns with large numbers are all that a proposer sees."""

import numpy as np
import pytest
import yaml

from tansaku.tasks.act.checks.check import preview_campaign
from tests.support.campaign_files import table_space


def preview(folder, name="x", *, large=1e4, group=None, proposer=None):
    """A table of 30 rows with twelve columns, the first with large numbers."""
    rows = np.random.default_rng(0).random((30, 12))
    rows[:, 0] *= large
    head = ["id", "value", *(f"{name}{i}" for i in range(12))]
    lines = [",".join(head), *(",".join([f"r{i}", f"{i}", *map(str, row)]) for i, row in enumerate(rows.tolist()))]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    document = {
        "schema_version": 1,
        "space": table_space("t.csv", {"id": "id", "value": "value"}, {"all": {"columns": f"{name}*"} | (group or {})}),
        "objective": {"unit": "eV"},
        "proposer": {"type": "gp", "engine": 1} | (proposer or {}),
        "budget": {"evaluations": 5},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(document))
    return preview_campaign(folder / "mine.yaml")


def test_numbered_columns_of_different_units_are_named_with_the_key_that_helps(tmp_path):
    found = preview(tmp_path)
    assert found.uneven == {"all": 1}
    assert "all: 1 of 12 columns decide how far apart candidates are; space.features.all.scale: range" in found.describe()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"within": "2 meV"}, "nothing better by more than 2 meV remains, with 95 %; checked before every 10th proposal"),
        (
            {"when": "not_worth_it", "worth": "1 meV per evaluation"},
            "3 checks in a row expect the next evaluation to gain less than 1 meV per evaluation; checked before each proposal",
        ),
    ],
)
def test_the_rule_that_stops_the_search_is_described_in_a_line(tmp_path, rule, said):
    assert "  stops  " not in preview(tmp_path).describe()
    document = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(document | {"budget": {"evaluations": 5, "stop": rule}}))
    assert f"  stops       when {said}\n" in preview_campaign(tmp_path / "mine.yaml").describe()


def test_the_engine_for_few_evaluations_is_described_in_a_line(tmp_path):
    assert "engine" not in preview(tmp_path).describe()
    shown = preview(tmp_path, proposer={"engine": 2}).describe()
    assert "  engine      2, for few evaluations: long lengthscales, fitted after each value up to 100; " in shown
    assert "cost is ignored" in shown
    document = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    space = {key: part for key, part in document["space"].items() if key != "type"}
    document["transfer"] = {"sources": [{"type": "table", "name": "older", "space": space}]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(document | {"proposer": {"type": "gp", "engine": 4}}))
    shown = preview_campaign(tmp_path / "mine.yaml").describe()
    assert "4, for few evaluations: a kernel of its own, fitted after each value up to 100; cost is ignored" in shown


@pytest.mark.parametrize(
    "changes",
    [
        {"large": 1.0},
        {"proposer": {"engine": 2}},
        {"group": {"scale": "range"}},
        {"proposer": {"kernel": {"type": "matern52"}}},
        {"proposer": {"preset": "published"}},
    ],
)
def test_nothing_is_said_where_all_columns_count(tmp_path, changes):
    found = preview(tmp_path, **changes)
    assert not found.uneven
    assert "note" not in found.describe()
