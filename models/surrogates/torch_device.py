"""Devices of surrogates that use torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.surrogates import DeviceChoice


def torch_device(device: DeviceChoice) -> str:
    """Returns torch's name of a device.

    Raises:
        FitError: There is no GPU.
    """
    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise FitError("device: cuda, but torch sees no CUDA device", hint="device: auto uses one if available")
    return "cuda" if device != "cpu" and found else "cpu"


@contextmanager
def full_precision() -> Iterator[None]:
    """Convolutions on a GPU use full precision and a fixed order; by default cuDNN may round to ten bits (TF32)."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield
