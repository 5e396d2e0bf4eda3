"""CHGNet's network as it is computed here, beside the package's own."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from tansaku.calculators.engines.chgnet import open_chgnet
from tansaku.calculators.structures.tavorite import build_tavorite
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import EnergyCalculator
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec

pytestmark = pytest.mark.needs("chgnet")

CUTOFFS = (6.0, 3.0)


def skewed() -> Atoms:
    """Six atoms in a cell that is smaller than the cutoff, some of them outside of it."""
    rng = np.random.default_rng(3)
    cell = [[4.1, 0.0, 0.0], [1.7, 4.3, 0.0], [-1.1, 1.3, 4.6]]
    atoms = Atoms("LiFePO2F", cell=cell, pbc=True, scaled_positions=[[0, 0, 0], [0.5, 0.1, 0.2], [0.1, 0.6, 0.5]] * 2)
    atoms.positions[3:] += atoms.cell.array @ [0.31, -0.24, 0.43]
    atoms.positions += rng.normal(scale=0.1, size=(6, 3))
    atoms.positions[1] += 2 * atoms.cell.array[0] - atoms.cell.array[2]
    return atoms


def structures() -> dict[str, Atoms]:
    tavorite = build_tavorite({"A": "Na+", "M": "Fe2+", "X": "S6+", "Z": "F-"})
    tavorite.rattle(0.05, seed=1)
    return {
        "skewed": skewed(),
        "tavorite": tavorite,
        "one atom, bonds to itself": bulk("Cu", "fcc", a=3.6),
        "no angles": Atoms("NaCl", positions=[[0, 0, 0], [4.0, 0, 0]], cell=[9, 9, 9], pbc=True),
        "no bonds": Atoms("Na", cell=[9, 9, 9], pbc=True),
    }


@pytest.mark.parametrize("name", list(structures()))
def test_bonds_are_every_pair_once_and_angles_every_ordered_pair_of_short_ones(name):
    from tansaku.calculators.engines.chgnet_network import find_bonds

    atoms = structures()[name]
    bonds = find_bonds(atoms, *CUTOFFS)
    first, second, vectors = neighbor_list("ijD", atoms, CUTOFFS[0])
    both = np.concatenate([bonds.vectors, -bonds.vectors])
    ends = np.concatenate([np.stack([bonds.first, bonds.second], 1), np.stack([bonds.second, bonds.first], 1)])
    ours = sorted((int(i), int(j), *np.round(v, 6) + 0.0) for (i, j), v in zip(ends, both, strict=True))
    assert ours == sorted((int(i), int(j), *np.round(v, 6) + 0.0) for i, j, v in zip(first, second, vectors, strict=True))
    near = neighbor_list("i", atoms, CUTOFFS[1])
    counts = np.bincount(near, minlength=len(atoms))
    assert len(bonds.angles) == int((counts * (counts - 1)).sum())
    starts = np.where(
        bonds.signs[:, 0] > 0, bonds.first[bonds.short[bonds.angles[:, 1]]], bonds.second[bonds.short[bonds.angles[:, 1]]]
    )
    assert (starts == bonds.angles[:, 0]).all()


@pytest.mark.parametrize("model", ["0.3.0", "r2scan"])
@pytest.mark.parametrize("name", [name for name in structures() if name != "no bonds"])
def test_the_package_says_the_same(name, model):
    from chgnet.model.dynamics import CHGNetCalculator
    from chgnet.model.model import CHGNet

    atoms = structures()[name]
    ours = open_chgnet(ChgnetSpec(model=model)).evaluate(atoms)
    theirs = atoms.copy()
    theirs.calc = CHGNetCalculator(CHGNet.load(model_name=model, use_device="cpu", verbose=False), use_device="cpu")
    size = max(1.0, float(np.abs(ours.forces).max()))
    assert ours.energy == pytest.approx(float(theirs.get_potential_energy()), abs=5e-6 * len(atoms) * size)
    np.testing.assert_allclose(ours.forces, theirs.get_forces(), atol=5e-5 * size)
    np.testing.assert_allclose(ours.stress, theirs.get_stress(), atol=5e-6 * size)
    assert ours.energies.sum() == pytest.approx(ours.energy)


def test_an_atom_without_neighbours_has_its_own_energy_and_no_forces():
    alone = open_chgnet(ChgnetSpec()).evaluate(structures()["no bonds"])
    assert np.isfinite(alone.energy)
    assert not alone.forces.any()
    assert not alone.stress.any()


def test_energies_of_a_batch_are_those_of_its_structures():
    from tansaku.calculators.engines.chgnet import load_network

    network = load_network(ChgnetSpec(dtype="float64"))
    batch = [skewed(), structures()["no bonds"], structures()["one atom, bonds to itself"], skewed()]
    batch[3].positions[0] += 0.2
    expected = [network.compute(atoms).energies.sum() for atoms in batch]
    assert network.energies(batch) == pytest.approx(expected, abs=1e-10)
    assert abs(expected[3] - expected[0]) > 1e-3
    calculator = open_chgnet(ChgnetSpec(dtype="float64"))
    assert isinstance(calculator, EnergyCalculator)
    assert calculator.energy(batch[3]) == pytest.approx(calculator.evaluate(batch[3]).energy, abs=1e-10)
    with pytest.raises(ConfigurationError, match="has no"):
        calculator.energy(Atoms("Es", cell=[9.0, 9.0, 9.0], pbc=True))
