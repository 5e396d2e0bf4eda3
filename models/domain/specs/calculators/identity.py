"""The identity of a calculator: its keys and the content of its files, without later keys that have their defaults."""

from __future__ import annotations

from collections.abc import Mapping

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.table import calculator_type
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec


def calculator_identity(calculator: JsonDict) -> JsonDict:
    """The part of a calculator's spec that enters hashes and comparisons.

    Args:
        calculator: A resolved spec as plain data.

    Raises:
        ConfigurationError: Its type is not known.
    """
    facts = calculator_type(calculator["type"]).facts
    found = dict(calculator)
    for file in facts.files:
        if file.path is not None and found.get(file.content):
            found.pop(file.path, None)
    _drop(found, facts.later)
    for key in facts.parts:
        found[key] = calculator_identity(found[key])
    if found.get("workflow") is not None:
        found["workflow"] = dict(found["workflow"])
        if found["workflow"].get("type") == MigrationBarrierSpec.model_fields["type"].default:
            _drop(found["workflow"], MigrationBarrierSpec.later)
    return found


def _drop(data: JsonDict, defaults: Mapping[str, object]) -> None:
    for key, default in defaults.items():
        if key in data and data[key] == default:
            del data[key]
