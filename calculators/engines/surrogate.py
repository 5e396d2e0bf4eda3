"""A trained surrogate as a calculator: another potential relaxes, the surrogate says the energies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from ase import Atoms

import tansaku
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engine import Engine
from tansaku.calculators.frozen_files import freeze
from tansaku.models.domain.errors import CalculationError, ConfigurationError, FitError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.surrogate import SurrogateCalculatorSpec
from tansaku.models.domain.specs.parallel import ParallelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.surrogate_base import FREE_ATOMS
from tansaku.models.domain.surrogates import Example, Surrogate
from tansaku.models.surrogates.files import read_weights
from tansaku.models.surrogates.surrogate_registry import restored


class NamesModel(Protocol):
    """A calculator's spec that names the file of a model."""

    @property
    def model(self) -> str:
        """Path of the file."""
        ...

    @property
    def model_sha256(self) -> str | None:
        """Content hash that is expected."""
        ...


def find_model(spec: NamesModel, base_path: Path, needed: Sequence[str] = ("energy",)) -> str:
    """Content hash of a spec's model.

    Args:
        base_path: Folder in which relative paths start.
        needed: What the model has to predict.

    Raises:
        ConfigurationError: The file is not there, is another one than the spec says, sees more than structures, or does not
            predict what is needed.
        MissingComponentError: A package is not installed.
        StoreError: The file is no model.
    """
    path = base_path / spec.model
    if not path.is_file():
        raise ConfigurationError(
            f"calculator.model: file {str(path)!r} does not exist",
            hint="paths start at the file's folder; `tansaku model export NAME --out FILE` writes one",
        )
    found = file_sha256(path)
    if spec.model_sha256 not in (None, found):
        raise ConfigurationError(f"calculator.model: the content has SHA-256 {found}, expected {spec.model_sha256}")
    model = restored(read_weights(path))
    if fields := model.spec.needed_fields():
        raise ConfigurationError(
            f"calculator.model: {path.name} sees the field {fields[0]}, which structures alone lack; expected a model of "
            f"field {FREE_ATOMS}"
        )
    predicts = model.predicts
    for name in needed:
        if name not in predicts:
            raise ConfigurationError(
                f"calculator.model: {path.name} predicts {', '.join(predicts)}, expected {name} among them"
            )
    return found


def frozen_model(spec: NamesModel, base_path: Path, needed: Sequence[str] = ("energy",)) -> tuple[str, Path]:
    """Content hash of a spec's model, and a file of it that does not change; errors as of :func:`find_model`."""
    found, path = find_model(spec, base_path, needed), base_path / spec.model
    return found, freeze({path.name: path}, {path.name: found})[path.name]


def known_elements(spec: NamesModel, base_path: Path) -> frozenset[str] | None:
    """Elements that a spec's model was trained on; None where its file does not say.

    Raises:
        StoreError: The file is no model.
    """
    species = read_weights(base_path / spec.model).document.get("species")
    return frozenset(map(str, species)) if isinstance(species, list) else None


class SurrogateCalculator:
    """``Calculator`` whose energies a trained model predicts.

    Args:
        base_path: Folder in which its file lies.
        relaxing: The potential that relaxes.
    """

    def __init__(self, spec: SurrogateCalculatorSpec, base_path: Path, relaxing: Calculator) -> None:
        self._sha256, self._path = frozen_model(spec, base_path)
        self._spec = spec
        self._relaxing = relaxing

    @property
    def provenance(self) -> Provenance:
        """The model by its content, and who relaxes."""
        relaxing = self._relaxing.provenance.model_dump(mode="json")
        return Provenance(
            code="surrogate",
            code_version=tansaku.__version__,
            model=self._spec.model,
            model_sha256=self._sha256,
            settings={"relaxed_by": relaxing},
        )

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure as a ``Calculator``; forces and stress are the relaxing potential's."""
        found = self._relaxing.evaluate(structure, relaxation)
        try:
            prediction = self._model.predict([Example("", "", found.atoms, {})])[0]
        except FitError as error:
            raise CalculationError("not_predicted", error.message) from error
        energy, energies = prediction["energy"], prediction.get("energies")
        if not np.isfinite(energy.values).all():
            raise CalculationError("nan", f"{self._path.name} predicts {energy.values}")
        return replace(
            found,
            energy=float(energy.values),
            energies=np.asarray(energies.values) if energies is not None else None,
            provenance=self.provenance,
            terms={},
            details={"relaxed_by_energy": found.energy},
            predicted=True,
            deviation=float(energy.deviation) if energy.deviation is not None else None,
        )

    def close(self) -> None:
        """Closes the potential."""
        self._relaxing.close()

    @cached_property
    def _model(self) -> Surrogate:
        return restored(read_weights(self._path))


def _open(spec: SurrogateCalculatorSpec, base_path: Path, parallel: ParallelSpec) -> SurrogateCalculator:
    return SurrogateCalculator(spec, base_path, open_calculator(spec.relaxed_by, base_path, parallel))


def _resolve(spec: SurrogateCalculatorSpec, base_path: Path) -> SurrogateCalculatorSpec:
    return spec.model_copy(update={"model_sha256": find_model(spec, base_path)})


ENGINE = Engine[SurrogateCalculatorSpec](open=_open, resolve=_resolve, elements=known_elements)
