"""A committee as one network per element, from raw descriptors to eV, for export to other programs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.linalg import block_diag

from tansaku.models.domain.pool import FloatArray
from tansaku.potentials.network.model import Potential

Layer = tuple[FloatArray, FloatArray]
"""Matrix, shape ``(n_out, n_in)``, and bias, shape ``(n_out,)``."""


def folded(model: Potential, code: int) -> Sequence[Layer]:
    """The network of one element.

    It predicts the committee's mean: the hidden layers of the members are concatenated and the last layer averages. The
    first layer includes the standardisation, the last one the reference energy and the unit.

    Args:
        code: Place of the element among those of the model.
    """
    weights = [model.architecture.layers(torch.as_tensor(member), code) for member in model.members]
    members = [[(matrix.numpy(), bias.numpy()) for matrix, bias in layers] for layers in weights]
    scaling, count = model.scaling, len(members)
    layers: list[Layer] = []
    for place, together in enumerate(zip(*members, strict=True)):
        matrices, biases = [matrix for matrix, _ in together], [bias for _, bias in together]
        if place == 0:
            matrix, bias = np.vstack(matrices) * scaling.inverse[code], np.concatenate(biases)
            layers.append((matrix, bias - matrix @ scaling.mean[code]))
        elif place < len(members[0]) - 1:
            layers.append((block_diag(*matrices), np.concatenate(biases)))
        else:
            mean = scaling.unit * np.sum(biases, axis=0) / count + scaling.references[code]
            layers.append((scaling.unit * np.hstack(matrices) / count, mean))
    return layers
