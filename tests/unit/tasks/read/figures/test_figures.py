from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.grain_boundary import CrystalSpec
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.read.figures import convergence, draw_campaign, energy_angle, parity, structures
from tansaku.tasks.read.figures.style import footnote, spread
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import Predictions
from tansaku.tasks.read.views.results import convergence as converge

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


AL = structures.crystal_neighbours(CrystalSpec(structure="fcc", element="Al", lattice_parameter=4.05))


def _curve(polished: float = np.nan) -> energy_angle.EnergyCurve:
    return energy_angle.EnergyCurve(
        title=HOSTILE,
        angle=np.array([50.48, 70.53, 109.47]),
        searched=np.array([170.0, 360.0, 80.0]),
        polished=np.array([150.0, 350.0, polished]),
        labels=(HOSTILE, "Σ3 (112)", "Σ3 (111)"),
        evaluations=(10, 20, 30),
        unit="mJ/m2",
        fitted=np.full(3, np.nan),
    )


def _boundary() -> Atoms:
    """Two 'boundaries' at a quarter and three quarters of the height, atoms there dearer than the rest."""
    z = np.arange(0.5, 24)
    atoms = Atoms("Al24", positions=np.column_stack([np.zeros(24), np.arange(24) % 2 * 1.4, z]), cell=[4, 2.8, 24], pbc=True)
    energies = np.full(24, -3.36)
    energies[[5, 6]] += 0.3
    energies[[17, 18]] += 0.3
    atoms.calc = SinglePointCalculator(atoms, energies=energies)
    atoms.set_array("held", np.array([index in (0, 11, 12, 23) for index in range(24)]))
    atoms.set_array("grain", (np.arange(24) >= 12).astype(int))
    atoms.set_array("boundary", (np.arange(24) >= 12).astype(int))
    return atoms


def _predictions() -> Predictions:
    rng = np.random.default_rng(1)
    mean = rng.normal(200.0, 50.0, 30)
    values = mean + rng.normal(0.0, 10.0, 30)
    return Predictions(mean, np.full(30, 10.0), values, (HOSTILE,) * 30, "mJ/m2", np.arange(1, 31))


@settings(deadline=None)  # the first call imports scipy
@given(st.lists(st.floats(0, 180), min_size=1, max_size=40), st.floats(0.1, 6))
def test_spread_keeps_order_distance_and_mean(positions, spacing):
    positions = np.sort(np.array(positions))
    moved = spread(positions, spacing)
    assert (np.diff(moved) >= spacing - 1e-6).all()
    assert np.isclose(moved.mean(), positions.mean(), atol=1e-6)


def test_spread_leaves_what_is_apart_where_it_is():
    np.testing.assert_allclose(spread(np.array([10.0, 20.0, 40.0]), 3.0), [10, 20, 40])


def test_the_line_goes_through_the_lowest_energies_found():
    np.testing.assert_array_equal(_curve(66.0).curve, [150, 350, 66])
    np.testing.assert_array_equal(_curve(90.0).curve, [150, 350, 80])
    np.testing.assert_array_equal(_curve(np.nan).curve, [150, 350, 80])


def test_excess_is_measured_from_the_middle_of_the_grains():
    excess = structures.atomic_excess(_boundary())
    np.testing.assert_allclose(excess[[5, 6, 17, 18]], 0.3)
    np.testing.assert_allclose(np.delete(excess, [5, 6, 17, 18]), 0.0, atol=1e-12)


def test_picture_is_centred_on_the_first_boundary():
    one = structures.picture(_boundary(), "Σ3 (111)", AL)
    assert np.abs(one.z[one.excess > 0.1]).max() <= 0.5 + 1e-9
    assert np.abs(one.z).max() <= structures.HALF_HEIGHT
    assert np.abs(one.x).max() <= structures.HALF_WIDTH
    assert set(one.depth.round(6)) == {-1.0, 1.0}


def test_picture_does_not_depend_on_where_the_cell_is_cut():
    atoms = _boundary()
    shifted = atoms.copy()
    shifted.calc = SinglePointCalculator(shifted, energies=atoms.calc.results["energies"])
    shifted.positions[:, 2] += 19.0
    shifted.wrap()
    one, other = structures.picture(atoms, "", AL), structures.picture(shifted, "", AL)
    np.testing.assert_allclose(np.sort(one.z), np.sort(other.z), atol=1e-9)


def test_a_boundary_in_any_plane_is_seen_along_its_shortest_period():
    atoms = _boundary()
    turned = atoms.copy()
    turned.positions[:, :2] = atoms.positions[:, 1::-1]
    turned.set_cell([[2.8, 0, 0], [1.4, 4, 0], [0, 0, 24]])
    turned.calc = SinglePointCalculator(turned, energies=atoms.calc.results["energies"])
    one, other = structures.picture(atoms, "", AL), structures.picture(turned, "", AL, symmetric=False)
    for values, others in ((one.x, other.x), (one.z, other.z), (one.depth, other.depth)):
        np.testing.assert_allclose(np.sort(values), np.sort(others), atol=1e-9)


