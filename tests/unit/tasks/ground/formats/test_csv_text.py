"""Names of columns, read from the first line of a CSV file of anybody."""

import pytest

from tansaku.tasks.ground.formats.csv_text import heading_of


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n", ["a", "b"]),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", ["a", "b"]),
        (b"a;b (x,y);c\n", ["a", "b (x,y)", "c"]),
        (b"a\tb\n", ["a", "b"]),
        (b'"a, in eV",b\n', ["a, in eV", "b"]),
        (b"yield\n", ["yield"]),
    ],
)
def test_names_of_columns(tmp_path, content, expected):
    (tmp_path / "t.csv").write_bytes(content)
    assert heading_of(tmp_path / "t.csv") == expected


@pytest.mark.parametrize(
    "content", [b"", b"\n1,2\n", b'"a\nb",c\n', b"a,b\r1,2\r", b"\xff\xfea,b\n", b"a," * 40_000 + b"b\n"], ids=range(6)
)
def test_a_first_line_that_only_a_whole_reader_understands_tells_nothing(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    assert heading_of(tmp_path / "t.csv") is None
