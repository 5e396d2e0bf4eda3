"""Further keys of a plug-in's calculator: the package that computes, and its version."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Annotated, Self

from pydantic import Field

from tansaku.models.domain.door import kinds
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.plugins import plugin_of
from tansaku.models.domain.specs.base import PLAIN_TEXT
from tansaku.models.domain.specs.calculators.ase_table import ASE_CALCULATORS, AseEntry
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, CodeOrigin

_GROUP = "calculators"


class PluginCalculator(CalculatorBase):
    """Base class of the specs of plug-ins' calculators.

    Attributes:
        plugin: Package and version that computes; filled in when a campaign file is loaded. It is part of the level of theory:
            results of two versions are never mixed.
    """

    plugin: Annotated[str, Field(min_length=1, max_length=200), PLAIN_TEXT] | None = None

    @property
    def origin(self) -> CodeOrigin:
        """Origin of the code that computes: the plug-in."""
        return "plugin"

    def resolved_plugin(self) -> Self:
        """The spec with the installed package and version.

        Raises: ConfigurationError: The spec names another package or version.
        """
        plugin = plugin_of(_GROUP, self.type)
        if plugin is None:
            return self
        if self.plugin not in (None, plugin.origin):
            raise ConfigurationError(
                f"calculator.plugin: the campaign computes with {self.plugin}; {plugin.origin} is installed",
                hint="install that version, or start another campaign: results of two versions are never mixed",
            )
        return self.model_copy(update={"plugin": plugin.origin})


def calculator_kinds() -> tuple[type[CalculatorBase], ...]:
    """Specs of all calculators. Entries for ``type: ase`` that plug-ins bring are added to its table."""

    def check(entry: EntryPoint, found: object) -> type[CalculatorBase] | AseEntry:
        if isinstance(found, AseEntry):
            if found.name != entry.name or found.name in ASE_CALCULATORS:
                raise ValueError(f"calculator {found.name!r} of ASE is known already, or is not the entry point's name")
            return found
        base = CalculatorBase if entry.module.startswith("tansaku.") else PluginCalculator
        if not (isinstance(found, type) and issubclass(found, base)):
            raise TypeError(f"{entry.value} is not a class derived from PluginCalculator, and no AseEntry")
        if not isinstance(getattr(found, "facts", None), CalculatorFacts):
            raise TypeError(f"{found.__name__} has no facts, which say what computes")
        return found

    found = kinds(_GROUP, check)
    ASE_CALCULATORS.update({name: entry for name, entry in found.items() if isinstance(entry, AseEntry)})
    return tuple(kind for kind in found.values() if isinstance(kind, type))
