"""Every calculator that a campaign file may name, as the door lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from tansaku.models.domain.door import one_of
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.calculators.plugin import calculator_kinds
from tansaku.models.domain.specs.workflow import WorkflowBase

CALCULATORS = calculator_kinds()
"""Tansaku's own, then those of plug-ins."""


def calculator_type(name: str) -> type[CalculatorBase]:
    """The spec class of a type.

    Raises:
        ConfigurationError: No calculator has this name.
    """
    for kind in CALCULATORS:
        if kind.type_name() == name:
            return kind
    known = ", ".join(kind.type_name() for kind in CALCULATORS)
    raise ConfigurationError(f"calculator.type: {name!r} is not known; expected one of {known}")


def types_with(key: str) -> list[str]:
    """Types whose specs have a key, for messages that list alternatives."""
    return [kind.type_name() for kind in CALCULATORS if key in kind.model_fields]


def types_with_workflow(names: Iterable[str]) -> list[str]:
    """Types whose specs take a workflow of one of these types."""
    wanted = set(names)
    return [
        kind.type_name()
        for kind in CALCULATORS
        if (key := kind.model_fields.get("workflow")) is not None
        for spec in get_args(key.annotation)
        if issubclass(spec, WorkflowBase) and spec.model_fields["type"].default in wanted
    ]


def packages() -> tuple[str, ...]:
    """Packages that calculators need beyond the core, each once."""
    return tuple(dict.fromkeys(kind.facts.package for kind in CALCULATORS if kind.facts.package))


def variables() -> tuple[str, ...]:
    """Prefixes of the environment variables that calculators read, each once."""
    return tuple(dict.fromkeys(prefix for kind in CALCULATORS for prefix in kind.facts.variables))


def field_files() -> dict[str, tuple[str, ...]]:
    """Files in which a calculator may have left a field, by the field's name."""
    found: dict[str, tuple[str, ...]] = {}
    for kind in CALCULATORS:
        for name, file in kind.facts.fields.items():
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), file)))
    return found


if TYPE_CHECKING:
    CalculatorSpec = CalculatorBase
    AtomicCalculatorSpec = CalculatorBase
else:
    CalculatorSpec = one_of(CALCULATORS)
    AtomicCalculatorSpec = one_of(kind for kind in CALCULATORS if kind.facts.atomic_energies)
    """Calculators that give an energy of each atom."""

for _kind in CALCULATORS:
    # Specs that contain another calculator can be completed only now.
    if not _kind.__pydantic_fields_complete__:
        _kind.model_rebuild(_types_namespace={"AtomicCalculatorSpec": AtomicCalculatorSpec})
