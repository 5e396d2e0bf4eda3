"""Functions of one type of calculator. The module that the spec's facts name defines one of these as ``ENGINE``."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from tansaku.models.domain.findings import Finding
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.parallel import ParallelSpec

SpecT = TypeVar("SpecT", bound=CalculatorBase)

Probe = Callable[[str, str, str], "Finding | str"]
"""Runs a Python program in a process of its own: a library of the wrong kind ends a process instead of raising.

Takes the finding's name, the program, and what to do where it fails; returns what it prints, or why it did not start.
"""


@dataclass(frozen=True)
class Engine(Generic[SpecT]):
    """Functions behind a type of calculator. Relative paths of a spec start in the folder that is given with it.

    Attributes:
        open: Makes the calculator from spec, folder, and what a code with several processes may use.
        resolve: The spec with the hashes of the files that it reads, each checked where one is given; None: it reads none.
        elements: Chemical symbols that it can compute, as far as that is known without computing; None: unknown.
        own_files: Files of the model that come with no package whose licence the facts give; None: there are none.
        cutoff: Distance beyond which atoms do not interact [Å], as far as its files give it; None: unknown.
        examine: What `tansaku doctor` says of it; None: nothing beyond its extra.
        startable: Refuses a calculator whose program is not on this machine or does not start; None: it starts no program.
        notes: What `tansaku check` says of a calculator that works; None: nothing.
    """

    open: Callable[[SpecT, Path, ParallelSpec], Calculator]
    resolve: Callable[[SpecT, Path], SpecT] | None = None
    elements: Callable[[SpecT, Path], frozenset[str] | None] | None = None
    own_files: Callable[[SpecT, Path], Sequence[Path]] | None = None
    cutoff: Callable[[SpecT, Path], float | None] | None = None
    examine: Callable[[Probe], Finding] | None = None
    startable: Callable[[SpecT], object] | None = None
    notes: Callable[[SpecT], Iterable[str]] | None = None


def not_installed(kind: type[CalculatorBase], hint: str = "") -> Finding | None:
    """A finding that a calculator's package is not installed; None where it is.

    Args:
        kind: The spec class.
        hint: What else is needed, beside the extra.
    """
    facts, name = kind.facts, kind.type_name()
    try:
        importlib.metadata.version(facts.package or "tansaku")
    except importlib.metadata.PackageNotFoundError:
        detail = f"{facts.package} is not installed; calculator {name} needs it"
        return Finding(name=name, state="optional", detail=detail, hint=f"pip install 'tansaku[{facts.extra}]' {hint}".strip())
    return None
