"""SevenNet-0: Park, Kim, Hwang, Han, J. Chem. Theory Comput. 20, 4857 (2024), doi:10.1021/acs.jctc.4c00190."""

from __future__ import annotations

import importlib.metadata
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import all_changes
from ase.data import chemical_symbols
from ase.stress import voigt_6_to_full_3x3_stress

from tansaku.calculators.engine import Engine
from tansaku.calculators.engines.universal import (
    DEVICE,
    Network,
    NetworkResult,
    UniversalCalculator,
    checked_weights,
    installed,
)
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.sevennet import SevennetSpec

_WEIGHTS = {
    "7net-0": (
        "pretrained_potentials/SevenNet_0__11Jul2024/checkpoint_sevennet_0.pth",
        "7052cb42b7b3be42b40b97fa0d21077a48c54b5548948fc4dcf346629f813c36",
    ),
    "7net-l3i5": (
        "pretrained_potentials/SevenNet_l3i5/checkpoint_l3i5.pth",
        "a7ff190d41efe5b8317a03d20a468e4036a1a3e64e0b14fdbab64ac3f4bfc09d",
    ),
    "7net-mf-0-r2scan": (
        "pretrained_potentials/SevenNet_MF_0/checkpoint_sevennet_mf_0.pth",
        "81791329b37d445f46b531578c182c41792d98c7814222c9e5dde276402225fd",
    ),
}

_FUNCTIONALS = {"7net-mf-0-r2scan": "R2SCAN"}
"""Functional of a model of several: Kim et al., J. Am. Chem. Soc. 147, 1042 (2025), doi:10.1021/jacs.4c14455."""


_HEAVIEST = 94
_LEFT_OUT = frozenset({"Po", "At", "Rn", "Fr", "Ra"})


def known_elements() -> frozenset[str]:
    """Elements that the models were fitted to."""
    return frozenset(chemical_symbols[1 : _HEAVIEST + 1]) - _LEFT_OUT


def open_sevennet(spec: SevennetSpec) -> UniversalCalculator:
    """Makes the calculator; torch is not imported before the first evaluation.

    Raises:
        MissingComponentError: The package is not installed.
        ConfigurationError: Its weights are not the ones that belong to the model's name.
    """
    folder = installed("sevenn", "sevennet")
    name, expected = _WEIGHTS[spec.model]
    path = folder / name
    provenance = Provenance(
        code="sevenn",
        code_version=importlib.metadata.version("sevenn"),
        model=spec.model,
        model_sha256=checked_weights(path, expected, "sevenn"),
        settings={"dtype": "float32", "device": DEVICE, "minimizer": "lbfgs"},
    )
    return UniversalCalculator(provenance, lambda: _network(path, _FUNCTIONALS.get(spec.model)))


@lru_cache(maxsize=2)
def _network(path: Path, functional: str | None = None) -> Network:
    """The package's calculator with its network; one per process.

    Its loader unpickles the file, which is why the file's hash has been compared with the known one before.
    """
    import torch

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        # Of the package's: there are faster kernels on other devices.
        warnings.simplefilter("ignore")
        from sevenn.calculator import SevenNetCalculator

        inner = SevenNetCalculator(str(path), device=DEVICE, modal=functional)
    inner.model.requires_grad_(False)
    return _Package(inner)


class _Package:
    """The package's calculator as a network."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - the package ships no types
        self._inner = inner
        self.elements = frozenset(int(number) for number in inner.type_map)

    def compute(self, atoms: Atoms) -> NetworkResult:
        """Energy, forces and stress of a structure, as a ``Network``."""
        self._inner.calculate(atoms, ["energy", "forces", "stress"], all_changes)
        found = self._inner.results
        return NetworkResult(
            energies=np.asarray(found["energies"], dtype=np.float64),
            forces=np.asarray(found["forces"], dtype=np.float64),
            stress=voigt_6_to_full_3x3_stress(np.asarray(found["stress"], dtype=np.float64)),
        )


ENGINE = Engine[SevennetSpec](open=lambda spec, *_: open_sevennet(spec), elements=lambda *_: known_elements())
