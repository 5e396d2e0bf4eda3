import pandas as pd
import pytest

from benchmarks.everyday.native.__main__ import agreement
from benchmarks.everyday.native.table import Table


@pytest.fixture
def table() -> Table:
    rows = pd.DataFrame({"heat": [0.0, 50.0, 100.0, 50.0], "solvent": ["water", "water", "water", "toluene"]})
    return Table(rows, rows["heat"].to_numpy())


def test_the_nearest_row_counts_ranges_and_categories_and_is_not_measured_twice(table):
    assert table.nearest({"heat": 60.0, "solvent": "toluene"}, []) == 3
    assert table.nearest({"heat": 60.0, "solvent": "toluene"}, [3]) == 1
    assert table.row(3) == {"heat": 50.0, "solvent": "toluene"}
    assert table.one_hot().tolist()[3] == [50.0, 1.0, 0.0]


def test_a_script_measures_each_row_once(table, require):
    require("optuna")
    from benchmarks.everyday.native.optuna_native import search

    assert sorted(search(table, 4, seed=0)) == [0, 1, 2, 3]


def test_means_agree_within_two_standard_errors_of_their_difference():
    rows = [
        {"table": "a", "method": f"{native}{method}", "score": score, "seed": seed}
        for method, native, scores in (
            ("p", "", (1.0, 3.0)),  # 2 ± 1
            ("p", "native ", (4.0, 6.0)),  # 5 ± 1: 3 apart, twice the error of the difference is 2.83
            ("q", "", (1.0, 3.0)),
            ("q", "native ", (3.0, 5.0)),
            ("r", "", (1.0,)),
        )
        for seed, score in enumerate(scores)
    ]
    found = agreement(rows)
    assert [(item["method"], item["agrees"]) for item in found] == [("p", False), ("q", True)]
    assert found[0]["error"] == pytest.approx(2**0.5)
