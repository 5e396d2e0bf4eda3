import numpy as np

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.peers.problem import encode, pose
from tests.support.pools import pool_of


def _pool() -> CandidatePool:
    return pool_of(
        6,
        FeatureGroup("shift", np.array([[2.0, 7.0], [3.0, 7.0], [6.0, 7.0]]), np.array([0, 1, 2, 0, 1, 2]), ("x", "y")),
        FeatureGroup("bins", np.arange(63.0).reshape(3, 21) ** 2, np.array([0, 0, 1, 2, 2, 2]), tuple("abcdefghijklmnopqrstu")),
        systems=("a", "b"),
        codes=[0, 0, 0, 1, 1, 1],
    )


def test_columns_that_do_not_vary_are_left_out_and_the_rest_spans_the_unit_range():
    encoding = encode(_pool(), np.array([0, 1, 2]))
    assert encoding.names == ("shift.x",)
    assert encoding.numbers[:, 0].tolist() == [0.0, 0.25, 1.0]
    assert [(item.name, item.category) for item in encoding.descriptors] == [("bins", False)]
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


def _categories(values: np.ndarray, columns: tuple[str, ...], **more: bool) -> CandidatePool:
    return pool_of(4, FeatureGroup("kind", values, np.array([0, 2, 1, 0]), columns, **more))


def test_each_column_of_a_small_group_is_a_number():
    rows = np.random.default_rng(0).random((3, 12))
    pool = _categories(rows, tuple("abcdefghijkl"))
    encoding = encode(pool, np.arange(4))
    assert encoding.names == tuple(f"kind.{letter}" for letter in "abcdefghijkl")
    assert encoding.descriptors == ()


def test_a_one_hot_group_is_one_category_and_all_its_columns_are_kept():
    encoding = encode(_categories(np.eye(3), ("kind=a", "kind=b", "kind=c")), np.arange(4))
    (found,) = encoding.descriptors
    assert (found.name, found.category, encoding.names) == ("kind", True, ())
    assert found.codes.tolist() == [0, 2, 1, 0]
    np.testing.assert_array_equal(encoding.matrix, np.eye(3)[[0, 2, 1, 0]])


def test_each_column_of_codes_is_a_category_and_what_does_not_vary_is_none():
    pool = _categories(np.array([[7.0, 1.0], [2.0, 1.0], [7.0, 3.0]]), ("space", "site"), categorical=True)
    encoding = encode(pool, np.arange(4))
    assert [(item.name, item.codes.tolist()) for item in encoding.descriptors] == [
        ("kind.space", [1, 1, 0, 1]),
        ("kind.site", [0, 1, 0, 0]),
    ]
    assert [item.name for item in encode(pool, np.array([0, 1])).descriptors] == ["kind.site"]
    assert encode(pool, np.array([0, 3])).descriptors == ()


def test_searches_that_began_elsewhere_draw_other_numbers():
    encoding, allowed = encode(_pool(), np.array([0, 1, 2])), np.ones(6, dtype=bool)
    seeds = [pose(encoding, History(np.array(rows), np.zeros(2)), allowed, seed=0).seed for rows in ([0, 1], [0, 1], [0, 2])]
    assert seeds[0] == seeds[1]
    assert seeds[0] != seeds[2]
