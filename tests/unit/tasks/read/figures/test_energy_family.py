"""Twists and inclinations have their own axes, and a Read-Shockley-Wolf fit beside."""

from types import SimpleNamespace

import numpy as np
import pytest

from tansaku.tasks.read.figures import energy_family
from tansaku.tasks.read.figures.drawing import table_of


def row(plane, energy, kind="tilt", axis=(1, 1, 0), sigma=3, angle=70.53, **keys):
    return {
        "system": "s",
        "plane": list(plane),
        "kind": kind,
        "axis": list(axis),
        "sigma": sigma,
        "angle": angle,
        "E_gb": energy,
        "E_gb_polished": None,
    } | keys


ANGLES = ((25, 16.3), (13, 22.6), (5, 36.9), (5, 53.1))
TWISTS = [row((0, 0, 1), 0.0, "twist", (0, 0, 1), sigma, angle) for sigma, angle in ANGLES]


@pytest.fixture
def families(monkeypatch):
    def made(rows, axial=False):
        monkeypatch.setattr(energy_family.results, "system_rows", lambda _: rows)
        monkeypatch.setattr(energy_family.results, "system_label", lambda item: f"({' '.join(map(str, item['plane']))})")
        spec = SimpleNamespace(
            space=SimpleNamespace(reference_crystal=SimpleNamespace(axial=axial)), objective=SimpleNamespace(unit="mJ/m2")
        )
        return energy_family.energy_families(SimpleNamespace(spec=spec))

    return made


def test_a_twist_series_is_fitted_by_the_function_it_was_made_from(families):
    def value(angle):
        s = np.sin(np.pi / 2 * angle / 45)
        return 700 * s - 300 * s * np.log(s)

    rows = [item | {"E_gb": value(min(item["angle"], 90 - item["angle"]))} for item in TWISTS]
    [family] = families(rows)
    assert family.numbers == pytest.approx((0.0, 700.0, 300.0))
    assert family.fitted == pytest.approx(family.energy)
    assert (family.stem, family.quantity, family.highest) == ("energy-twist-about-0-0-1", "twist angle", 45.0)


def test_inclinations_are_measured_about_the_axis_from_the_lowest_plane(families):
    # The planes of examples/cu-sigma3-inclinations.yaml and its angles.
    planes = [((1, -1, -1), 22, 0), ((5, -5, -2), 281, 19.47), ((1, -1, 0), 497, 35.26), ((1, -1, 1), 657, 70.53)]
    rows = [row(plane, energy) for plane, energy, _ in planes] + [row((1, -1, 2), 592, E_gb_polished=590)]
    [family] = families(rows)
    assert family.angle == pytest.approx([*(angle for *_, angle in planes), 90.0], abs=0.01)
    assert family.energy.tolist() == [22, 281, 497, 657, 590]
    assert family.numbers[0] == 22
    names, table = table_of(energy_family.table(family))
    assert names == ["boundary", "inclination", "energy", "read_shockley_wolf"]
    assert table[0][:3] == ["(1 -1 -1)", pytest.approx(0.0, abs=1e-6), 22]


def test_few_boundaries_other_kinds_and_other_crystals_have_no_such_figure(families):
    assert families(TWISTS[:2]) == []
    assert families([item | {"kind": "mixed"} for item in TWISTS]) == []
    assert families([{key: value for key, value in item.items() if key != "kind"} for item in TWISTS]) == []
    assert families(TWISTS, axial=True) == []
    [unfitted] = families([item | {"E_gb": 500.0} for item in TWISTS[:3]])
    assert np.isnan(unfitted.fitted).all()


def test_the_figure_is_drawn(families, tmp_path):
    [family] = families([item | {"E_gb": 700.0} for item in TWISTS])
    assert energy_family.draw_png(family, tmp_path / "twist.png").stat().st_size > 10_000
    page = energy_family.draw_png(family, tmp_path / "twist.svg").read_text(encoding="utf-8")
    assert "twist angle [°]" in page
    assert "Read-Shockley-Wolf" in page
