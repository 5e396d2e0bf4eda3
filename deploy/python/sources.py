"""The source of Python functions that a script passes."""

from __future__ import annotations

import builtins
import hashlib
import inspect
import linecache
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tansaku.calculators.engines.command import unlisted_modules
from tansaku.deploy.python.building import made_by
from tansaku.deploy.python.parts import Calculator
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import AcquisitionFunctionSpec
from tansaku.models.engine.own import defined

Function = Callable[..., float | Mapping[str, float]]
"""A function that scripts have computed: it takes the parameters of a candidate as keywords."""

_HOW = "expected a function that `def` defines at the top level of a file or a notebook"
_NO_CLOSURE = "values that it needs are constants of the file or defaults of its keywords"


def acquisition_keys(function: object) -> JsonDict:
    """Keys of ``proposer.function``: the function alone with what it uses, not the whole script.

    Raises:
        ConfigurationError: It is a lambda, a closure or a method, or its text cannot be run alone.
    """
    check(function, "acquisition")
    source = "from __future__ import annotations\n\n" + _written(function, "acquisition")
    keys = {
        "module": str(getattr(function, "__module__", "")),
        "name": str(getattr(function, "__name__", "")),
        "source": source,
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
    }
    defined(AcquisitionFunctionSpec.model_validate(keys))
    return keys


def function_calculator(function: object, key: str = "calculator") -> Calculator:
    """The calculator that computes a function, with the file that workers import.

    Args:
        key: The argument, for messages.

    Raises:
        ConfigurationError: It is a lambda, a closure or a method, or its file imports another one beside it.
    """
    check(function, key)
    name, content = file_of(function)
    path = f"{hashlib.sha256(content).hexdigest()}/{name}"
    made = made_by()["Function"]({"file": path, "function": getattr(function, "__name__", "")})
    return Calculator(made.key, made.data, {path: content})


def with_kept_file(calculator: JsonDict, files: dict[str, bytes]) -> JsonDict:
    """The keys of a calculator, of which the file of a function becomes one that the campaign keeps and exports.

    Args:
        files: Contents by path; receives the file. One that cannot be read is left to the loader, which names it.

    Raises:
        ConfigurationError: The file imports another one beside it.
    """
    given = str(calculator.get("file", ""))
    file = Path(given)
    if calculator.get("type") != "function" or given in files or not file.is_file():
        return calculator
    name, content = _kept(file)
    path = f"{hashlib.sha256(content).hexdigest()}/{name}"
    files[path] = content
    return calculator | {"file": path}


def check(function: object, key: str) -> None:
    """Raises ConfigurationError for what another process cannot import."""
    if not isinstance(function, types.FunctionType):
        raise ConfigurationError(f"{key}: {function!r} is a {type(function).__name__}; {_HOW}")
    if function.__name__ == "<lambda>":
        raise ConfigurationError(f"{key}: a lambda has no name that another process could import; {_HOW}")
    if "." in function.__qualname__ or function.__closure__:
        kind = "inside another function" if "<locals>" in function.__qualname__ else "in a class"
        raise ConfigurationError(f"{key}: {function.__qualname__} is defined {kind}; {_HOW}", hint=_NO_CLOSURE)


def file_of(function: Any) -> tuple[str, bytes]:  # noqa: ANN401 - a function
    """Name and content of the file that defines a function; of a notebook's function, of one that is written for it."""
    file = Path(function.__code__.co_filename)
    if file.is_file():
        return _kept(file)
    return f"{function.__name__}.py", _written(function, "function").encode()


def _kept(file: Path) -> tuple[str, bytes]:
    """Name and content of a file that workers import alone. Raises ConfigurationError."""
    beside = unlisted_modules([file])
    if beside:
        importer, module = beside[0]
        raise ConfigurationError(
            f"function: {importer.name} imports {module}, which workers would not find",
            hint="put what the function needs into its file, or into an installed package",
        )
    return file.name, file.read_bytes()


def _written(function: Any, key: str) -> str:  # noqa: ANN401 - a function
    """The source of a notebook's function, after the modules, constants and functions of the notebook that it uses."""
    found: dict[str, str] = {}
    _write(function, found, key)
    return "\n\n".join(text.strip() for text in found.values()) + "\n"


def _write(function: Any, found: dict[str, str], key: str) -> None:  # noqa: ANN401 - a function
    name = function.__name__
    found[name] = ""
    for used in _names(function.__code__):
        if used in found or used not in function.__globals__ or hasattr(builtins, used):
            continue
        value: Any = function.__globals__[used]
        if isinstance(value, types.FunctionType) and value.__globals__ is function.__globals__:
            _write(value, found, key)
        elif isinstance(value, types.ModuleType):
            found[used] = f"import {value.__name__} as {used}"
        elif isinstance(value, bool | int | float | str):
            found[used] = f"{used} = {value!r}"
        elif (origin := _origin(value, used)) is not None and origin[0] != function.__module__:
            found[used] = f"from {origin[0]} import {origin[1]} as {used}"
        else:
            raise ConfigurationError(f"{key}: {name} uses {used}, a {type(value).__name__}; {_HOW}", hint=_NO_CLOSURE)
    del found[name]
    try:
        linecache.checkcache()
        found[name] = inspect.getsource(function)
    except (OSError, TypeError) as error:
        raise ConfigurationError(f"{key}: the source of {name} is not known; {_HOW}") from error


def _origin(value: object, used: str) -> tuple[str, str] | None:
    """The module from which a value can be imported, and its name there; an object without one has that by which it is used.

    A package that shows what a private module of its own defines is preferred: the private one may move.
    """
    module, name = getattr(value, "__module__", None) or "", getattr(value, "__name__", used)
    while "._" in module and getattr(sys.modules.get(shorter := module.rpartition(".")[0]), name, None) is value:
        module = shorter
    return (module, name) if getattr(sys.modules.get(module), name, None) is value else None


def _names(code: types.CodeType) -> list[str]:
    inner = [name for item in code.co_consts if isinstance(item, types.CodeType) for name in _names(item)]
    return list(dict.fromkeys([*code.co_names, *inner]))