def test_a_structure_without_atomic_energies_is_refused():
    atoms = _boundary()
    atoms.calc = None
    with pytest.raises(ConfigurationError, match="per-atom energies"):
        structures.picture(atoms, "", AL)


def test_coordination_counts_neighbours_within_the_first_gap_of_the_crystal():
    crystal = bulk("Al", "fcc", a=4.05, cubic=True).repeat(3)
    # √(1/2) and 1 in units of the edge: half way between the first neighbours and the second.
    assert AL.shell == pytest.approx(4.05 * (np.sqrt(0.5) + 1) / 2)
    assert set(structures.coordination_numbers(crystal, AL.shell).tolist()) == {12}
    del crystal[0]
    found = structures.coordination_numbers(crystal, AL.shell)
    assert np.unique(found, return_counts=True)[1].tolist() == [12, 95]
    assert structures.picture(_boundary(), "", AL).usual == 12


def test_atoms_with_fewer_and_with_more_neighbours_have_other_colours(tmp_path):
    assert len({structures.coordination_colour(number, 12, 6) for number in range(6, 19)}) == 13
    shown = replace(structures.picture(_boundary(), "Σ3 (111)", AL), coordination=None)
    numbers = np.full(len(shown.x), 12)
    plain, marked = replace(shown, coordination=numbers), replace(shown, coordination=np.where(shown.excess > 0.1, 10, 12))
    images = [
        structures.draw_coordination_png([item], tmp_path / f"{name}.png").read_bytes()
        for name, item in (("plain", plain), ("marked", marked))
    ]
    assert images[0] != images[1]


def test_drawings_show_names_literally(tmp_path):
    pictures = [structures.picture(_boundary(), HOSTILE, AL)]
    for path in (
        energy_angle.draw_png(_curve(66.0), tmp_path / "angle.svg"),
        structures.draw_png(pictures, tmp_path / "structures.svg"),
        structures.draw_coordination_png(pictures, tmp_path / "coordination.svg"),
    ):
        page = path.read_text(encoding="utf-8")
        assert "alert(1)" in page
        assert not re.search(r"<(script|img)|(src|href)=\W*http", page)


def test_pngs_are_drawn_and_the_same_again(tmp_path):
    first = energy_angle.draw_png(_curve(66.0), tmp_path / "1.png").read_bytes()
    assert energy_angle.draw_png(_curve(66.0), tmp_path / "2.png").read_bytes() == first
    assert parity.draw_png(_predictions(), tmp_path / "p.png").stat().st_size > 5000
    image = imread(structures.draw_png([structures.picture(_boundary(), "Σ3 (111)", AL)] * 5, tmp_path / "s.png"))
    assert image.shape[0] > 300
    assert len(np.unique(image.reshape(-1, image.shape[2]), axis=0)) > 20


def test_a_footnote_stands_below_a_figure_and_beside_none(tmp_path):
    plain = imread(energy_angle.draw_png(_curve(66.0), tmp_path / "plain.png"))
    with footnote(f"values: {HOSTILE}"):
        noted = imread(energy_angle.draw_png(_curve(66.0), tmp_path / "noted.png"))
        page = energy_angle.draw_png(_curve(66.0), tmp_path / "noted.svg").read_text()
    assert noted.shape[1] == plain.shape[1]
    assert noted.shape[0] == plain.shape[0] + 40
    assert (noted[: plain.shape[0]] == plain).all()
    assert (noted[plain.shape[0] :] != 1).any()
    assert "values: &lt;/script&gt;" in page
    assert HOSTILE not in page
    assert "values: " not in energy_angle.draw_png(_curve(66.0), tmp_path / "plain.svg").read_text()


def test_a_table_gets_its_best_value_its_convergence_and_its_lines(tmp_path, recorded):
    data = Campaign.load(recorded("a1", "b1", "b2"), "small-table")
    drawn = draw_campaign(data, FileArtifactStore(tmp_path / "artifacts"), tmp_path / "made" / "here")
    names = [f"{kind}.png" for kind in ("best-value-over-evaluations", "convergence", "parallel")]
    assert [path.name for path in drawn] == [f"small-table-{name}" for name in names]
    assert all(path.stat().st_size > 5000 for path in drawn)


def test_a_campaign_that_has_only_begun_is_drawn_too(tmp_path, recorded):
    data = Campaign.load(recorded("a1"), "small-table")
    assert np.isnan(converge(data).mean_gap).all()
    drawn = draw_campaign(data, FileArtifactStore(tmp_path / "artifacts"), tmp_path)
    assert len(drawn) == 3
    assert convergence.NOT_YET in convergence.draw_png(converge(data), tmp_path / "c.svg").read_text()
