"""Shared by the universal potentials: their weights, and the calculator around a model.

A universal potential is a neural network fitted to the relaxations of a large collection of DFT results. Its numbers are not
DFT: far from equilibrium the energy surface comes out too flat (Deng et al., npj Comput. Mater. 11, 9 (2025),
doi:10.1038/s41524-024-01500-6), so migration barriers are too low on the average.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.own_calculator import OwnCalculator
from tansaku.calculators.engines.relaxation import check_axes, check_input
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.relaxation import RelaxationSpec

DEVICE = "cpu"
"""Device of the models: one thread per process on the processor, where a result is the same bits every time."""


def installed(package: str, extra: str) -> Path:
    """Folder of an installed package; nothing of it is imported.

    Args:
        package: Its name.
        extra: The extra of tansaku that brings it.

    Raises:
        MissingComponentError: It is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise MissingComponentError(
            f"calculator type {extra} needs the package {package}, which is not installed",
            hint=f"pip install 'tansaku[{extra}]'",
        )
    return Path(found.submodule_search_locations[0])


def checked_weights(path: Path, expected: str, package: str) -> str:
    """SHA-256 of a file of weights.

    Args:
        expected: SHA-256 that the results of this model belong to.

    Raises:
        ConfigurationError: The file is missing or is another one.
    """
    if not path.is_file():
        raise ConfigurationError(
            f"{package} {importlib.metadata.version(package)} has no file {path.name}; expected weights with SHA-256 {expected}"
        )
    found = file_sha256(path)
    if found != expected:
        raise ConfigurationError(
            f"the weights {path.name} of {package} have SHA-256 {found}, expected {expected}; they are another model"
        )
    return found


@dataclass(frozen=True)
class NetworkResult:
    """Output of a network for a structure.

    Attributes:
        energies: Of each atom [eV], shape ``(n_atoms,)``.
        forces: [eV/Å], shape ``(n_atoms, 3)``.
        stress: Symmetric, positive under tension [eV/Å^3], shape ``(3, 3)``.
    """

    energies: FloatArray
    forces: FloatArray
    stress: FloatArray


class Network(Protocol):
    """A network with its weights; one is shared by all calculators of a process."""

    @property
    def elements(self) -> frozenset[int]:
        """Atomic numbers it knows."""
        ...

    def compute(self, atoms: Atoms) -> NetworkResult:
        """Energies, forces and stress of a periodic structure."""
        ...


def check_elements(structure: Atoms, elements: frozenset[int], provenance: Provenance) -> None:
    """Refuses a structure with an element that a model does not know.

    Args:
        elements: Atomic numbers that it knows.
        provenance: Whose model it is.

    Raises:
        ConfigurationError: There is one.
    """
    for number, symbol in zip(structure.numbers, structure.get_chemical_symbols(), strict=True):
        if int(number) not in elements:
            raise ConfigurationError(f"{provenance.code} {provenance.model} has no {symbol}")


class UniversalCalculator:
    """``Calculator`` on a universal potential; the network is loaded at the first evaluation and shared by the process.

    Args:
        provenance: Code, model and weights.
        load: Gives the shared network.
    """

    def __init__(self, provenance: Provenance, load: Callable[[], Network]) -> None:
        self._provenance = provenance
        self._load = load

    @property
    def provenance(self) -> Provenance:
        """Package, version, model, SHA-256 of the weights, precision and device."""
        return self._provenance

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure, relaxed if asked for, as a ``Calculator``."""
        check_axes(structure, relaxation)
        self.check(structure)
        return evaluate_with_ase(structure, relaxation, _InAse(self._load()), self._provenance)

    def check(self, structure: Atoms) -> None:
        """Refuses a structure that the network cannot compute."""
        check_input(structure)
        check_elements(structure, self._load().elements, self._provenance)

    def close(self) -> None:
        """Nothing to release: the process keeps the shared network."""


class _InAse(OwnCalculator):
    """A shared network as ASE sees it, with a memory of its own."""

    implemented_properties = ["energy", "energies", "forces", "stress"]  # noqa: RUF012 - ASE's base class says so

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    def compute(self, atoms: Atoms, _properties: Sequence[str], _changes: Sequence[str]) -> None:
        """Energy [eV], its parts per atom, forces [eV/Å] and Voigt stress [eV/Å^3]."""
        found = self._network.compute(atoms)
        self.results = {
            "energy": float(found.energies.sum()),
            "energies": found.energies,
            "forces": found.forces,
            "stress": np.ascontiguousarray(full_3x3_to_voigt_6_stress(found.stress)),
        }
