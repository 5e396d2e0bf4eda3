"""Searches over the whole period of a boundary find what other builders found (references of issue 22)."""

import pytest

# (3 3 10) is 0.8 mJ/m² higher with grains of 20 Å than with 30 Å.
BLOCKS = {"boundaries": 1, "polish": [20.0, 30.0]}


def test_a_small_search_with_one_boundary_finds_the_cusp(campaign):
    [row] = campaign([(1, 1, 3)], 8, cell={"boundaries": 1})
    assert row["E_gb_polished"] == pytest.approx(150.8, abs=0.3)
    assert [grain["thickness"] for grain in row["thickness"]["grains"]] == pytest.approx([14.65, 20.76, 30.53], abs=0.01)
    assert row["thickness"]["matters"] is False
    assert row["excess_volume"] == pytest.approx(row["polished"][0]["quantities"]["excess_volume"]["value"])
    assert set(row["stress"]) == {"xx", "yy", "xy"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plane", "at_most"), [((2, 2, 9), 364.5), ((1, 1, 8), 399.5), ((5, 5, 4), 319.5), ((3, 3, 10), 279.8)]
)
def test_the_true_minima_are_found(campaign, plane, at_most):
    [row] = campaign([plane], 60, cell=BLOCKS)
    assert row["E_gb_polished"] <= at_most


@pytest.mark.slow
def test_off_the_mirror_planes_fifteen_evaluations_do(campaign):
    general = {"normal": [0.3], "in_plane": {"step": 0.3}, "along_axis": {"step": 0.3}, "positions": "general"}
    [row] = campaign([(3, 3, 10)], 15, cell=BLOCKS, translation=general)
    assert row["E_gb_polished"] <= 279.8
