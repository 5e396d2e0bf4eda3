"""What is wrong with a table is reported by name."""

import numpy as np
import pandas as pd
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.tasks.table_file import Wanted, check_size, read_table


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(20, 4)), columns=["a", "b", "c", "y"])
    return frame.assign(flat=1.0, twice=2.0 * frame["a"] + 1.0, sum=frame["a"] + frame["b"], name="text")


@pytest.fixture
def read(tmp_path):
    def write_and_read(frame, **wanted):
        path = tmp_path / "t.csv"
        frame.to_csv(path, index=False)
        return read_table(path, Wanted("y", **wanted))

    return write_and_read


def test_columns_that_tell_nothing_are_named_and_left_out(read, frame):
    table = read(frame)
    assert table.names == ("a", "b", "c", "sum")
    said = "; ".join(table.findings)
    for part in ("constant, left out: 'flat'", "duplicate, left out: 'twice' is 'a'", "text, left out: 'name'",
                 "collinear: 'sum' is a linear combination of 'a', 'b'"):  # fmt: skip
        assert part in said


@pytest.mark.parametrize("form", [lambda y: 3.0 * y - 1.0, np.exp])
def test_leakage_is_refused_by_name(read, frame, form):
    leaking = frame.assign(leak=form(frame["y"]))
    with pytest.raises(ConfigurationError, match="leaks into 'leak'"):
        read(leaking)
    assert "leak" in read(leaking, keep=("leak",)).names
    assert "leak" not in read(leaking, without=("leak",)).names


def test_a_target_that_is_a_sum_of_columns_is_named(read, frame):
    said = "target 'y' is a linear combination of 'a', 'rest': leave out"
    findings = read(frame.assign(rest=frame["y"] - 2.0 * frame["a"])).findings
    assert findings[-1].startswith(said)
    assert "collinear: 'sum' is a linear combination of 'a', 'b'" in findings
    assert not any("target" in finding for finding in read(frame.assign(rest=frame["y"] - 0.9 * frame["c"] ** 2)).findings)
    wide = pd.DataFrame(np.random.default_rng(1).normal(size=(20, 19)), columns=[f"w{place}" for place in range(19)])
    assert not any("target" in finding for finding in read(wide.assign(y=frame["y"])).findings), "19 columns fit any 20 rows"


@pytest.mark.parametrize(("separator", "decimal"), [(";", ","), (";", "."), ("\t", ",")])
def test_spreadsheets_of_other_countries(tmp_path, frame, separator, decimal):
    frame.to_csv(tmp_path / "t.csv", index=False, sep=separator, decimal=decimal)
    table = read_table(tmp_path / "t.csv", Wanted("y"))
    assert table.x == pytest.approx(frame[list(table.names)].to_numpy())


def test_a_few_wrong_cells_and_names_that_occur_twice_are_named(read, frame, tmp_path):
    odd = frame.astype({"a": object})
    odd.loc[4, "a"] = "1.2.3"
    with pytest.raises(ConfigurationError, match=r"not a number: 'a', row 6: '1.2.3'"):
        read(odd)
    assert "a" not in read(odd, without=("a",)).names
    (tmp_path / "t.csv").write_text("a,a,y\n1,2,3\n4,5,7\n1,1,2\n")
    with pytest.raises(ConfigurationError, match="more than one column is called 'a'"):
        read_table(tmp_path / "t.csv", Wanted("y"))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_no_table(read, frame, rows):
    with pytest.raises(ConfigurationError, match="expected at least 3"):
        read(frame.head(rows))


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_huge_and_tiny_columns_are_no_constants(read, frame, factor):
    assert read(frame.assign(a=frame["a"] * factor)).names == ("a", "b", "c", "sum")
    assert read(frame.assign(y=frame["y"] * factor)).names == ("a", "b", "c", "sum")


def test_all_that_is_refused_is_said_at_once(read, frame):
    frame.loc[3, "b"] = np.nan
    with pytest.raises(ConfigurationError, match=r"'b' \(1 rows\); target 'y' leaks into 'leak'") as caught:
        read(frame.assign(leak=2.0 * frame["y"]))
    for part in ("--drop-rows", "--keep NAME", "text, left out: 'name'", "constant, left out: 'flat'"):
        assert part in caught.value.hint


def test_a_column_that_is_left_out_is_named_with_the_reason(read, frame):
    table = read(frame, without=("c",))
    for name, why in (("flat", "constant"), ("twice", "a duplicate of 'a'"), ("name", "text"), ("c", "by --without")):
        with pytest.raises(ConfigurationError, match=f"column '{name}' is left out: {why}"):
            table.place(name)


def test_missing_values_are_refused_or_their_rows_left_out(read, frame):
    frame.loc[3, "b"] = np.nan
    frame.loc[5, "c"] = np.inf
    with pytest.raises(ConfigurationError, match=r"'b' \(1 rows\), 'c' \(1 rows\)"):
        read(frame)
    assert len(read(frame, drop_rows=True).y) == 18


@pytest.mark.parametrize(("change", "match"), [({"y": 1.0}, "constant"), ({"y": list("abcd") * 5}, "4 classes")])
def test_targets_that_cannot_be_used(read, frame, change, match):
    with pytest.raises(ConfigurationError, match=match):
        read(frame.assign(**change))


def test_two_values_are_classes(read, frame):
    table = read(frame.assign(y=["no", "yes"] * 10))
    assert table.classes == ("no", "yes")
    assert table.y.tolist() == [0.0, 1.0] * 10
    numbers = read(frame.assign(y=[10, 9] * 10))
    assert numbers.classes == ("9", "10"), "the larger number is the second class"
    assert numbers.y.tolist() == [1.0, 0.0] * 10


def test_too_few_rows(read, frame, tmp_path):
    table = read(frame.head(5))
    with pytest.raises(ConfigurationError, match="5 rows for up to 4 columns"):
        check_size(table, 4, tmp_path)


def test_what_does_not_exist(read, frame, tmp_path):
    with pytest.raises(ConfigurationError, match="no column 'z'"):
        read(frame, without=("z",))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_table(tmp_path / "none.csv", Wanted("y"))
