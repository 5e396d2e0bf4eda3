"""Opens surrogates: trainers by their specs, and fitted surrogates by their weights."""

from __future__ import annotations

from typing import cast

from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.specs.surrogate import SURROGATE_SPECS
from tansaku.models.domain.specs.surrogate_base import SurrogateBase
from tansaku.models.domain.surrogates import DeviceChoice, Surrogate, Trainer, Weights


def build_trainer(spec: SurrogateBase) -> Trainer:
    """Builds the trainer of the surrogate that a spec describes."""
    return cast("Trainer", opened("surrogates", spec.type, spec.opener)(spec))


def computed_on(spec: SurrogateBase, device: DeviceChoice) -> str:
    """Returns the device of a spec's surrogate: ``cuda`` or ``cpu``.

    Args:
        device: The requested one; surrogates without GPU code compute on the processor.

    Raises:
        FitError: There is no GPU, and it was requested.
    """
    if not spec.uses_gpu():
        return "cpu"
    from tansaku.models.surrogates.torch_device import torch_device

    return torch_device(device)


def restored(weights: Weights, device: DeviceChoice = "cpu") -> Surrogate:
    """Rebuilds a surrogate from its weights.

    Args:
        weights: As ``Surrogate.weights`` gave them, by this or an older version.
        device: Where it predicts; surrogates without GPU code predict on the processor.

    Raises:
        StoreError: The surrogate is unknown, or the version is newer.
    """
    kind = str(weights.document.get("type"))
    if kind not in SURROGATE_SPECS:
        raise StoreError(
            f"weights of unknown type {kind!r}; expected one of {', '.join(SURROGATE_SPECS)}",
            hint="a newer tansaku may have written them",
        )
    return cast("Surrogate", opened("surrogates", kind, SURROGATE_SPECS[kind].restore)(weights, device))
