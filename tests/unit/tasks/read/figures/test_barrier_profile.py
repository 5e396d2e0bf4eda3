"""Paths of the best compositions, drawn."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread

from tansaku.tasks.read.figures.barrier_profile import MOST_PROFILES, Profile, draw_png, profiles
from tansaku.tasks.read.views.campaign import Campaign

HOSTILE = "</script><script>alert(1)</script>"


def profile(label: str = "Li-V3-P5-F  0.14 eV") -> Profile:
    return Profile(label, np.array([0.0, 2.0, 4.1, 6.0, 8.2]), np.array([0.0, 0.14, 0.0, 0.08, 0.0]))


def test_the_line_goes_through_every_point_and_beyond_none():
    one = profile()
    x, y = one.curve()
    assert (np.diff(x) >= 0).all()
    for distance, energy in zip(one.distance, one.energy, strict=True):
        assert np.abs(y[np.abs(x - distance) < 1e-9] - energy).max() < 1e-12
    assert y.max() == one.energy.max()
    assert y.min() == one.energy.min()


def test_figures_are_drawn_and_labels_are_text(tmp_path):
    lines = [profile(f"{HOSTILE} {number}") for number in range(MOST_PROFILES)]
    picture = imread(draw_png(lines, tmp_path / "p.png"))
    assert picture.std() > 0.01
    page = draw_png(lines, tmp_path / "p.svg").read_text()
    assert "<script>alert(1)" not in page
    assert "0.14" in page


def test_campaigns_without_barriers_have_no_paths(recorded):
    assert profiles(Campaign.load(recorded("a1"), "small-table")) == []


def test_the_lowest_barriers_are_taken_in_order(tavorite_search):
    data = tavorite_search(12)
    found = profiles(data)
    values = sorted(one.outcome.value for one in data.evaluations if one.outcome.value is not None)
    assert len(found) == MOST_PROFILES
    assert found[0].energy.max() == values[0]
    assert [float(one.label.split()[-2]) for one in found] == pytest.approx(values[:MOST_PROFILES], abs=0.006)
