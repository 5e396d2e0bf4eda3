"""Feature groups hold each distinct row once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tansaku.models.domain.pool import FeatureGroup, distinct_rows


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
        elements=st.sampled_from([0.0, -0.0, 0.1, 0.1 + 1e-17, 0.30000000000000004, 0.3]),
    )
)
def test_distinct_rows_are_exact(rows):
    values, index = distinct_rows(rows)
    np.testing.assert_array_equal(values[index], rows)
    assert len({tuple(row) for row in rows}) == len(values)
    assert values.tolist() == sorted(values.tolist())


def test_numbers_that_are_not_known_are_equal():
    rows = np.array([[1.0, np.nan, 2.0], [0.0, 1.0, 1.0], [1.0, np.nan, 2.0], [1.0, 3.0, 2.0], [1.0, np.nan, 1.0]])
    values, index = distinct_rows(rows)
    assert index.tolist() == [3, 0, 3, 1, 2]
    np.testing.assert_array_equal(values[index], rows)


@given(st.data())
def test_compact_drops_equal_and_unused_rows_and_changes_no_features(data):
    rows = data.draw(hnp.arrays(np.float64, (6, 2), elements=st.sampled_from([0.0, 0.5, 1.0])))
    index = np.array(data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=9)), dtype=np.intp)
    group = FeatureGroup.compact("g", rows, index, ("a", "b"))
    np.testing.assert_array_equal(group.values[group.index], rows[index])
    assert len({tuple(row) for row in rows[index]}) == len(group.values)
