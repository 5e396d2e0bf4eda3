"""Constructors of the parts of a campaign."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import tansaku as ts
from tansaku.deploy.python import constructors
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ours import OURS


def test_every_kind_has_one_and_the_names_are_public():
    assert set(dir(constructors)) <= set(dir(ts))
    made = len(OURS["spaces"]) + len(OURS["calculators"]) + len(OURS["proposers"])
    assert len(dir(constructors)) >= made
    assert {"Parameters", "Table", "Structures", "GrainBoundaries", "Compositions", "EnergySurface"} <= set(dir(ts))


def test_names_and_defaults_are_those_of_the_file():
    signature = inspect.signature(ts.Table)
    assert list(signature.parameters)[:3] == ["candidates", "columns", "features"]
    assert signature.parameters["columns"].default is inspect.Parameter.empty
    assert "candidates: One row per candidate (CSV or Parquet); in Python also a DataFrame." in ts.Table.__doc__
    assert inspect.signature(ts.Parameters).parameters["pool"].default == 1024


def test_parameters_may_be_short():
    space = ts.Parameters(t=(300, 900, "K"), x=(0, 1), n=range(1, 5), m=range(0, 101, 10), kind=["a", "b"], pool=64)
    assert space.key == "space"
    assert space.data == {
        "type": "parameters",
        "pool": 64,
        "parameters": {
            "t": {"type": "number", "low": 300, "high": 900, "unit": "K"},
            "x": {"type": "number", "low": 0, "high": 1},
            "n": {"type": "integer", "low": 1, "high": 4},
            "m": {"type": "number", "low": 0, "high": 100, "step": 10},
            "kind": {"type": "category", "values": ["a", "b"]},
        },
    }
    assert ts.Parameters(kind=np.array(["a", "b"])).data["parameters"]["kind"]["values"] == ["a", "b"]
    named = ts.Parameters({"pool": (0, 1)}, seed=2)
    assert named.data["parameters"] == {"pool": {"type": "number", "low": 0, "high": 1}}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ts.Parameters(x=(1, 0)), r"^space\.parameters\.x\.low: 1; expected less than high, which is 0$"),
        (lambda: ts.Parameters(x=(1,)), r"space\.parameters\.x: \(1,\); expected \(low, high\)"),
        (lambda: ts.Parameters(x=None), r"space\.parameters\.x: None; expected \(low, high\), .* a list of names"),
        (lambda: ts.Parameters(x={"a", "b"}), r"space\.parameters\.x: \{'a', 'b'\}; expected"),
        (lambda: ts.Parameters([1]), r"space\.parameters: \[1\] must be a mapping of names to values"),
        (lambda: ts.Table("t.csv"), "space.columns: missing\nspace.features: missing"),
        (lambda: ts.Budget(evaluation=3), r"budget\.evaluation: unknown key \(did you mean 'evaluations'\?\)"),
        (lambda: ts.maximize("my yield", unit="%"), r"objective\.property: 'my yield' is no name of .*no spaces"),
        (lambda: ts.Lammps(), "calculator.potential: missing"),
        (lambda: ts.Manual(deviation=object()), "which a campaign file cannot hold"),
    ],
)
def test_wrong_keys_are_named_as_in_a_file(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_positions_are_checked_as_of_a_function():
    with pytest.raises(TypeError, match=r"Manual\(\) takes 0 positional arguments but 1 were given"):
        ts.Manual(3)
    with pytest.raises(TypeError, match="multiple values for argument 'parameters'"):
        ts.Parameters({"x": (0, 1)}, parameters={})


def test_unknown_names_are_no_attributes():
    for name in ("Nonsense", "nonsense", "_private"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(ts, name)


def test_the_package_itself_imports_nothing_heavy():
    program = "import sys, tansaku; print([name for name in ('numpy', 'pydantic', 'ase', 'pandas') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "wrong", [lambda: ts.minimize(None), lambda: ts.maximize(None, unit="1"), lambda: ts.minimize(property=None)]
)
def test_a_goal_without_a_name_is_left_out_and_not_none(wrong):
    with pytest.raises(
        ConfigurationError, match=r"^objective\.property: None; expected the name of what is wanted, or nothing"
    ):
        wrong()
    assert "property" not in ts.minimize().data
