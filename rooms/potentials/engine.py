"""A trained network potential as a calculator: energies, forces and stress of its own, and how far its networks disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.stress import full_3x3_to_voigt_6_stress

import tansaku
from tansaku.calculators.engine import Engine
from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.own_calculator import OwnCalculator
from tansaku.calculators.engines.relaxation import check_axes, check_input
from tansaku.calculators.engines.surrogate import find_model, frozen_model, known_elements
from tansaku.calculators.engines.universal import check_elements
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.surrogates.files import read_weights
from tansaku.models.surrogates.surrogate_registry import restored
from tansaku.potentials.specs.calculator import PotentialCalculatorSpec

if TYPE_CHECKING:
    from tansaku.potentials.network.evaluation import Evaluation
    from tansaku.potentials.network.model import Potential

_NEEDED = ("energy", "forces")
_SKIN = 0.5
"""Distance beyond the cutoff up to which neighbours are listed [Å]; a list is used until an atom has moved half of it."""


def open_potential(path: Path, *, device: str = "cpu", dtype: str = "float64") -> InAse:
    """A network potential as a calculator of ASE.

    Args:
        path: File that `tansaku model export` wrote.
        device: ``cpu``, ``cuda`` or ``auto``.
        dtype: ``float64`` or ``float32``.

    Raises:
        ConfigurationError: The model does not predict forces.
        MissingComponentError: A package is not installed.
        StoreError: The file is no model.
    """
    spec = PotentialCalculatorSpec.model_validate({"model": path.name, "device": device, "dtype": dtype})
    return PotentialCalculator(spec, path.parent).in_ase()


class PotentialCalculator:
    """``Calculator`` on a trained network potential, which is loaded at the first evaluation.

    Args:
        base_path: Folder in which its file lies.

    Raises:
        ConfigurationError: The file is missing, another one, or of a model without forces.
        MissingComponentError: A package is not installed.
    """

    def __init__(self, spec: PotentialCalculatorSpec, base_path: Path) -> None:
        self._sha256, self._path = frozen_model(spec, base_path, _NEEDED)
        self._spec = spec

    @property
    def provenance(self) -> Provenance:
        """The model by its content, precision and device."""
        return Provenance(
            code="tansaku",
            code_version=tansaku.__version__,
            model=self._spec.model,
            model_sha256=self._sha256,
            settings={"dtype": self._spec.dtype, "device": self._device, "minimizer": "lbfgs"},
        )

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure, relaxed if asked for, as a ``Calculator``."""
        from tansaku.potentials.network.evaluation import energy_deviation

        check_input(structure)
        check_axes(structure, relaxation)
        known = frozenset(atomic_numbers[symbol] for symbol in self._model.species)
        check_elements(structure, known, self.provenance)
        calculator = self.in_ase()
        found = evaluate_with_ase(structure, relaxation, calculator, self.provenance)
        return replace(found, predicted=True, deviation=energy_deviation(self._model, calculator.last.energies))

    def in_ase(self) -> InAse:
        """A calculator of ASE with a memory of its own."""
        return InAse(self._model, self._spec.dtype)

    def close(self) -> None:
        """Nothing to release."""

    @cached_property
    def _model(self) -> Potential:
        from tansaku.potentials.network.model import Potential

        found = restored(read_weights(self._path), self._spec.device)
        if not isinstance(found, Potential):
            raise ConfigurationError(f"calculator.model: {self._path.name} is a {found.spec.type}, expected a potential")
        return found

    @cached_property
    def _device(self) -> str:
        from tansaku.models.surrogates.torch_device import torch_device

        return torch_device(self._spec.device)


class InAse(OwnCalculator):
    """A network potential as ASE sees it; neighbours are searched again only when atoms have moved far enough.

    Args:
        dtype: Precision, as torch names it.
    """

    implemented_properties = ["energy", "energies", "forces", "stress"]  # noqa: RUF012 - ASE's base class says so

    def __init__(self, model: Potential, dtype: str) -> None:
        import torch

        from tansaku.models.surrogates.torch_device import torch_device
        from tansaku.potentials.network.descriptors.contract import open_descriptor
        from tansaku.potentials.network.descriptors.neighbours import NeighbourMemory

        super().__init__()
        self._model = model
        environment, device = model.spec.environment, torch_device(model.device)
        self._descriptor = open_descriptor(environment, model.species, dtype=getattr(torch, dtype), device=device)
        self._neighbours = NeighbourMemory(self._descriptor.cutoff, _SKIN, model.species)
        self._last: Evaluation | None = None

    @property
    def last(self) -> Evaluation:
        """Predictions of each network for the structure that was computed last."""
        if self._last is None:
            raise AssertionError("nothing has been computed yet")
        return self._last

    def compute(self, atoms: Atoms, _properties: Sequence[str], _changes: Sequence[str]) -> None:
        """Energy [eV], its parts per atom, forces [eV/Å] and, in a periodic cell, Voigt stress [eV/Å^3]."""
        from tansaku.potentials.network.evaluation import evaluate

        found = self._last = evaluate(self._model, self._descriptor, self._neighbours.of(atoms))
        energies = found.energies.mean(axis=0)
        self.results = {"energy": float(energies.sum()), "energies": energies, "forces": found.forces}
        if atoms.cell.rank == 3:
            stress = full_3x3_to_voigt_6_stress(found.virial / atoms.get_volume())
            self.results["stress"] = np.ascontiguousarray(stress)


def _resolve(spec: PotentialCalculatorSpec, base_path: Path) -> PotentialCalculatorSpec:
    return spec.model_copy(update={"model_sha256": find_model(spec, base_path, _NEEDED)})


ENGINE = Engine[PotentialCalculatorSpec](
    open=lambda spec, base_path, _: PotentialCalculator(spec, base_path), resolve=_resolve, elements=known_elements
)
