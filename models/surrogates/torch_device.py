"""Where surrogates of torch compute."""

from __future__ import annotations

import torch

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.surrogates import DeviceChoice


def torch_device(device: DeviceChoice) -> str:
    """What torch calls a device.

    Raises:
        FitError: There is no GPU.
    """
    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise FitError("device: cuda, but torch sees no CUDA device", hint="device: auto takes one if there is one")
    return "cuda" if device != "cpu" and found else "cpu"
