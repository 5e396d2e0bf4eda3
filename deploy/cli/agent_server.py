"""A server of the Model Context Protocol that names the argument that is wrong, in the words of the errors of a file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata, func_metadata
from pydantic import BaseModel, ConfigDict

from tansaku.models.domain.errors import InvalidSpecError, TansakuError
from tansaku.tasks.ground.formats.validation import validate_data
from tansaku_client import ServerError

Tool = Callable[..., Any]

_PROBLEMS = 20
_LONGEST = 400


class AgentServer(MCPServer):
    """A server whose tools take no arguments that they do not have.

    Args:
        name: Its name.
        tools: By name; agents read their docstrings.
    """

    def __init__(self, name: str, tools: Mapping[str, Tool]) -> None:
        super().__init__(name, log_level="WARNING")  # at INFO it writes what an agent has sent, of any length
        self._arguments = {name: func_metadata(tool) for name, tool in tools.items()}
        for tool in tools.values():
            self.add_tool(_explained(tool))

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:  # noqa: ANN401 - as its base
        """Calls a tool. Raises ToolError with one line for each argument that is wrong."""
        if name in self._arguments:
            _check(self._arguments[name], arguments)
        return await super().call_tool(name, arguments, context)


def _check(known: FuncMetadata, arguments: dict[str, Any]) -> None:
    try:
        validate_data(_strict(known.arg_model), known.pre_parse_json(arguments))  # some agents send lists as texts
    except InvalidSpecError as error:
        lines = [_shortened(str(problem)) for problem in error.problems[:_PROBLEMS]]
        more = [f"and {len(error.problems) - _PROBLEMS} more"] if len(error.problems) > _PROBLEMS else []
        raise ToolError("\n".join([*lines, *more])) from error


def _shortened(line: str) -> str:
    """A line without most of the name of a key that an agent made up."""
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} … {line[-_LONGEST // 2 :]}"


@functools.cache
def _strict(model: type[BaseModel]) -> type[BaseModel]:
    """A model of arguments that refuses unknown ones."""
    return type(model.__name__, (model,), {"model_config": ConfigDict(extra="forbid"), "__module__": __name__})


def _explained(tool: Tool) -> Tool:
    """A tool whose errors are words for the agent."""

    @functools.wraps(tool)
    def called(*given: object, **named: object) -> object:
        try:
            return tool(*given, **named)
        except (TansakuError, ServerError) as error:
            raise ToolError(str(error)) from error

    return called
