"""Cubes as the network gets them are those of the descriptor, turned, and every pass of training sees others."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from scipy.spatial.transform import Rotation

from tansaku.models.domain.surrogates import Example, TrainingRun
from tansaku.potentials.features.bragg_frame import canonical_frame
from tansaku.potentials.features.voxels import VoxelGrid, bragg_peaks, voxels
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec

pytestmark = pytest.mark.needs("torch")

SPEC = VoxelNetworkSpec(
    resolution=0.8, length=6.4, layers=2, filters=2, hidden=4, members=1, rotations=30, views=2, epochs=4, batch=4
)
GRID = VoxelGrid(SPEC.resolution, SPEC.length)
LENGTHS = ((3.1, 3.4, 3.6), (3.0, 7.2, 11.5), (4.8, 5.0, 5.3))
"""The second has peaks closer than voxels, the others fewer peaks."""


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    rng = np.random.default_rng(0)
    found = []
    for place, lengths in enumerate(LENGTHS * 2):
        cell = np.diag(lengths) + 0.2 * rng.normal(size=(3, 3))
        shape = 2 * np.ceil(np.linalg.norm(cell, axis=1)).astype(int)
        atoms = Atoms("Cu", cell=cell, pbc=True)
        properties = {"energy": np.asarray(rng.normal())}
        found.append(Example(f"c{place}", f"g{place}", atoms, properties, {"density": rng.random(shape)}))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_cubes_on_the_device_are_the_half_cubes_of_turned_peaks(examples, seed):
    import torch

    from tansaku.potentials.voxel_network.cubes import Crystals

    chosen = np.random.default_rng(seed).permutation(len(examples))[:4]
    rotations = Rotation.random(len(chosen), rng=np.random.default_rng(seed)).as_matrix()
    found = Crystals.of(examples, SPEC, "cpu").cubes(torch.as_tensor(chosen), torch.as_tensor(rotations)).numpy()
    half = GRID.size // 2
    assert found.shape == (len(chosen), 1, half + 1, GRID.size, GRID.size)
    for cube, place, rotation in zip(found[:, 0], chosen, rotations, strict=True):
        peaks = bragg_peaks(examples[place].fields["density"], examples[place].structure.cell.array, SPEC.resolution)
        turned = peaks.turned(canonical_frame(peaks)).turned(rotation)
        np.testing.assert_allclose(cube, voxels(turned, GRID)[half - 1 :], rtol=1e-5, atol=1e-6)


def test_some_of_these_voxels_are_shared(examples):
    peaks = bragg_peaks(examples[1].fields["density"], examples[1].structure.cell.array, SPEC.resolution)
    assert np.unique(np.rint(peaks.vectors / GRID.step), axis=0, return_counts=True)[1].max() > 1


def test_rotations_are_proper_and_no_two_are_the_same():
    from tansaku.potentials.voxel_network.cubes import rotation_set

    rotations = rotation_set(30)
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (30, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0, atol=1e-12)
    apart = np.abs(rotations[:, None] - rotations[None]).max(axis=(2, 3))
    assert apart[~np.eye(30, dtype=bool)].min() > 1e-3
    assert np.array_equal(rotation_set(30), rotations)


def test_every_pass_of_training_sees_other_cubes(examples, monkeypatch):
    import torch

    from tansaku.potentials.voxel_network.cubes import Crystals, rotation_set
    from tansaku.potentials.voxel_network.training import VoxelNetworkTrainer

    made = Crystals.cubes
    passes: list[dict[int, np.ndarray]] = [{}]

    def watched(crystals, chosen, rotations):
        found = made(crystals, chosen, rotations)
        if torch.is_grad_enabled():
            known = np.abs(rotations.numpy()[:, None] - rotation_set(SPEC.rotations)).max(axis=(2, 3)).min(axis=1)
            assert known.max() < 1e-12
            passes[-1] |= dict(zip(chosen.tolist(), found.numpy(), strict=True))
        return found

    monkeypatch.setattr(Crystals, "cubes", watched)
    VoxelNetworkTrainer(SPEC).fit(examples, TrainingRun(on_progress=lambda _: passes.append({})))
    seen = passes[: SPEC.epochs]
    # One group of six is set aside.
    assert [len(one) for one in seen] == [5] * SPEC.epochs
    assert {frozenset(one) for one in seen} == {frozenset(seen[0])}
    for crystal in seen[0]:
        different = {one[crystal].tobytes() for one in seen}
        assert len(different) > 1
    first, second = (np.stack([one[crystal] for crystal in sorted(one)]) for one in seen[:2])
    assert (np.abs(first - second).max(axis=(1, 2, 3, 4)) > 1e-3).sum() >= 4
