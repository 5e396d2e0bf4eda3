"""Lookup in tables of openers, which name the code behind each type of spec, so that only requested code is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from tansaku.models.domain.errors import ConfigurationError


def opener(table: Mapping[str, str], kind: str, key: str) -> Callable[..., object]:
    """Returns the table's entry of a type.

    Args:
        table: By type: a module and a name in it, such as ``tansaku.spaces.table:TableSpace``.
        kind: The type.
        key: The key in the file, for the error.

    Raises:
        ConfigurationError: The table does not have it; nothing else is opened instead.
    """
    if kind not in table:
        raise ConfigurationError(f"{key}: {kind!r} has no opener; expected one of {', '.join(table)}")
    module, name = table[kind].split(":")
    return cast("Callable[..., object]", getattr(import_module(module), name))
