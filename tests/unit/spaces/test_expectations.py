"""What a file expects of candidates: by columns of parameters and of tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.parameters import ParametersSpaceSpec
from tansaku.models.domain.specs.table import TableSpaceSpec
from tansaku.spaces.space_registry import open_space

PARAMETERS = {
    "t": {"type": "number", "low": 300, "high": 900},
    "rate": {"type": "number", "low": 0.01, "high": 100, "log": True},
    "solvent": {"type": "category", "values": ["water", "oil", "none"]},
    "mix": {"type": "fractions", "parts": ["a", "b"]},
}


def parameters(**within: object):
    return open_space(
        ParametersSpaceSpec.model_validate({"parameters": PARAMETERS, "pool": 64, "prefers": {"within": within}}), Path()
    )


def table(folder: Path, **within: object):
    rows = ["id,t,code,solvent", "a,300,0,water", "b,500,1,oil", "c,900,2,oil"]
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    document = {
        "candidates": "rows.csv",
        "columns": {"id": "id"},
        "features": {
            "number": {"columns": ["t"]},
            "code": {"columns": ["code"], "categorical": True},
            "solvent": {"columns": ["solvent"], "categories": "one_hot"},
        },
        "prefers": {"within": within, "weight": 4},
    }
    return open_space(TableSpaceSpec.model_validate(document), folder)


def test_what_suits_in_every_column_is_one_deviation_better_and_what_is_far_off_is_as_it_was():
    space = parameters(t=[400, 500], rate=[0.1, 1], solvent=["water", "none"], **{"mix.a": [0, 0.5]})
    pool = space.pool()
    found = dict(zip(pool.ids.tolist(), pool.expectation.mean.tolist(), strict=True))
    for name, mean in found.items():
        cells = space.cells(name)
        share = (400 <= cells["t"] <= 500) + (0.1 <= cells["rate"] <= 1) + (cells["solvent"] != "oil") + (cells["mix.a"] <= 0.5)
        assert -1.0 <= mean <= -share / 4 + 1e-12
    assert min(found.values()) < -0.9


def test_an_expectation_fades_beyond_its_range_in_units_of_the_parameter_and_on_its_scale():
    space = parameters(rate=[0.01, 1])  # half of the logarithmic scale
    pool = space.pool()
    for name, suits in zip(pool.ids, pool.expectation.suits.values[pool.expectation.suits.index, 0], strict=True):
        beyond = max(0.0, np.log10(space.cells(str(name))["rate"]) / 4)
        assert suits == pytest.approx(np.exp(-0.5 * (beyond / 0.1) ** 2))


def test_neighbours_of_the_best_are_expected_alike():
    space = parameters(solvent=["water"])
    pool = space.refined([], ["p000003"])
    assert len(pool) > len(space.pool())
    suits = [space.cells(str(name))["solvent"] == "water" for name in pool.ids]
    np.testing.assert_array_equal(pool.expectation.mean, -np.array(suits, dtype=float))


def test_a_tables_columns_are_expected_in_units_of_their_range(tmp_path):
    expected = table(tmp_path, t=[480, 520], solvent=["oil"]).pool().expectation
    np.testing.assert_allclose(expected.mean, [-0.5 * np.exp(-0.5 * 3.0**2), -1.0, -0.5 - 0.5 * np.exp(-0.5 * (380 / 60) ** 2)])
    np.testing.assert_allclose(expected.effects.values, expected.suits.values / np.sqrt(4 * 2))


@pytest.mark.parametrize(
    ("within", "message"),
    [
        ({"pressure": [1, 2]}, "'pressure' is not known; expected one of t, rate, solvent, mix.a, mix.b"),
        ({"solvent": [0, 1]}, "expected a list of names"),
        ({"t": ["hot"]}, "expected a range such as"),
        ({"solvent": ["water", "acetone"]}, "'acetone' is not known; expected some of none, oil, water"),
        ({"t": [2000, 3000]}, "no candidate is near 2000 to 3000; there are 30"),
    ],
)
def test_what_no_candidate_can_have_is_refused(within, message):
    with pytest.raises(ConfigurationError, match=message):
        parameters(**within).pool()


def test_no_range_of_codes_is_expected(tmp_path):
    with pytest.raises(ConfigurationError, match="'code' is not known; expected one of t, solvent"):
        table(tmp_path, code=[0, 1])


def test_without_an_expectation_there_is_none():
    assert (
        open_space(ParametersSpaceSpec.model_validate({"parameters": PARAMETERS, "pool": 8}), Path()).pool().expectation is None
    )
