import numpy as np

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.peers.problem import encode, pose
from tests.support.pools import pool_of


def _pool() -> CandidatePool:
    return pool_of(
        6,
        FeatureGroup("shift", np.array([[2.0, 7.0], [3.0, 7.0], [6.0, 7.0]]), np.array([0, 1, 2, 0, 1, 2]), ("x", "y")),
        FeatureGroup("bins", np.arange(12.0).reshape(3, 4) ** 2, np.array([0, 0, 1, 2, 2, 2]), tuple("abcd")),
        systems=("a", "b"),
        codes=[0, 0, 0, 1, 1, 1],
    )


def test_columns_that_do_not_vary_are_left_out_and_the_rest_spans_the_unit_range():
    encoding = encode(_pool(), np.array([0, 1, 2]))
    assert encoding.names == ("shift.x",)
    assert encoding.numbers[:, 0].tolist() == [0.0, 0.25, 1.0]
    assert [one.name for one in encoding.descriptors] == ["bins"]
    assert encoding.matrix.shape == (3, 2)
    assert encoding.matrix.min() == 0.0
    assert encoding.matrix.max() == 1.0


def test_a_descriptor_of_one_row_is_no_parameter():
    assert encode(_pool(), np.array([3, 4, 5])).descriptors == ()


def test_principal_components_keep_the_distances_of_the_rows():
    pool = _pool()
    (one,) = encode(pool, np.arange(6)).descriptors
    gaps = np.linalg.norm(one.rows[:, None] - one.rows[None], axis=-1)
    kept = np.linalg.norm(one.components[:, None] - one.components[None], axis=-1)
    np.testing.assert_allclose(kept / kept.max(), gaps / gaps.max(), atol=1e-9)


def test_problems_hold_only_what_concerns_their_candidates():
    pool = _pool()
    allowed = np.array([True, False, True, False, False, True])
    history = History(np.array([4, 1, 3]), np.array([5.0, 7.0, 9.0]))
    problem = pose(encode(pool, np.array([3, 4, 5])), history, allowed, seed=0)
    assert problem.rows.tolist() == [1, 0]
    assert problem.values.tolist() == [5.0, 9.0]
    assert problem.free.tolist() == [2]
    assert problem.standardised.tolist() == [-1.0, 1.0]
