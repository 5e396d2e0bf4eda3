import pytest

from tansaku.models.domain.specs.column_scale import have_different_units


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["rdf_001", "rdf_002", "rdf_010"], False),
        (["d1", "d2"], False),
        (["soap0000", "soap0001"], False),
        (["bin 0.5", "bin 1.0"], False),
        (["mass", "charge", "radius"], True),
        (["d1", "d2", "mass"], True),
        (["d1", "e2"], True),
        (["x1 [A]", "x2 [eV]"], True),
        (["g1 [1/A]", "g2 [1/A]"], False),
        (["dos_-5.0", "dos_0.0", "dos_5.0"], False),
        (["1", "2"], False),
    ],
)
def test_numbered_columns_of_one_name_have_one_unit(columns, expected):
    assert have_different_units("auto", columns) is expected


@pytest.mark.parametrize(("scale", "expected"), [("range", True), ("none", False), (None, False)])
def test_what_the_file_says_counts_whatever_the_names_are(scale, expected):
    assert have_different_units(scale, ["d1", "d2"]) is expected
    assert have_different_units(scale, ["mass", "charge"]) is expected


@pytest.mark.parametrize(
    ("units", "expected"),
    [({}, False), ({"d1": "eV"}, False), ({"d1": "eV", "d2": "eV"}, False), ({"d1": "eV", "d2": "K"}, True)],
)
def test_units_that_the_file_gives_count_more_than_numbered_names(units, expected):
    assert have_different_units("auto", ["d1", "d2"], units) is expected
