"""What thicker grains changed, as results show it."""

from types import SimpleNamespace

import pytest

from tansaku.tasks.read.views.results import thickness_lines, thickness_report


def evaluation(change, failure=None):
    """A final relaxation in grains of 16 and 33 Å."""
    grains = [
        {"thickness": 16.2, "atoms": 100, "energy": None if failure else 0.25, "failure": failure},
        {"thickness": 33.1, "atoms": 200, "energy": 0.26, "failure": None},
    ]
    return SimpleNamespace(outcome=SimpleNamespace(properties={"grain_thicknesses": grains, "thickness_change": change}))


@pytest.mark.parametrize(
    ("change", "failure", "line"),
    [
        (0.0019, None, None),
        (-0.0019, None, None),
        (-0.0074, None, "s1: grains of 33 instead of 16 Å change it by -7.4 mJ/m2; the value of the thicker grains is shown"),
        (
            None,
            "rotated_grain",
            "s1: grains of 33 instead of 16 Å give a value (rotated_grain before); the value of the thicker",
        ),
    ],
)
def test_a_line_says_what_changed_by_more_than_2_mj(change, failure, line):
    report = thickness_report(evaluation(change, failure))
    assert report["matters"] is (line is not None)
    lines = thickness_lines([{"system": "s1", "thickness": report}, {"system": "s2", "thickness": None}])
    assert [found.startswith(line) for found in lines] == ([True] if line else [])


def test_without_thicker_grains_there_is_nothing_to_report():
    assert thickness_report(None) is None
    assert thickness_report(SimpleNamespace(outcome=None)) is None
    assert thickness_report(SimpleNamespace(outcome=SimpleNamespace(properties={}))) is None
