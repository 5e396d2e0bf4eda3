"""A problem of a few structures whose targets another network gave."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def small_problem():
    """``small_problem(activation, **keys)``: structures of three atoms of two elements; of some no forces are known."""

    def make(activation: str = "tanh", **keys: object):
        import torch

        from tansaku.potentials.network.network import Architecture
        from tansaku.potentials.network.problem import Block, Problem

        rng = np.random.default_rng(3)
        architecture = Architecture(4, (5, 3), activation, 2)
        teacher = 1.4 * architecture.drawn(rng)
        blocks, first = [], 0
        for counts, size, known in (((2, 1), 9, True), ((1, 2), 8, True), ((3, 0), 3, False)):
            features = torch.tensor(rng.normal(size=(size, 3, 4)))
            derivatives = torch.tensor(rng.normal(size=(size, 9, 3, 4))) if known else None
            rows = np.arange(first, first + size)
            zeros = torch.zeros((size, 9), dtype=torch.float64) if known else None
            blocks.append(Block(counts, features, torch.zeros(size, dtype=torch.float64), derivatives, zeros, rows))
            first += size
        settings = {"force_weight": 0.1, "decay": 0.0, "unit": 0.5, "workers": None}
        empty = Problem(architecture, tuple(blocks), np.ones(first), **settings)
        found = empty.residuals(teacher)
        learned = []
        for block in blocks:
            energies = torch.tensor(1.5 * found.energies[block.rows] / 0.5)
            forces = (
                None if block.derivatives is None else torch.tensor(np.stack([found.forces[row] for row in block.rows]) / 0.5)
            )
            shaped = None if forces is None else forces.reshape(len(block.rows), 9)
            learned.append(Block(block.counts, block.features, energies, block.derivatives, shaped, block.rows))
        counts = rng.uniform(0.5, 2.0, first)
        return Problem(architecture, tuple(learned), counts, **(settings | keys))

    return make
