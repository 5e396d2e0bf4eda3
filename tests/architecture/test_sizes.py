"""Functions stay small: an exception needs a reason, and goes when it is not needed any more."""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 6


class Allowed(NamedTuple):
    """A limit that one place may exceed."""

    where: str
    limit: int
    reason: str


LONG_FUNCTIONS: tuple[Allowed, ...] = ()
MANY_PARAMETERS = (
    Allowed("deploy/python/campaign.py:Campaign.__init__", 8, "its parameters are the keys of a campaign file"),
    Allowed("deploy/python/functions.py:optimize", 8, "its parameters are those of a campaign, and the function"),
    Allowed("deploy/cli/ask_tell.py:ask", 7, "a command's parameters are its options"),
    Allowed("deploy/cli/remote.py:_ask", 7, "a command's parameters are its options"),
    Allowed("deploy/cli/results.py:hull", 7, "a command's parameters are its options"),
    Allowed("deploy/cli/init_check.py:check", 9, "a command's parameters are its options"),
    Allowed("deploy/cli/export_import.py:export", 13, "a command's parameters are its options"),
    Allowed("rooms/diffusion/cli.py:path", 9, "a command's parameters are its options"),
    Allowed("deploy/cli/serve.py:serve", 11, "a command's parameters are its options"),
    Allowed("deploy/cli/web.py:start", 11, "a command's parameters are its options"),
    Allowed("deploy/cli/bench.py:bench", 13, "a command's parameters are its options"),
    Allowed("rooms/sparse/cli.py:exafs", 18, "a command's parameters are its options"),
    Allowed("rooms/sparse/cli.py:modes", 11, "a command's parameters are its options"),
    Allowed("rooms/sparse/cli.py:next_purchase", 10, "a command's parameters are its options"),
    Allowed("rooms/sparse/cli.py:search", 19, "a command's parameters are its options"),
    Allowed("rooms/sparse/cli.py:spectrum", 11, "a command's parameters are its options"),
    Allowed("tasks/act/replay/campaign.py:replay", 7, "what a replay is made of; the last two are left out by most callers"),
)


class Function(NamedTuple):
    """A function's place and sizes."""

    where: str
    lines: int
    parameters: int


def functions(path: Path, source: str) -> list[Function]:
    """Every function of a module; a method's self or cls is not counted as a parameter."""
    found: list[Function] = []

    def visit(node: ast.AST, scope: str, in_class: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{scope}{child.name}"
                arguments = child.args
                count = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
                static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in child.decorator_list)
                lines = (child.end_lineno or child.lineno) - child.lineno + 1
                found.append(Function(f"{path}:{name}", lines, count - (in_class and not static)))
                visit(child, f"{name}.", in_class=False)
            else:
                is_class = isinstance(child, ast.ClassDef)
                visit(child, f"{scope}{child.name}." if is_class else scope, in_class=is_class or in_class)

    visit(ast.parse(source), "", in_class=False)
    return found


def over(measured: dict[str, int], limit: int, allowed: tuple[Allowed, ...]) -> list[str]:
    """Places above their limit, and exceptions that are not needed or larger than they have to be."""
    limits = {exception.where: exception.limit for exception in allowed}
    problems = [
        f"{where}: {size} > {limits.get(where, limit)}" for where, size in measured.items() if size > limits.get(where, limit)
    ]
    for exception in allowed:
        size = measured.get(exception.where, 0)
        if size <= limit:
            problems.append(f"{exception.where}: {size} fits the limit of {limit}; remove the exception")
    return problems


@pytest.fixture(scope="module")
def all_functions(product_files):
    return [function for path in product_files for function in functions(path, (ROOT / path).read_text())]


def test_functions_stay_short(all_functions):
    assert over({function.where: function.lines for function in all_functions}, MAX_FUNCTION_LINES, LONG_FUNCTIONS) == []


def test_functions_take_few_parameters(all_functions):
    assert over({function.where: function.parameters for function in all_functions}, MAX_PARAMETERS, MANY_PARAMETERS) == []


def test_the_measure_counts_what_it_says():
    source = "class A:\n def f(self, a, *, b):\n  def g(x, /, y):\n   pass\n @staticmethod\n def h(a):\n  pass\n"
    assert functions(Path("m.py"), source) == [("m.py:A.f", 3, 2), ("m.py:A.f.g", 2, 2), ("m.py:A.h", 2, 1)]


def test_an_exception_is_neither_exceeded_nor_kept_for_nothing():
    allowed = (Allowed("a", 80, "because"), Allowed("b", 80, "because"))
    assert over({"a": 81, "b": 50, "c": 61}, 60, allowed) == [
        "a: 81 > 80",
        "c: 61 > 60",
        "b: 50 fits the limit of 60; remove the exception",
    ]
