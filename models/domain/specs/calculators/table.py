"""Every calculator that a campaign file may name: a new one is one more line here.

Installed plug-ins add theirs by entry points, before the unions are made; nothing else lists types.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Union, get_args

from pydantic import Field

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.ase import AseCalculatorSpec
from tansaku.models.domain.specs.calculators.atomate2 import Atomate2Spec
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.command import CommandCalculatorSpec
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.espresso import EspressoSpec
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.calculators.manual import ManualSpec
from tansaku.models.domain.specs.calculators.plugin import plugin_calculators
from tansaku.models.domain.specs.calculators.potential import PotentialCalculatorSpec
from tansaku.models.domain.specs.calculators.sevennet import SevennetSpec
from tansaku.models.domain.specs.calculators.surrogate import SurrogateCalculatorSpec
from tansaku.models.domain.specs.calculators.vasp import VaspSpec
from tansaku.models.domain.specs.workflow import WorkflowBase

_OWN: tuple[type[CalculatorBase], ...] = (
    LammpsSpec,
    EmtSpec,
    ChgnetSpec,
    SevennetSpec,
    GpawSpec,
    EspressoSpec,
    VaspSpec,
    Atomate2Spec,
    PotentialCalculatorSpec,
    SurrogateCalculatorSpec,
    ManualSpec,
    CommandCalculatorSpec,
    AseCalculatorSpec,
)

CALCULATORS = (*_OWN, *plugin_calculators([kind.type_name() for kind in _OWN]))
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


def _union(kinds: Iterable[type[CalculatorBase]]) -> object:
    return Annotated[Union[tuple(kinds)], Field(discriminator="type")]  # noqa: UP007 - of a tuple


if TYPE_CHECKING:
    CalculatorSpec = CalculatorBase
    AtomicCalculatorSpec = CalculatorBase
else:
    CalculatorSpec = _union(CALCULATORS)
    AtomicCalculatorSpec = _union(kind for kind in CALCULATORS if kind.facts.atomic_energies)
    """Calculators that give an energy of each atom."""

for _kind in CALCULATORS:
    # Specs that contain another calculator can be completed only now.
    _kind.model_rebuild(_types_namespace={"AtomicCalculatorSpec": AtomicCalculatorSpec})
