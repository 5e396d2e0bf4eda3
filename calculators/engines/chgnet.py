"""CHGNet: Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from ase.data import chemical_symbols

from tansaku.calculators.engine import Engine
from tansaku.calculators.engines.universal import DEVICE, UniversalCalculator, checked_weights, installed
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.calculators.engines.chgnet_network import ChgnetNetwork

_WEIGHTS = {
    "0.3.0": (
        "pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
        "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
    ),
    "r2scan": (
        "pretrained/r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
        "8eba3db0f35a2788bb3ae22885ad340591e27996f213c6643af522a633b50dad",
    ),
}


_HEAVIEST = 94


def known_elements() -> frozenset[str]:
    """Elements that both models were fitted to."""
    return frozenset(chemical_symbols[1 : _HEAVIEST + 1])


def _weights(spec: ChgnetSpec) -> tuple[Path, str]:
    """File of a model's weights, and the SHA-256 that it must have."""
    name, expected = _WEIGHTS[spec.model]
    return installed("chgnet", "chgnet") / name, expected


def load_network(spec: ChgnetSpec) -> ChgnetNetwork:
    """The network itself, for many energies at once; the calculators of this process share it.

    Raises:
        MissingComponentError: The package is not installed.
        ConfigurationError: Its weights are not the ones that belong to the model's name.
    """
    path, expected = _weights(spec)
    checked_weights(path, expected, "chgnet")
    return _network(path, spec.model, spec.dtype)


def open_chgnet(spec: ChgnetSpec) -> ChgnetCalculator:
    """Makes the calculator; torch is not imported before the first evaluation.

    Raises:
        MissingComponentError: The package is not installed.
        ConfigurationError: Its weights are not the ones that belong to the model's name.
    """
    path, expected = _weights(spec)
    provenance = Provenance(
        code="chgnet",
        code_version=importlib.metadata.version("chgnet"),
        model=spec.model,
        model_sha256=checked_weights(path, expected, "chgnet"),
        settings={"dtype": spec.dtype, "device": DEVICE, "minimizer": "lbfgs"},
    )
    return ChgnetCalculator(provenance, lambda: _network(path, spec.model, spec.dtype))


class ChgnetCalculator(UniversalCalculator):
    """The calculator on CHGNet's network.

    Args:
        provenance: Code, model and weights.
        load: Gives the shared network.
    """

    def __init__(self, provenance: Provenance, load: Callable[[], ChgnetNetwork]) -> None:
        super().__init__(provenance, load)
        self._shared = load

    def energy(self, structure: Atoms) -> float:
        """Energy of a structure as it is [eV], as an ``EnergyCalculator``."""
        self.check(structure)
        return float(self._shared().energies([structure])[0])


@lru_cache(maxsize=2)
def _network(path: Path, version: str, dtype: str) -> ChgnetNetwork:
    """The network, without gradients of its weights; one per process."""
    import torch

    torch.set_num_threads(1)
    with redirect_stdout(StringIO()):
        from chgnet.model.model import CHGNet

        from tansaku.calculators.engines.chgnet_network import ChgnetNetwork

        state = torch.load(path, map_location=DEVICE, weights_only=True)
        model = CHGNet.from_dict(state["model"], mlp_out_bias=False, version=version).to(getattr(torch, dtype))
    model.eval()
    model.requires_grad_(False)
    return ChgnetNetwork(model)


ENGINE = Engine[ChgnetSpec](open=lambda spec, *_: open_chgnet(spec), elements=lambda *_: known_elements())
