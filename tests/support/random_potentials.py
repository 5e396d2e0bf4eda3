"""Potentials with random networks, and structures for them."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk

from tansaku.potentials.specs.network import PotentialSpec


def alloys(species: tuple[str, ...], count: int = 4, seed: int = 0) -> list[Atoms]:
    """Distorted cells of eight atoms."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        atoms = bulk("Al", "fcc", a=4.0, cubic=True) * (2, 1, 1)
        atoms.symbols = [species[code] for code in rng.permutation(np.arange(len(atoms)) % len(species))]
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.05 * rng.normal(size=(3, 3))), scale_atoms=True)
        atoms.positions += 0.1 * rng.normal(size=atoms.positions.shape)
        found.append(atoms)
    return found


def random_potential(environment: dict, species: tuple[str, ...], **keys: object):
    """A committee of three random networks; its scaling is that of some alloys."""
    from tansaku.models.surrogates.calibration import ErrorModel
    from tansaku.potentials.network.descriptors.contract import open_descriptor
    from tansaku.potentials.network.descriptors.jacobian import describe
    from tansaku.potentials.network.model import Potential, architecture_of
    from tansaku.potentials.network.scaling import Scaling

    spec = PotentialSpec.model_validate({"environment": environment, "hidden": (6, 5), "members": 3, **keys})
    rng = np.random.default_rng(1)
    described = describe(open_descriptor(spec.environment, species), alloys(species, 6, 2), species)
    energies = 8.0 * rng.normal(size=6) - 20.0
    scaling = Scaling.learned(described.features, described.species, described.structure, energies)
    architecture = architecture_of(spec, scaling)
    members = [architecture.drawn(rng) + 0.1 * rng.normal(size=architecture.n_weights) for _ in range(spec.members)]
    error = ErrorModel(0.0, 1.0, 2.0, 1.0)
    return Potential(spec, species, scaling, np.array(members), error, error, {})
