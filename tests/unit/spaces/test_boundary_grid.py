import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.calculators.structures.coincidence import boundaries_up_to, boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.stacking import stacking_of, translation_keys
from tansaku.models.domain.specs.grain_boundary import PeriodSpec, TranslationSpec
from tansaku.spaces.boundary_grid import TranslationGrid, picometres, translation_grid

VALUES = st.lists(st.integers(-500, 500), min_size=1, max_size=6, unique=True).map(lambda v: tuple(sorted(x / 100 for x in v)))
GRIDS = st.builds(TranslationGrid, VALUES, VALUES, VALUES)


@given(GRIDS)
def test_labels_rows_and_translations_say_the_same(grid):
    labels, rows = grid.labels, grid.rows
    assert len(set(labels)) == len(labels) == len(rows) == np.prod(grid.shape)
    for place, (label, row) in enumerate(zip(labels, rows, strict=True)):
        assert grid.row(label) == place
        assert grid.translation(place) == tuple(row)
    np.testing.assert_array_equal(grid.shifts, rows[:: len(grid.normal), :2])


@given(GRIDS, st.text(max_size=20))
def test_other_labels_are_nowhere(grid, text):
    assert text in grid.labels or grid.row(text) is None
    assert grid.row("x999-y000-z000") is None
    assert grid.row(grid.labels[0] + "0") is None


@pytest.mark.parametrize(
    ("value", "label"), [(0.0, "000"), (0.6, "060"), (0.1 + 0.2, "030"), (12.345, "1234"), (-0.2, "m020"), (-0.001, "000")]
)
def test_picometres(value, label):
    assert picometres(value) == label


@pytest.mark.parametrize("structure", ["fcc", "bcc", "diamond"])
@pytest.mark.parametrize(("axis", "largest"), [((1, 1, 0), 60), ((0, 0, 1), 90)])
def test_general_positions_are_on_no_symmetry_element(structure, axis, largest):
    """Each has as many different images as the boundary has operations: a position on a symmetry element has fewer."""
    crystal = CubicCrystal(structure, "Al", 4.05)
    for boundary in boundaries_up_to(tilt_axis(axis), largest):
        stack = stacking_of(crystal, boundary)
        if len(stack.point_operations) > 2:
            continue  # The threefold axis of (1 1 1) takes a rectangular grid to another one.
        for positions, special in (("general", False), (None, True)):
            spec = TranslationSpec(in_plane=PeriodSpec(step=0.4), along_axis=PeriodSpec(step=0.3), positions=positions)
            grid = translation_grid(spec, stack)
            assert np.diff(grid.in_plane).max() <= 0.4 + 1e-9
            for removed in (0, 1, 2):
                _, images = np.unique(translation_keys(stack, removed, grid.shifts), return_counts=True)
                assert (images.min() < 2 * len(stack.point_operations)) == special
                assert images.max() == 2 * len(stack.point_operations)


@pytest.mark.parametrize("plane", [(1, 1, 1), (1, 1, 2), (1, 1, 3), (2, 2, 1), (7, 7, 10)])
@pytest.mark.parametrize("step", [0.3, 0.45])
def test_a_period_grid_contains_the_images_of_its_points(plane, step):
    """Folding a whole period pairs every point with its image: hardly any class has a single member."""
    stack = stacking_of(CubicCrystal("fcc", "Al", 4.05), boundary_on(tilt_axis((1, 1, 0)), plane))
    grid = translation_grid(TranslationSpec(in_plane=PeriodSpec(step=step), along_axis=PeriodSpec(step=step)), stack)
    assert grid.in_plane[0] == grid.along_axis[0] == 0.0
    _, counts = np.unique(translation_keys(stack, 0, grid.shifts), return_counts=True)
    assert len(counts) < 0.4 * len(grid.shifts)
    # Points on a symmetry element have fewer images; those that have none at all are the fixed points, four at most.
    assert np.sum(counts == 1) <= 4
