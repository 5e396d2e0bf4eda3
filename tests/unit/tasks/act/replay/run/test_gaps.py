"""Gap bookkeeping, by hand-checked examples and against a slow way of counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.act.replay.run import gap_curves
from tests.support.pools import pool_of

NAN = float("nan")


def test_by_hand():
    # System 0 spans 1..9, system 1 spans 10..14; one of its evaluations fails.
    pool = pool_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], systems=("s0", "s1"), codes=[0, 0, 0, 1, 1, 1])
    values = np.array([9.0, 1.5, 1.0, 14.0, NAN, 10.0])
    curves = gap_curves(pool, values, np.array([1, 4, 3, 5, 0, 2]), "minimize", within=0.5)
    # Nothing found counts as worst - best: 8 for system 0, 4 for system 1.
    assert curves.cost.tolist() == [2.0, 7.0, 11.0, 17.0, 18.0, 21.0]
    assert curves.mean.tolist() == [(0.5 + 4) / 2, (0.5 + 4) / 2, (0.5 + 4) / 2, 0.25, 0.25, 0.0]
    assert curves.worst.tolist() == [4.0, 4.0, 4.0, 0.5, 0.5, 0.0]
    assert curves.n_exact.tolist() == [0, 0, 0, 1, 1, 2]
    assert curves.n_within.tolist() == [1, 1, 1, 2, 2, 2]


def test_maximize_turns_the_table_over():
    pool = pool_of(3)
    curves = gap_curves(pool, np.array([3.0, 7.0, 5.0]), np.array([0, 2, 1]), "maximize", within=0.0)
    assert curves.mean.tolist() == [4.0, 2.0, 0.0]


def test_a_system_without_any_value_has_no_gap():
    pool = pool_of(3, systems=("s0", "s1"), codes=[0, 0, 1])
    curves = gap_curves(pool, np.array([3.0, 7.0, NAN]), np.array([2, 1, 0]), "minimize", within=1.0)
    assert curves.mean.tolist() == [4.0, 4.0, 0.0]
    assert curves.n_exact.tolist() == [0, 0, 1]
    with pytest.raises(ConfigurationError, match="no system has a value"):
        gap_curves(pool, np.full(3, NAN), np.array([0]), "minimize", within=1.0)


@given(st.data())
def test_agrees_with_counting_one_by_one(data):
    n = data.draw(st.integers(2, 15))
    systems = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    systems[0] = 3
    values = np.array(data.draw(st.lists(st.one_of(st.just(NAN), st.integers(-5, 5).map(float)), min_size=n, max_size=n)))
    values[0] = 1.0
    positions = np.array(data.draw(st.permutations(range(n))), dtype=np.intp)
    codes = np.array(systems)
    curves = gap_curves(pool_of(n, systems=("s0", "s1", "s2", "s3"), codes=systems), values, positions, "minimize", within=1.0)
    scored = [code for code in range(4) if np.isfinite(values[codes == code]).any()]
    for count in range(1, n + 1):
        gaps = []
        for code in scored:
            of_system = values[codes == code]
            seen = [values[at] for at in positions[:count] if codes[at] == code and np.isfinite(values[at])]
            gaps.append((min(seen) if seen else np.nanmax(of_system)) - np.nanmin(of_system))
        assert curves.mean[count - 1] == pytest.approx(np.mean(gaps))
        assert curves.worst[count - 1] == max(gaps)
        assert curves.n_exact[count - 1] == sum(gap <= 1e-6 for gap in gaps)
        assert curves.n_within[count - 1] == sum(gap <= 1 for gap in gaps)
