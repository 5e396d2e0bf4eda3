"""Functions of scripts and notebooks, and the campaigns that optimise them."""

from __future__ import annotations

import linecache
import math

import pytest

import tansaku as ts
from tansaku.deploy.python.sources import function_calculator
from tansaku.models.domain.errors import ConfigurationError

NOTEBOOK = """
import math as m
from collections import Counter
SHIFT = 2.0
TABLE = [1, 2]

def double(x):
    return 2 * x

def measure(x):
    return m.sqrt(double(x)) + SHIFT + len(Counter())

def looked_up(x):
    return TABLE[0] * x
"""


def measured(x: float) -> float:
    return x


def needy(x: float, y: float) -> float:
    return x + y


async def awaited(x: float) -> float:
    return x


def generated(x: float):
    yield x


def inside(x: float) -> float:
    def inner():
        yield x

    return sum(inner())


def anything(**cells: float) -> float:
    return cells["x"]


def by_position(x: float, /) -> float:
    return x


def true(x: float) -> bool:
    return x > -1


def interrupted(x: float) -> float:
    if x > 1:
        return x
    raise KeyboardInterrupt


def forgetful(x: float) -> None:
    x + 1


def worded(x: float) -> str:
    return f"{x} eV"


@pytest.fixture
def notebook():
    """What a notebook's cell leaves: functions whose file is not there."""
    cell = "<ipython-input-40>"
    linecache.cache[cell] = (len(NOTEBOOK), None, NOTEBOOK.splitlines(keepends=True), cell)
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(NOTEBOOK, cell, "exec"), names)
    yield names
    del linecache.cache[cell]


def test_a_function_of_a_file_keeps_that_file():
    part = function_calculator(measured)
    ((path, content),) = part.files.items()
    assert b"def measured" in content
    assert part.data == {"type": "function", "file": path, "function": "measured"}
    assert path.endswith("/test_functions.py")


def test_a_function_of_a_notebook_is_written_with_what_it_uses(notebook):
    ((path, content),) = function_calculator(notebook["measure"]).files.items()
    alone: dict[str, object] = {}
    exec(content, alone)
    assert path.endswith("/measure.py")
    assert alone["measure"](8.0) == math.sqrt(16.0) + 2.0
    with pytest.raises(ConfigurationError, match="looked_up uses TABLE, a list"):
        function_calculator(notebook["looked_up"])


def test_what_workers_cannot_import_is_refused_with_the_way_to_do_it():
    def inner(x: float) -> float:
        return x

    for function, message in (
        (lambda x: x, "a lambda has no name"),
        (inner, "inside another function"),
        (math.sqrt, "builtin"),
    ):
        with pytest.raises(ConfigurationError, match=rf"{message}.*`def` defines at the top level"):
            ts.optimize(function, ts.Parameters(x=(0, 1)), store=None)


def test_another_calculator_beside_the_function_is_refused():
    with pytest.raises(ConfigurationError, match=r"^calculator: it is the function; expected no other$"):
        ts.optimize(measured, ts.Parameters(x=(0, 1)), store=None, calculator="emt")
    with pytest.raises(ConfigurationError, match=r"^spce: unknown key \(did you mean 'space'"):
        ts.optimize(measured, spce=ts.Parameters(x=(0, 1)), store=None)


def test_a_file_that_imports_its_neighbour_is_refused(tmp_path, monkeypatch):
    (tmp_path / "beside_it.py").write_text("")
    (tmp_path / "neighbours.py").write_text("import beside_it\ndef measure(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    from neighbours import measure

    with pytest.raises(ConfigurationError, match=r"neighbours\.py imports .*beside_it\.py, which workers would not find"):
        function_calculator(measure)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (needy, "needy needs y; expected the keywords x of a candidate"),
        (by_position, "by_position needs x and does not take x"),
        (awaited, "awaited is a coroutine; expected a function that returns the value"),
        (generated, "generated is a generator; expected a function that returns the value"),
        (forgetful, "forgetful returns nothing; expected a function that returns the value"),
    ],
)
def test_a_function_that_could_never_be_called_is_refused_before_anything_is_spent(function, message):
    with pytest.raises(ConfigurationError, match=rf"^calculator\.function: {message}"):
        ts.Campaign(ts.Parameters(x=(0, 1)), budget=3, calculator=function, store=None)


def test_a_function_that_lacks_a_parameter_is_refused():
    with pytest.raises(ConfigurationError, match=r"calculator\.function: measured does not take z; expected the keywords x, z"):
        ts.optimize(measured, ts.Parameters(x=(0, 1), z=(0, 1)), budget=3, store=None)


@pytest.mark.parametrize("function", [inside, anything])
def test_functions_of_any_keywords_and_with_generators_inside_are_computed(function):
    campaign = ts.Campaign(ts.Parameters(x=(0, 1)), budget=2, calculator=function, proposer="random", store=None)
    campaign.start()
    assert campaign.wait(120) == "evaluations"
    assert campaign.best.value == campaign.best["x"]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (true, "configuration: ConfigurationError: calculator.function: true returned value as bool"),
        (interrupted, "exception: KeyboardInter"),
    ],
)
def test_what_is_no_number_fails_in_one_attempt(function, reason):
    campaign = ts.Campaign(ts.Parameters(x=(0, 1)), budget=1, calculator=function, proposer="random", store=None)
    campaign.run()
    (evaluation,) = campaign.evaluations
    assert len(evaluation.attempts) == 1
    assert evaluation.reason.startswith(reason)


def test_a_function_that_returns_text_ends_the_campaign_before_the_budget_is_spent():
    campaign = ts.Campaign(ts.Parameters(x=(0, 1)), budget=30, calculator=worded, proposer="random", store=None)
    campaign.run()
    assert 0 < len(campaign.evaluations) < 6
    assert all("worded returned value as str; expected a number" in item.reason for item in campaign.evaluations)


def test_the_file_of_a_function_is_kept_with_the_campaign(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("def square(x):\n    return x * x\n")
    calculator = ts.Function(file="own.py", function="square")
    campaign = ts.Campaign(ts.Parameters(x=(0, 1)), budget=1, calculator=calculator, proposer="random", store=None)
    (tmp_path / "own.py").unlink()
    with campaign._place.open() as resources:
        (kept,) = resources.store.campaign(campaign.name).files
    assert kept.path == campaign.spec.calculator.file == f"{campaign.spec.calculator.file_sha256}/own.py"
    campaign.run()
    assert campaign.best.value == pytest.approx(campaign.best["x"] ** 2)
    with pytest.raises(ConfigurationError, match=r"calculator\.file: 'gone\.py' cannot be read"):
        ts.Campaign(ts.Parameters(x=(0, 1)), calculator=ts.Function(file="gone.py", function="f"), store=None)
