"""Opens the calculator that a spec describes. Engines are imported on first use, from the module that the spec's facts name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tansaku.calculators.engine import Engine, Probe
from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.plugins import plugin_of, reason_of
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.calculators.plugin import PluginCalculator
from tansaku.models.domain.specs.calculators.table import CALCULATORS, CalculatorSpec
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec


def open_calculator(spec: CalculatorSpec, base_path: Path, parallel: ParallelSpec = SERIAL) -> Calculator:
    """Makes the calculator that a spec describes.

    Args:
        base_path: Folder of the campaign file; relative paths start here.
        parallel: What a DFT code may use; the others compute in this process.

    Raises:
        ConfigurationError: The spec's type is not known, or the spec cannot be met, e.g. its potential is missing.
        MissingComponentError: The engine's package is not installed; says which extra brings it.
    """
    if isinstance(spec, PluginCalculator):
        spec = spec.resolved_plugin()
    return find_engine(type(spec)).open(spec, base_path, parallel)


def resolve_calculator(spec: CalculatorSpec, base_path: Path) -> CalculatorSpec:
    """The spec with the content hash of every file that it and its parts read.

    Args:
        spec: The spec; a hash that it gives is checked.
        base_path: Folder of the campaign file; relative paths start here.

    Raises:
        ConfigurationError: A file is missing, damaged or another one than the spec says.
        MissingComponentError: A package is not installed.
    """
    parts = {key: resolve_calculator(part, base_path) for key, part in spec.parts.items()}
    if spec.facts.files:
        resolve = find_engine(type(spec)).resolve
        if resolve is None:
            raise AssertionError(f"calculator type {spec.type} reads files and its engine resolves none")
        spec = resolve(spec, base_path)
    if isinstance(spec, PluginCalculator):
        spec = spec.resolved_plugin()
    return spec.model_copy(update=parts) if parts else spec


def known_elements(spec: CalculatorSpec, base_path: Path) -> frozenset[str] | None:
    """Chemical symbols that a calculator can compute, as far as this is known without computing.

    Args:
        base_path: Folder of the campaign file; relative paths start here.

    Returns:
        None where nothing is known beforehand.

    Raises:
        ConfigurationError: The spec's type is not known, or a file that tells it is missing or damaged.
        MissingComponentError: The engine's package is not installed.
    """
    if spec.facts.elements is not None:
        return spec.facts.elements
    elements = find_engine(type(spec)).elements
    return elements(spec, base_path) if elements is not None else None


def known_cutoff(spec: CalculatorSpec, base_path: Path) -> float | None:
    """Distance beyond which atoms do not interact [Å]; None where a calculator's files do not give it.

    Args:
        base_path: Folder of the campaign file; relative paths start here.

    Raises:
        ConfigurationError: The spec's type is not known, or a file that gives the cutoff is missing or damaged.
        MissingComponentError: The engine's package is not installed.
    """
    cutoff = find_engine(type(spec)).cutoff
    return cutoff(spec, base_path) if cutoff is not None else None


def require_program(spec: CalculatorSpec) -> None:
    """Checks that the program which a calculator starts is on this machine; computes nothing.

    Raises:
        ConfigurationError: The spec's type is not known, or the site's program is missing or does not start.
        MissingComponentError: A program is not installed.
    """
    startable = None if spec.facts.silent else find_engine(type(spec)).startable
    if startable is not None:
        startable(spec)


def calculator_notes(spec: CalculatorSpec) -> tuple[str, ...]:
    """Notes on a calculator and its parts that a user should read before anything is computed.

    Args:
        spec: Of one that can be opened.

    Raises:
        ConfigurationError: The spec's type is not known.
    """
    notes = None if spec.facts.silent else find_engine(type(spec)).notes
    own = tuple(notes(spec)) if notes is not None else ()
    return own + tuple(note for part in spec.parts.values() for note in calculator_notes(part))


def examine_calculators(probe: Probe) -> Iterator[Finding]:
    """Yields the findings of `tansaku doctor` about the calculators on this machine, in the table's order.

    Args:
        probe: Runs a program in a process of its own.
    """
    for kind in CALCULATORS:
        try:
            examine = find_engine(kind).examine
            if examine is not None:
                yield examine(probe)
        except Exception as error:  # somebody else's code may raise anything
            plugin = plugin_of("calculators", kind.type_name())
            if plugin is None:
                raise
            detail = f"calculator {plugin.name} could not be examined: {reason_of(error)}"
            yield Finding(name=f"plug-in {plugin.distribution}", state="warning", detail=detail, hint=plugin.remedy)


def find_engine(kind: type[CalculatorBase]) -> Engine[Any]:
    """The engine of a spec class.

    Raises:
        ConfigurationError: The class is not in the table of calculators.
    """
    if kind not in CALCULATORS:
        known = ", ".join(known.type_name() for known in CALCULATORS)
        raise ConfigurationError(f"no calculator is known for {kind.__name__}; known types are {known}")
    found = opened("calculators", kind.type_name(), f"{kind.facts.engine}:ENGINE")
    if not isinstance(found, Engine):
        raise TypeError(f"{kind.facts.engine}.ENGINE is no Engine")
    return found
