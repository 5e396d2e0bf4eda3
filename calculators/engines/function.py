"""Python functions of scripts: the file is imported from the copy that the campaign keeps, once in each process.

A script that defines the function and calls ``tansaku.optimize`` is imported up to that call, so it needs no main guard.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from ase import Atoms

from tansaku.calculators.engine import Engine
from tansaku.calculators.frozen_files import freeze
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.identifiers import file_sha256, shown
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.calculators.function import FunctionCalculatorSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

_MODULE = "tansaku_function_"
_IMPORTING: list[str] = []
"""Files that this process is importing."""


class ReachedOptimizeError(BaseException):
    """Ends the import of a script at its call of ``tansaku.optimize``; no ``except Exception`` of the script catches it."""


def stop_here_if_imported() -> None:
    """Ends the import of a script whose function this process wants. Raises ReachedOptimizeError."""
    if _IMPORTING:
        raise ReachedOptimizeError


class FunctionCalculator:
    """``DescribedCalculator`` on a function of a Python file.

    Args:
        spec: Names file and function.
        base_path: Folder in which a relative path starts.

    Raises:
        ConfigurationError: The file is not the one of the spec, cannot be imported, or defines no such function.
    """

    def __init__(self, spec: FunctionCalculatorSpec, base_path: Path) -> None:
        self._spec = resolve(spec, base_path)
        name, sha256 = Path(spec.file).name, self._spec.file_sha256 or ""
        path = freeze({name: base_path / spec.file}, {name: sha256})[name]
        self._function = _imported(path, spec.function, sha256)

    @property
    def provenance(self) -> Provenance:
        """Name of the function, and the hash of its file."""
        spec = self._spec
        sha256 = spec.file_sha256 or ""
        return Provenance(
            code="function", code_version=sha256[:12], model=spec.function, model_sha256=sha256, settings=settings_of(spec)
        )

    def evaluate_described(self, cells: Mapping[str, str | float]) -> Mapping[str, float] | float:
        """Computes a candidate, as :class:`tansaku.models.domain.ports.DescribedCalculator` describes."""
        try:
            found = self._function(**cells)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # workers have no terminal that could interrupt them
            raise CalculationError("exception", f"{type(error).__name__}: {error}"[:_LONGEST]) from error
        if isinstance(found, Mapping):
            return {str(key): self._number(str(key), value) for key, value in found.items()}
        return self._number("value", found)

    def evaluate(self, _structure: Atoms, _relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Raises ConfigurationError: a function takes parameters."""
        raise ConfigurationError("calculator.type: function takes the parameters of a candidate, not its structure")

    def close(self) -> None:
        """Nothing is held."""

    def _number(self, name: str, value: object) -> float:
        if isinstance(value, str | bytes | bool | np.bool_):  # no failed measurement: every candidate would have it
            returned = f"{self._spec.function} returned {name} as {type(value).__name__}"
            raise ConfigurationError(f"calculator.function: {returned}; expected {_NUMBER}")
        try:
            found = float(value)  # type: ignore[arg-type]
        except Exception as error:  # of whatever the function returned
            message = f"the function returned {name}: {shown(value)}; expected {_NUMBER}"
            raise CalculationError("no_number", message) from error
        if not np.isfinite(found):
            raise CalculationError("nan", f"the function returned {name}: {found}; expected a finite number")
        return found


_LONGEST = 1000
_NUMBER = "a number, or a mapping of numbers by name"


def resolve(spec: FunctionCalculatorSpec, base_path: Path) -> FunctionCalculatorSpec:
    """The spec with the hash of its file; a hash that it gives is checked.

    Raises:
        ConfigurationError: There is no such file, or it is another one.
    """
    path = base_path / spec.file
    try:
        found = file_sha256(path)
    except OSError as error:
        raise ConfigurationError(f"calculator.file: {spec.file!r} cannot be read: {error.strerror}") from error
    if spec.file_sha256 is not None and spec.file_sha256 != found:
        raise ConfigurationError(
            f"calculator.file: {path.name} has SHA-256 {found[:12]}; expected {spec.file_sha256[:12]}",
            hint="restore the file, or start another campaign: results of two functions are never mixed",
        )
    return spec.model_copy(update={"file_sha256": found})


def check_call(path: Path, name: str, cells: Collection[str]) -> None:
    """Checks that a function of a file takes the parameters of a candidate and returns a value; its text is read, not run.

    Args:
        path: The file; what is wrong with it is said where it is imported.
        name: The function; one with a decorator, which may change both, is not looked at.
        cells: Names of the parameters.

    Raises:
        ConfigurationError: Every evaluation would fail.
    """
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return
    functions = (node for node in reversed(body) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    found = next((node for node in functions if node.name == name), None)
    if found is None or found.decorator_list:
        return
    _check_return(found)
    given = found.args
    named = [item.arg for item in (*given.args, *given.kwonlyargs)]
    with_default = {item.arg for item in given.args[len(given.args) - len(given.defaults) :]}
    with_default |= {item.arg for item, of in zip(given.kwonlyargs, given.kw_defaults, strict=True) if of is not None}
    needed = [item.arg for item in given.posonlyargs] + [item for item in named if item not in {*with_default, *cells}]
    strange = [] if given.kwarg is not None else [cell for cell in cells if cell not in named]
    wrong = [f"needs {', '.join(needed)}"] * bool(needed) + [f"does not take {', '.join(strange)}"] * bool(strange)
    if wrong:
        raise ConfigurationError(
            f"calculator.function: {name} {' and '.join(wrong)}; expected the keywords {', '.join(cells)} of a candidate"
        )


def _check_return(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Raises ConfigurationError for a coroutine, a generator, and a function that returns nothing."""
    own = list(_own_nodes(function))
    kind = None
    if isinstance(function, ast.AsyncFunctionDef):
        kind = "is a coroutine"
    elif any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own):
        kind = "is a generator"
    elif not any(isinstance(node, ast.Return) and node.value is not None for node in own):
        kind = "returns nothing"
    if kind is not None:
        raise ConfigurationError(f"calculator.function: {function.name} {kind}; expected a function that returns the value")


def _own_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Nodes of a function without those of functions and classes inside it."""
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            left.extend(ast.iter_child_nodes(node))


def _imported(path: Path, name: str, sha256: str) -> Callable[..., object]:
    """The function of a file. Raises ConfigurationError."""
    module = types.ModuleType(_MODULE + sha256[:16])
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # data classes of the file look themselves up there
    try:
        with _importing(path):
            exec(compile(path.read_bytes(), str(path), "exec"), vars(module))  # noqa: S102 - the user's own function
    except ReachedOptimizeError:
        pass
    except (Exception, SystemExit) as error:
        message = f"calculator.file: {path.name} cannot be imported: {type(error).__name__}: {error}"
        raise ConfigurationError(
            message, hint="the file may import installed packages only, and nothing before the function may fail"
        ) from error
    function = vars(module).get(name)
    if not inspect.isfunction(function):
        raise ConfigurationError(f"calculator.function: {path.name} defines no function {name!r} at its top level")
    return function


@contextmanager
def _importing(path: Path) -> Iterator[None]:
    _IMPORTING.append(str(path))
    try:
        yield
    finally:
        _IMPORTING.pop()


ENGINE = Engine[FunctionCalculatorSpec](open=lambda spec, base_path, _: FunctionCalculator(spec, base_path), resolve=resolve)
