"""Python functions as calculators: ``tansaku.optimize``, and the file from which the workers import a function."""

from __future__ import annotations

import builtins
import hashlib
import inspect
import linecache
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from tansaku.calculators.engines.command import unlisted_modules
from tansaku.calculators.engines.function import stop_here_if_imported
from tansaku.deploy.python.building import made_by
from tansaku.deploy.python.campaign import Campaign
from tansaku.deploy.python.parts import Calculator, Proposer, Section, Space
from tansaku.models.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from tansaku.deploy.python.constructors import CampaignKeys

Function = Callable[..., float | Mapping[str, float]]

_HOW = "expected a function that `def` defines at the top level of a file or a notebook"
_NO_CLOSURE = "values that it needs are constants of the file or defaults of its keywords"


def optimize(
    function: Function,
    space: Space | Mapping[str, object],
    objective: Section | Mapping[str, object] | None = None,
    budget: int | Section | Mapping[str, object] | None = None,
    *,
    proposer: Proposer | Mapping[str, object] | str | None = None,
    name: str | None = None,
    store: Literal["database"] | None = "database",
    **keys: Unpack[CampaignKeys],
) -> Campaign:
    """Searches for the best value of a Python function, which worker processes of this machine compute.

    The same script, run again after it was killed, continues: finished values are kept, and what workers still compute is
    adopted. The campaign keeps a copy of the function's file; with another copy it is refused.

    Args:
        function: Takes the parameters of a candidate as keywords; returns a number [the objective's unit], or a mapping of all
            quantities by name. An exception is a failed evaluation.
        space: What is searched.
        objective: What is wanted; None: the default of a campaign file.
        budget: What may be spent: a number of evaluations, or ``tansaku.Budget(...)``.
        proposer: As of :class:`tansaku.Campaign`, as are ``name``, ``store`` and errors.
        keys: Other keys of a campaign file, such as ``execution``, whose ``in_flight`` is the number of workers.

    Returns:
        The campaign, which has ended: ``.best``, ``.frame``.

    Raises:
        ConfigurationError: The workers could not import the function.
    """
    stop_here_if_imported()
    calculator = function_calculator(function)
    campaign = Campaign(space, objective, budget, proposer=proposer, calculator=calculator, name=name, store=store, **keys)
    campaign.run()
    return campaign


def function_calculator(function: Function) -> Calculator:
    """The calculator that computes a function, with the file that workers import.

    Raises:
        ConfigurationError: It is a lambda, a closure or a method, or its file imports another one beside it.
    """
    _check(function)
    name, content = _file_of(function)
    path = f"{hashlib.sha256(content).hexdigest()}/{name}"
    made = made_by()["Function"]({"file": path, "function": function.__name__})
    return Calculator(made.key, made.data, {path: content})


def _check(function: object) -> None:
    """Raises ConfigurationError for what another process cannot import."""
    if not isinstance(function, types.FunctionType):
        raise ConfigurationError(f"function: {function!r} is a {type(function).__name__}; {_HOW}")
    if function.__name__ == "<lambda>":
        raise ConfigurationError(f"function: a lambda has no name that worker processes could import; {_HOW}")
    if "." in function.__qualname__ or function.__closure__:
        kind = "inside another function" if "<locals>" in function.__qualname__ else "in a class"
        raise ConfigurationError(f"function: {function.__qualname__} is defined {kind}; {_HOW}", hint=_NO_CLOSURE)


def _file_of(function: Any) -> tuple[str, bytes]:  # noqa: ANN401 - a function
    """Name and content of the file that defines a function; of a notebook's function, of one that is written for it."""
    file = Path(function.__code__.co_filename)
    if file.is_file():
        beside = unlisted_modules([file])
        if beside:
            importer, module = beside[0]
            raise ConfigurationError(
                f"function: {importer.name} imports {module}, which workers would not find",
                hint="put what the function needs into its file, or into an installed package",
            )
        return file.name, file.read_bytes()
    return f"{function.__name__}.py", _written(function).encode()


def _written(function: Any) -> str:  # noqa: ANN401 - a function
    """The source of a notebook's function, after the modules, constants and functions of the notebook that it uses."""
    found: dict[str, str] = {}
    _write(function, found)
    return "\n\n".join(text.strip() for text in found.values()) + "\n"


def _write(function: Any, found: dict[str, str]) -> None:  # noqa: ANN401 - a function
    name = function.__name__
    found[name] = ""
    for used in _names(function.__code__):
        if used in found or used not in function.__globals__ or hasattr(builtins, used):
            continue
        value: Any = function.__globals__[used]
        if isinstance(value, types.FunctionType) and value.__globals__ is function.__globals__:
            _write(value, found)
        elif isinstance(value, types.ModuleType):
            found[used] = f"import {value.__name__} as {used}"
        elif isinstance(value, bool | int | float | str):
            found[used] = f"{used} = {value!r}"
        elif (origin := _origin(value)) is not None:
            found[used] = f"from {origin[0]} import {origin[1]} as {used}"
        else:
            raise ConfigurationError(f"function: {name} uses {used}, a {type(value).__name__}; {_HOW}", hint=_NO_CLOSURE)
    del found[name]
    try:
        linecache.checkcache()
        found[name] = inspect.getsource(function)
    except (OSError, TypeError) as error:
        raise ConfigurationError(f"function: the source of {name} is not known; {_HOW}") from error


def _origin(value: object) -> tuple[str, str] | None:
    """The module from which a value can be imported, and its name there."""
    module, name = getattr(value, "__module__", None) or "", getattr(value, "__name__", "")
    return (module, name) if getattr(sys.modules.get(module), name, None) is value else None


def _names(code: types.CodeType) -> list[str]:
    inner = [name for item in code.co_consts if isinstance(item, types.CodeType) for name in _names(item)]
    return list(dict.fromkeys([*code.co_names, *inner]))
