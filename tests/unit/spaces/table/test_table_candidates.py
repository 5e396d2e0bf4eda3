"""Tables of candidates that are to be measured: categories as features, units, candidates that the table does not list."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from pydantic import TypeAdapter, ValidationError

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import DescribingSpace, TabulatedSpace
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.spaces.space_registry import open_space
from tansaku.spaces.table import TableSpace
from tansaku.spaces.table_file import TableFile
from tansaku.tasks.node.configuration.campaign_files import spec_hash

ROWS = {
    "id": ["a", "b", "c", "d"],
    "solvent": ["water", "hexane", "water", "acid"],
    "grade": ["low", "high", "medium", "low"],
    "stirred": [True, False, False, True],
    "temperature": [300.0, 310.0, 320.0, 330.0],
    "cost": [1.0, 2.0, 3.0, 10.0],
}
SPACE = {
    "type": "table",
    "candidates": "t.csv",
    "columns": {"id": "id", "cost": "cost"},
    "features": {
        "solvent": {"columns": ["solvent", "stirred"], "categories": "one_hot"},
        "grade": {"columns": ["grade"], "categories": ["low", "medium", "high"]},
        "temperature": {"columns": ["temperature"], "units": {"temperature": "K"}},
        "polarity": {"lookup": "solvents.csv", "key": "solvent", "columns": ["polarity"]},
    },
}
NEW = {
    "id": "new",
    "cells": {"solvent": "hexane", "stirred": "true", "grade": "medium", "temperature": 305.5},
}


def opened(folder, *, parquet=False, **changes):
    table = pa.table(ROWS)
    if parquet:
        pyarrow.parquet.write_table(table, folder / "t.parquet")
    lines = [",".join(ROWS), *(",".join(str(column[row]) for column in ROWS.values()) for row in range(4))]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    (folder / "solvents.csv").write_text("solvent,polarity,acidity\nwater,1.0,14\nhexane,0.009,50\nacid,0.6,4.8\n")
    document = SPACE | ({"candidates": "t.parquet"} if parquet else {}) | changes
    return open_space(TypeAdapter(SpaceSpec).validate_python(document), folder)


@pytest.mark.parametrize("parquet", [False, True])
def test_categories_are_features(tmp_path, parquet):
    space = opened(tmp_path, parquet=parquet)
    assert isinstance(space, DescribingSpace)
    assert not isinstance(space, TabulatedSpace)
    groups = space.pool().groups
    solvent, grade = groups["solvent"], groups["grade"]
    assert solvent.columns == ("solvent=acid", "solvent=hexane", "solvent=water", "stirred")
    assert solvent.values[solvent.index].tolist() == [[0, 0, 1, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]]
    assert grade.values[grade.index].ravel().tolist() == [0.0, 2.0, 1.0, 0.0]
    assert groups["polarity"].values[groups["polarity"].index].ravel().tolist() == [1.0, 0.009, 1.0, 0.6]
    described = {column.name: (column.unit, column.allowed) for column in space.columns()}
    assert described == {
        "solvent": (None, ("acid", "hexane", "water")),
        "stirred": (None, ("false", "true")),
        "grade": (None, ("low", "medium", "high")),
        "temperature": ("K", None),
    }
    assert space.cells("b") == {"solvent": "hexane", "stirred": "false", "grade": "high", "temperature": 310.0}


@pytest.mark.parametrize("parquet", [False, True])
def test_a_candidate_that_the_table_does_not_list(tmp_path, parquet):
    before = opened(tmp_path, parquet=parquet)
    space = opened(tmp_path, parquet=parquet, off_pool=[NEW])
    pool = space.pool()
    assert pool.ids.tolist() == ["a", "b", "c", "d", "new"]
    assert pool.cost[4] == np.median(ROWS["cost"])
    assert space.cells("new") == NEW["cells"]
    for name, group in pool.groups.items():
        old = before.pool().groups[name]
        assert group.columns == old.columns
        assert (group.values[group.index[:4]] == old.values[old.index]).all()
    assert opened(tmp_path, parquet=parquet, off_pool=[NEW | {"cost": 7.0}]).pool().cost[4] == 7.0


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (
            {"g": {"columns": ["grade"], "categories": ["low", "high"]}},
            "row 3 of column 'grade' is 'medium'; expected",
        ),
        ({"g": {"columns": ["grade"]}}, r"row 1 of column 'grade' is 'low', expected a number"),
        (
            {"g": {"columns": ["temperature"], "units": {"grade": "K"}}},
            r"features\.g\.units: 'grade' is not a column",
        ),
    ],
)
def test_categories_and_units_that_do_not_fit(tmp_path, features, message):
    with pytest.raises(ConfigurationError, match=message):
        opened(tmp_path, features=features)


@pytest.mark.parametrize("features", [["grade"], "grade", {"settings": ["grade"]}, {"settings": "grade"}])
def test_columns_without_a_group_are_refused_with_an_example(tmp_path, features):
    with pytest.raises(ValidationError, match=r"groups of columns by name, such as {'settings': {'columns': \['grade'\]}}"):
        opened(tmp_path, features=features)


def test_columns_that_are_listed_have_different_units_unless_the_file_says_otherwise(tmp_path):
    def mixed(**group: object) -> tuple[bool, bool]:
        listed = {"columns": ["temperature", "cost"]} | group
        joined = {"lookup": "solvents.csv", "key": "solvent", "columns": ["polarity", "acidity"]} | group
        space = opened(tmp_path, columns={"id": "id"}, features={"listed": listed, "joined": joined})
        groups = space.pool().groups
        return groups["listed"].mixed, groups["joined"].mixed

    assert mixed(scale="auto") == mixed(scale="range") == (True, True)
    assert mixed(scale="none") == mixed() == (False, False)
    assert mixed(scale="auto", categorical=True) == (False, False)


def test_text_as_a_number_is_refused_with_the_key_for_text(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        opened(tmp_path, features={"g": {"columns": ["grade"]}})
    assert "categories: one_hot" in caught.value.hint


def test_a_table_without_values_is_no_table_of_known_values(tmp_path):
    opened(tmp_path)
    with pytest.raises(ConfigurationError, match=r"space\.columns\.value: missing"):
        TableSpace(TypeAdapter(SpaceSpec).validate_python(SPACE), tmp_path)


def campaign(**changes):
    document = {
        "schema_version": 1,
        "name": "x",
        "space": SPACE,
        "calculator": {"type": "manual"},
        "objective": {"unit": "GPa"},
    }
    return CampaignSpec.model_validate(document | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calculator": None}, r"calculator: missing; .* expected calculator: {type: manual}"),
        ({"calculator": {"type": "emt"}}, "a table space has no structures to compute; expected type manual"),
        ({"calculator": {"type": "manual", "expires": 0}}, "greater than 0"),
        ({"calculator": {"type": "manual", "relaxation": {}}}, "Extra inputs"),
        ({"objective": {"unit": "GPx"}}, "unit 'GPx' is not known; expected one of mJ/m2"),
        ({"space": SPACE | {"columns": {"id": "id", "value": "y"}}}, "a table space already holds its values"),
        ({"space": SPACE | {"columns": {"id": "id", "value": "y"}, "off_pool": [NEW]}}, "the values of this table are known"),
    ],
)
def test_specs_that_do_not_fit(changes, message):
    with pytest.raises(ValidationError, match=message):
        campaign(**changes)


def test_what_was_measured_makes_no_other_campaign():
    plain = campaign()
    assert spec_hash(plain) == spec_hash(campaign(space=SPACE | {"off_pool": [NEW]}))
    assert spec_hash(plain) != spec_hash(campaign(calculator={"type": "manual", "procedure": "other"}))


def test_a_decimal_point_beside_decimal_commas_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("id;x;y\na;1,5;1.5\nb;1.046;2.5\n")
    columns = TableFile(path, "known.file").read(["x", "y"])
    assert columns.numbers("y", "known.value").tolist() == [1.5, 2.5]
    with pytest.raises(ConfigurationError, match=r"known.value: row 2 of column 'x' is '1.046' beside decimal commas"):
        columns.numbers("x", "known.value")
