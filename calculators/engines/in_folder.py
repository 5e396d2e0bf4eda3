"""Shared by calculators that compute in a folder: the folder, and the positions from which a killed evaluation continues."""

from __future__ import annotations

import copy
import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from ase import Atoms

from tansaku.calculators.engines.relaxation import check_axes, check_input
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.specs.relaxation import RelaxationSpec

_STATE = "state.json"


class FolderCalculator(ABC):
    """A ``ScratchCalculator`` that computes in a folder: its own, or a temporary one for each evaluation."""

    molecules = False
    """Whether it computes molecules too, which have no cell."""

    _folder: Path | None = None

    def within(self, folder: Path) -> Self:
        """The calculator with a folder for its files, as a ``ScratchCalculator``."""
        inside = copy.copy(self)
        inside._folder = folder
        return inside

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure, relaxed if asked for, as a ``Calculator``."""
        check_input(structure, molecules=self.molecules)
        check_axes(structure, relaxation)
        self._check(structure)
        with self._place() as folder:
            result = self._evaluate(structure, relaxation, folder)
        return result if self._folder is not None else replace(result, files={})

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Nothing to release."""

    @contextmanager
    def _place(self) -> Iterator[Path]:
        """Its folder, or a temporary one."""
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield self._folder
            return
        with tempfile.TemporaryDirectory(prefix="tsk-") as folder:
            yield Path(folder)

    @abstractmethod
    def _check(self, structure: Atoms) -> None:
        """Refuses a structure that cannot be computed. Raises ConfigurationError."""

    @abstractmethod
    def _evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None, folder: Path) -> CalculationResult:
        """Computes a structure in a folder that exists."""


@dataclass(frozen=True)
class KeptPositions:
    """Cell and positions of an evaluation in progress, from which it continues after a kill.

    Attributes:
        key: Of the evaluation; what another one left behind is not used.
    """

    folder: Path
    key: str

    def restore(self, atoms: Atoms) -> bool:
        """Restores the positions of a killed evaluation; returns whether there was one."""
        try:
            state = json.loads((self.folder / _STATE).read_text())
        except (FileNotFoundError, ValueError):
            return False
        if state["key"] != self.key:
            return False
        atoms.set_cell(np.array(state["cell"]))
        atoms.positions = np.array(state["positions"])
        return True

    def keep(self, atoms: Atoms) -> None:
        """Replaces what is kept, at once."""
        state = {"key": self.key, "cell": atoms.cell.tolist(), "positions": atoms.positions.tolist()}
        aside = self.folder / f".{_STATE}"
        aside.write_text(json.dumps(state))
        aside.rename(self.folder / _STATE)
