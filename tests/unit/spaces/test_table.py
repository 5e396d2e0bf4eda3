"""Tables as spaces: the campaign file of the documentation, and what is wrong with broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.table import TableSpaceSpec
from tansaku.spaces.space_registry import open_space
from tansaku.spaces.table import TableSpace
from tests.support.campaign_files import table_space

CAMPAIGN = """
schema_version: 1
name: my-table
space:
  type: table
  candidates: candidates.parquet      # one row per candidate
  columns: {id: id, system: system, surface: surface, value: value, cost: cost}
  features:
    translation: {columns: [x, y, z]}
    structure: {lookup: surfaces.csv, key: surface, columns: "d*"}
    angle: {lookup: systems.csv, key: system, columns: [folded_angle]}
objective: {direction: minimize, unit: mJ/m2}
proposer: {type: gp, preset: default}     # or: preset: published | single-task; type: random | grid
budget: {cost: 100000}
"""

ROWS = {
    "id": ["b", "a", "d", "c"],
    "system": ["s2", "s1", "s2", "s1"],
    "surface": ["s2-0", "s1-0", "s2-1", "s1-0"],
    "value": [2.0, 1.0, float("nan"), 3.0],
    "cost": [20.0, 10.0, 40.0, 30.0],
    "x": [0.1, 0.0, 0.1, 0.2],
    "y": [0.0, 0.0, 0.0, 0.0],
    "z": [1.0, 1.0, 1.0, 1.0],
}


def write(folder: Path, rows: dict = ROWS, *, csv: bool = False) -> None:
    table = pa.table(rows)
    if csv:
        pyarrow.csv.write_csv(table, folder / "candidates.csv")
    else:
        pyarrow.parquet.write_table(table, folder / "candidates.parquet")
    (folder / "surfaces.csv").write_text("surface,d000,d001,note\ns2-1,5,6,x\ns1-0,1,2,y\ns2-0,1,2,z\nunused,nan,0,w\n")
    (folder / "systems.csv").write_text("system,folded_angle,plane\ns1,38.9,(114)\ns2,70.5,(111)\n")


def space_spec(**changes) -> TableSpaceSpec:
    document = yaml.safe_load(CAMPAIGN)
    document["space"].update(changes)
    return CampaignSpec(**document).space


@pytest.mark.parametrize("csv", [False, True])
def test_the_documented_file_opens_beside_its_tables(tmp_path, csv):
    write(tmp_path, csv=csv)
    space = open_space(space_spec(candidates="candidates.csv") if csv else space_spec(), tmp_path)
    pool = space.pool()
    assert pool.ids.tolist() == ["a", "b", "c", "d"]
    assert pool.systems == ("s1", "s2")
    assert [pool.systems[code] for code in pool.system_codes] == ["s1", "s2", "s1", "s2"]
    assert [pool.surfaces[code] for code in pool.surface_codes] == ["s1-0", "s2-0", "s1-0", "s2-1"]
    assert pool.cost.tolist() == [10.0, 20.0, 30.0, 40.0]
    np.testing.assert_array_equal(space.values(), [1.0, 2.0, 3.0, np.nan])
    translation, structure, angle = (pool.groups[name] for name in ("translation", "structure", "angle"))
    assert translation.values[translation.index].tolist() == [[0, 0, 1], [0.1, 0, 1], [0.2, 0, 1], [0.1, 0, 1]]
    assert len(translation.values) == 3
    # Two surfaces with the same descriptor share a row.
    assert structure.columns == ("d000", "d001")
    assert structure.values.tolist() == [[1, 2], [5, 6]]
    assert structure.index.tolist() == [0, 0, 0, 1]
    assert angle.values[angle.index].ravel().tolist() == [38.9, 70.5, 38.9, 70.5]
    assert space.describe_systems() == [
        {"system": "s1", "candidates": 2, "folded_angle": 38.9, "plane": "(114)"},
        {"system": "s2", "candidates": 2, "folded_angle": 70.5, "plane": "(111)"},
    ]


def test_recorded_values_and_failures(tmp_path):
    write(tmp_path)
    space = TableSpace(space_spec(), tmp_path)
    assert space.recorded("b").value == 2.0
    failed = space.recorded("d")
    assert failed.value is None
    assert failed.failure.reason == "recorded_failure"
    with pytest.raises(NotFoundError, match="'e'"):
        space.recorded("e")
    with pytest.raises(NotFoundError, match="no structures"):
        space.structure("b")


@pytest.mark.parametrize("csv", [False, True])
def test_ids_stay_what_the_table_says(tmp_path, csv):
    ids = ["007", "7", "10", "9"]
    write(tmp_path, ROWS | {"id": ids}, csv=csv)
    spec = space_spec(candidates="candidates.csv") if csv else space_spec()
    assert TableSpace(spec, tmp_path).pool().ids.tolist() == ["007", "10", "7", "9"]


def test_integer_ids_are_written_out_without_loss(tmp_path):
    write(tmp_path, ROWS | {"id": [2**63 - 1, 10, 9, 2**53 + 1]})
    assert TableSpace(space_spec(), tmp_path).pool().ids.tolist() == sorted(["9", "10", str(2**53 + 1), str(2**63 - 1)])


def test_order_of_rows_changes_nothing(tmp_path):
    write(tmp_path)
    one = TableSpace(space_spec(), tmp_path)
    write(tmp_path, {name: list(reversed(column)) for name, column in ROWS.items()})
    other = TableSpace(space_spec(), tmp_path)
    np.testing.assert_array_equal(one.values(), other.values())
    for name, group in one.pool().groups.items():
        np.testing.assert_array_equal(group.values, other.pool().groups[name].values)
        np.testing.assert_array_equal(group.index, other.pool().groups[name].index)


def test_without_system_surface_and_cost(tmp_path):
    write(tmp_path)
    spec = space_spec(columns={"id": "id", "value": "value"}, features={"translation": {"columns": ["x"]}})
    pool = TableSpace(spec, tmp_path).pool()
    assert (pool.systems, pool.surfaces, pool.cost.tolist()) == (("all",), ("all",), [1.0] * 4)
    spec = space_spec(columns={"id": "id", "value": "value", "system": "system"}, features={"t": {"columns": ["x"]}})
    pool = TableSpace(spec, tmp_path).pool()
    assert pool.surfaces == pool.systems == ("s1", "s2")


def test_numeric_systems_come_in_numeric_order_and_join_with_what_a_csv_wrote(tmp_path):
    write(tmp_path, ROWS | {"system": [109.5, 20.0, 109.5, 20.0]})
    (tmp_path / "systems.csv").write_text("system,folded_angle\n109.50,70.5\n20.0,20.0\n")
    pool = TableSpace(space_spec(), tmp_path).pool()
    assert pool.systems == ("20", "109.5")
    angle = pool.groups["angle"]
    assert angle.values[angle.index].ravel().tolist() == [20.0, 70.5, 20.0, 70.5]


def test_a_pattern_never_takes_ids_or_the_objective_for_features(tmp_path):
    write(tmp_path, {name: ROWS[name] for name in ("id", "value", "x", "y")})
    spec = space_spec(columns={"id": "id", "value": "value"}, features={"all": {"columns": "*"}})
    assert TableSpace(spec, tmp_path).pool().groups["all"].columns == ("x", "y")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"id": ["b", "a", "b", "c"]}, r"space\.columns\.id: id 'b' is in more than one row"),
        ({"id": [1.5, 2.0, 3.0, 4.0]}, r"space\.columns\.id: column 'id' holds double, expected text or integers"),
        ({"id": ["b", None, "d", "c"]}, r"space\.columns\.id: row 2 of column 'id' is empty"),
        ({"cost": [20.0, 0.0, 40.0, 30.0]}, r"space\.columns\.cost: candidate 'a' has the cost 0\.0, expected a positive"),
        ({"cost": [20.0, float("nan"), 40.0, 30.0]}, r"space\.columns\.cost: candidate 'a' has the cost nan"),
        ({"value": [2.0, float("inf"), 1.0, 1.0]}, r"space\.columns\.value: candidate 'a' has the value inf"),
        ({"value": [float("nan")] * 4}, r"space\.columns\.value: no candidate has a value"),
        ({"x": ["1", "wide", "2", "3"]}, r"space\.features\.translation\.columns: row 2 of column 'x' is 'wide', expected"),
        (
            {"x": [0.1, 0.2, None, 0.4]},
            r"space\.features\.translation\.columns: row 3 of column 'x' is empty; fill it in, or leave out",
        ),
        ({"x": [0.1, 0.2, -1.7e308, 0.4]}, r"row 3 of column 'x' is -1\.7e\+308; expected a finite number of at most 1e\+100"),
        ({"x": [True, False, True, False]}, r"column 'x' holds bool, expected numbers"),
        ({"surface": ["s1-0"] * 4}, r"space\.columns\.surface: surface 's1-0' is in the systems 's1' and 's2'"),
        ({"system": ["s1", "s3", "s1", "s3"]}, r"space\.features\.angle\.lookup: 'systems\.csv' has no row for system s3"),
    ],
)
def test_broken_tables_are_named_by_key_and_value(tmp_path, rows, message):
    write(tmp_path, ROWS | rows)
    with pytest.raises(ConfigurationError, match=message):
        TableSpace(space_spec(), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"candidates": "absent.parquet"}, r"space\.candidates: no file '.*absent\.parquet'"),
        ({"candidates": "campaign.yaml"}, r"space\.candidates: 'campaign\.yaml' has an unknown ending"),
        ({"columns": {"id": "id", "value": "energy"}}, r"space\.columns\.value: .* has no column 'energy'; it has id, system"),
        ({"features": {"t": {"columns": ["x", "w"]}}}, r"space\.features\.t\.columns: .* has no column 'w'"),
        ({"features": {"t": {"columns": "q*"}}}, r"space\.features\.t\.columns: no column of .* matches 'q\*'"),
        ({"features": {"t": {"columns": ["x", "x"]}}}, r"each once"),
        ({"features": {"t": {"lookup": "surfaces.csv", "key": "plane", "columns": "d*"}}}, r"features\.t\.key: .* 'plane'"),
        ({"features": {"t": {"lookup": "no.csv", "key": "system", "columns": "d*"}}}, r"features\.t\.lookup: no file"),
        ({"sha256": "0" * 64}, r"space\.candidates: .* expected 0000"),
    ],
)
def test_specs_that_do_not_fit_the_tables(tmp_path, changes, message):
    write(tmp_path)
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    with pytest.raises(ConfigurationError, match=message):
        TableSpace(space_spec(**changes), tmp_path)


def test_two_rows_for_one_key_and_unreadable_files(tmp_path):
    write(tmp_path)
    (tmp_path / "systems.csv").write_text("system,folded_angle\ns1,1\ns2,2\ns1,3\n")
    with pytest.raises(ConfigurationError, match="two rows for system s1"):
        TableSpace(space_spec(), tmp_path)
    (tmp_path / "candidates.parquet").write_bytes(b"not parquet")
    with pytest.raises(ConfigurationError, match=r"space\.candidates: cannot read"):
        TableSpace(space_spec(), tmp_path)


def test_csv_cells_that_change_their_kind_far_down(tmp_path):
    n = 60_000
    lines = [f"{k:05d},{k % 7},{1 if k < n - 1 else 'nan'}" for k in range(n)]
    (tmp_path / "candidates.csv").write_text("id,x,value\n" + "\n".join(lines) + "\n")
    spec = space_spec(candidates="candidates.csv", columns={"id": "id", "value": "value"}, features={"t": {"columns": ["x"]}})
    space = TableSpace(spec, tmp_path)
    assert np.isnan(space.values()[-1])
    assert not np.isnan(space.values()[:-1]).any()


def test_codes_of_categories_are_marked(tmp_path):
    write(tmp_path)
    features = {
        "translation": {"columns": ["x", "y", "z"], "categorical": True},
        "angle": {"lookup": "systems.csv", "key": "system", "columns": ["folded_angle"], "categorical": True},
        "structure": {"lookup": "surfaces.csv", "key": "surface", "columns": "d*"},
    }
    groups = TableSpace(space_spec(features=features), tmp_path).pool().groups
    assert {name: group.categorical for name, group in groups.items()} == {
        "translation": True,
        "angle": True,
        "structure": False,
    }


def with_quantity(column: str = "hull") -> TableSpaceSpec:
    columns = space_spec().columns.model_dump() | {"quantities": {"stability": {"column": column, "unit": "meV/atom"}}}
    return space_spec(columns=columns)


def test_further_results_come_in_the_unit_that_is_asked_for(tmp_path):
    write(tmp_path, ROWS | {"hull": [20.0, 10.0, float("nan"), 30.0]})
    space = TableSpace(with_quantity(), tmp_path)
    order = np.argsort(ROWS["id"])
    expected = np.array([20.0, 10.0, np.nan, 30.0])[order]
    np.testing.assert_array_equal(space.quantity("stability", "meV/atom"), expected)
    np.testing.assert_allclose(space.quantity("stability", "eV/atom"), expected / 1000)
    given = {name: space.recorded(name).quantities for name in space.pool().ids[~np.isnan(space.values())]}
    assert {name: one["stability"].value for name, one in given.items() if one} == {
        str(name): value for name, value in zip(space.pool().ids, expected, strict=True) if name in given and value == value
    }
    with pytest.raises(
        ConfigurationError, match=r"space.columns.quantities: 'hardness' is not among them; there are stability"
    ):
        space.quantity("hardness", "eV")
    with pytest.raises(ConfigurationError, match=r"quantities.stability.unit: 'meV/atom' cannot be converted to 'eV'"):
        space.quantity("stability", "eV")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("hall", [1.0] * 4, r"space\.columns\.quantities\.stability\.column: .*'hall'"),
        ("hull", [1.0, float("inf"), 1.0, 1.0], r"quantities\.stability\.column: candidate '.' has the value inf"),
        ("hull", [float("nan")] * 4, r"quantities\.stability\.column: no candidate has a value"),
    ],
)
def test_a_bad_column_of_further_results_is_named(tmp_path, column, values, message):
    write(tmp_path, ROWS | {"hull": values})
    with pytest.raises(ConfigurationError, match=message):
        TableSpace(with_quantity(column), tmp_path)


def test_a_table_of_very_many_columns_is_refused_at_once(tmp_path):
    (tmp_path / "wide.csv").write_text(",".join(f"c{number}" for number in range(200_000)) + "\n")
    spec = TableSpaceSpec.model_validate(table_space("wide.csv", {"id": "c0", "value": "c1"}, {"x": {"columns": ["c2"]}}))
    with pytest.raises(ConfigurationError, match=r"'wide\.csv' has 200,000 columns; expected at most 10,000"):
        open_space(spec, tmp_path)
