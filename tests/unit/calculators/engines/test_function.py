"""Functions of scripts as calculators."""

import pytest

from tansaku.calculators.calculator_registry import open_calculator, resolve_calculator
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.calculators.function import FunctionCalculatorSpec

SCRIPT = """
from dataclasses import dataclass

import tansaku as ts

SHIFT = 2.0

@dataclass
class Point:
    x: float

class Tensor:
    def __float__(self):
        raise RuntimeError("2 elements cannot be converted")

def measure(x, kind="value"):
    if kind == "raise":
        raise ValueError("the oven is cold")
    if kind == "exit":
        raise SystemExit(3)
    if kind == "tensor":
        return Tensor()
    if kind == "truth":
        return True
    wrong = {"word": "word", "digits": "2.5", "large": 10**400, "none": None, "long": [0.5] * 10**6, "nan": float("nan")}
    return {"value": Point(x).x + SHIFT, "both": {"value": x, "cost": 1}, **wrong}[kind]

ts.optimize(measure, ts.Parameters(x=(0, 1)), store=None)
raise AssertionError("the workers go no further than the call")
"""


@pytest.fixture
def computed(tmp_path):
    (tmp_path / "study.py").write_text(SCRIPT)
    return open_calculator(FunctionCalculatorSpec(file="study.py", function="measure"), tmp_path).evaluate_described


def test_a_script_is_imported_up_to_its_call(computed):
    assert computed({"x": 0.5}) == 2.5
    assert computed({"x": 0.5, "kind": "both"}) == {"value": 0.5, "cost": 1.0}


@pytest.mark.parametrize(
    ("kind", "reason", "message"),
    [
        ("raise", "exception", "^ValueError: the oven is cold$"),
        ("exit", "exception", "^SystemExit: 3$"),
        ("none", "no_number", "returned value: None; expected a number"),
        ("large", "no_number", r"returned value: 1000\S+; expected a number"),
        ("long", "no_number", r"returned value: \[0\.5, .{1,60}; expected a number"),
        ("tensor", "no_number", "returned value: <.*Tensor.*; expected a number"),
        ("nan", "nan", "expected a finite number"),
    ],
)
def test_what_is_no_number_is_a_failed_evaluation(computed, kind, reason, message):
    with pytest.raises(CalculationError, match=message) as raised:
        computed({"x": 0.5, "kind": kind})
    assert raised.value.reason == reason


@pytest.mark.parametrize(("kind", "found"), [("word", "str"), ("digits", "str"), ("truth", "bool")])
def test_a_text_is_an_error_of_the_function(computed, kind, found):
    message = f"^calculator.function: measure returned value as {found}; expected a number, or a mapping of numbers by name$"
    with pytest.raises(ConfigurationError, match=message):
        computed({"x": 0.5, "kind": kind})


def test_another_file_is_refused(tmp_path):
    (tmp_path / "study.py").write_text("def measure(x):\n    return x\n")
    spec = resolve_calculator(FunctionCalculatorSpec(file="study.py", function="measure"), tmp_path)
    (tmp_path / "study.py").write_text("def measure(x):\n    return 2 * x\n")
    with pytest.raises(ConfigurationError, match=r"study\.py has SHA-256 .*; expected"):
        open_calculator(spec, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("import nowhere", "cannot be imported: ModuleNotFoundError"), ("measure = 3", "defines no function 'measure'")],
)
def test_a_file_without_the_function_is_refused(tmp_path, text, message):
    (tmp_path / "study.py").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        open_calculator(FunctionCalculatorSpec(file="study.py", function="measure"), tmp_path)
