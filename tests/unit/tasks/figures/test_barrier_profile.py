"""Paths of the best compositions, drawn."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread

from tansaku.tasks.figures.barrier_profile import MOST_PROFILES, Profile, draw_html, draw_png, profiles

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
    page = draw_html(lines, tmp_path / "p.html", HOSTILE).read_text()
    assert "<script>alert(1)" not in page
    assert "0.14" in page


def test_campaigns_without_barriers_have_no_paths(tavorite_search):
    assert profiles(tavorite_search(6)) == []


def test_the_lowest_barriers_are_taken_in_order(tavorite_search):
    data = tavorite_search(12)
    changed = []
    for evaluation in data.evaluations:
        if evaluation.outcome.value is not None:
            told = {"energies": [0.0, 0.3, 0.0], "frame_index": [0.0, 2.0, 4.0], "forward_barrier": evaluation.outcome.value}
            outcome = evaluation.outcome.model_copy(update={"properties": told})
            evaluation = evaluation.model_copy(update={"outcome": outcome})
        changed.append(evaluation)
    data = type(data)(data.record, data.spec, data.space, tuple(changed), data.refits)
    found = profiles(data)
    values = sorted(one.outcome.value for one in changed if one.outcome.value is not None)
    assert len(found) == MOST_PROFILES
    assert [float(one.label.split()[-2]) for one in found] == pytest.approx(values[:MOST_PROFILES], abs=0.006)
